"""What a deploy changes of zones, records and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach


def write_dns(reach: Reach) -> list[Statement]:
    """Zones and health checks have ids that AWS chooses, so what may be written is told by the names."""
    account, domain = reach.account_id, reach.environment.base_domain
    names = [f"{start}{end}.{domain}" for end in reach.endings for start in ("", "*.")]
    return [
        Statement("MakeZones", ["route53:CreateHostedZone", "route53:CreateHealthCheck"], ["*"]),
        Statement(
            "ChangeRecords",
            ["route53:ChangeResourceRecordSets"],
            ["arn:aws:route53:::hostedzone/*"],
            conditions={
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": names
                }
            },
        ),
        Statement(
            "ChangeZones",
            [
                "route53:ChangeTagsForResource",
                "route53:CreateQueryLoggingConfig",
                "route53:DeleteHealthCheck",
                "route53:DeleteHostedZone",
                "route53:DeleteQueryLoggingConfig",
                "route53:UpdateHealthCheck",
                "route53:UpdateHostedZoneComment",
            ],
            [
                f"arn:aws:route53:::{kind}/*"
                for kind in ("healthcheck", "hostedzone", "queryloggingconfig")
            ],
        ),
        Statement(
            "RequestCertificates",
            ["acm:RequestCertificate"],
            ["*"],
            conditions={
                **reach.to_be_tagged,
                "ForAllValues:StringLike": {"acm:DomainNames": names},
            },
        ),
        Statement(
            "TagNewCertificates",
            ["acm:AddTagsToCertificate"],
            [f"arn:aws:acm:*:{account}:certificate/*"],
            conditions=reach.to_be_tagged,
        ),
        Statement(
            "ChangeCertificates",
            ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"],
            [f"arn:aws:acm:*:{account}:certificate/*"],
            conditions=reach.tagged,
        ),
        *_signing(reach),
    ]


def _signing(reach: Reach) -> list[Statement]:
    """The zone's key is Route 53's to use, by the key's own policy (stacks/global_dns/dnssec.py)."""
    if not reach.environment.dnssec:
        return []
    return [
        Statement(
            "SignZones",
            [
                "route53:ActivateKeySigningKey",
                "route53:CreateKeySigningKey",
                "route53:DeactivateKeySigningKey",
                "route53:DeleteKeySigningKey",
                "route53:DisableHostedZoneDNSSEC",
                "route53:EnableHostedZoneDNSSEC",
            ],
            ["arn:aws:route53:::hostedzone/*"],
        )
    ]
