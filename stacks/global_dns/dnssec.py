"""The zone's answers, signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import TerraformOutput
from cdktf_cdktf_provider_aws.kms_key import KmsKey
from cdktf_cdktf_provider_aws.route53_hosted_zone_dnssec import Route53HostedZoneDnssec
from cdktf_cdktf_provider_aws.route53_key_signing_key import Route53KeySigningKey
from constructs import Construct

from stacks.policies import Condition, Statement, policy
from stacks.security.key_policy import THIS_KEY, administration
from stacks.settings import PROJECT

if TYPE_CHECKING:
    from cdktf_cdktf_provider_aws.route53_zone import Route53Zone

    from stacks.base import PlatformStack

SIGNER = {"Service": "dnssec-route53.amazonaws.com"}


class Dnssec(Construct):
    """A key that signs the zone's keys, and the signing. Nobody checks a signature until the zone above
    publishes `ds_record`; once it does, the zone cannot be unsigned, or destroyed, before it is taken out
    there and forgotten by resolvers.

    The key must be of this very kind, in us-east-1:
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-configuring-dnssec-cmk-requirements.html
    """

    def __init__(
        self, stack: PlatformStack, zone: Route53Zone, *, key_deletion_window_days: int
    ) -> None:
        super().__init__(stack, "dnssec")
        key = KmsKey(
            self,
            "key",
            description=f"Signs the DNS zone of {PROJECT} {stack.suffix}",
            customer_master_key_spec="ECC_NIST_P256",
            key_usage="SIGN_VERIFY",
            deletion_window_in_days=key_deletion_window_days,
            policy=_signing_key_policy(stack.account_id, zone.arn),
            tags={"Name": stack.named("dnssec-key")},
        )
        signing_key = Route53KeySigningKey(
            self,
            "signing-key",
            hosted_zone_id=zone.zone_id,
            key_management_service_arn=key.arn,
            # Letters, digits and underscores are all that it may hold.
            name=stack.named("signing").replace("-", "_"),
        )
        Route53HostedZoneDnssec(
            self, "signing", hosted_zone_id=signing_key.hosted_zone_id, depends_on=[signing_key]
        )
        TerraformOutput(
            stack,
            "ds_record",
            value=signing_key.ds_record,
            description="What the zone above is to publish.",
            static_id=True,
        )


def _signing_key_policy(account_id: str, zone_arn: str) -> str:
    """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/access-control-managing-permissions.html#KMS-key-policy-for-DNSSEC"""
    of_the_zone: Condition = {
        "StringEquals": {"aws:SourceAccount": account_id},
        "ArnEquals": {"aws:SourceArn": zone_arn},
    }
    return policy(
        administration(account_id),
        Statement(
            "Route53SignsTheZone",
            ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            THIS_KEY,
            SIGNER,
            of_the_zone,
        ),
        Statement(
            "Route53HoldsGrants",
            ["kms:CreateGrant"],
            THIS_KEY,
            SIGNER,
            {**of_the_zone, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )
