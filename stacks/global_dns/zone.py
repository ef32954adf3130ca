"""The hosted zone, once for all regions, deployed before any of them has an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.acm_certificate import AcmCertificate
from cdktf_cdktf_provider_aws.data_aws_route53_zone import DataAwsRoute53Zone
from cdktf_cdktf_provider_aws.route53_record import Route53Record
from cdktf_cdktf_provider_aws.route53_zone import Route53Zone

from stacks.base import PlatformStack
from stacks.contract import publish
from stacks.global_dns.dnssec import Dnssec
from stacks.global_dns.outputs import ZoneOutputs
from stacks.global_dns.query_log import QueryLog
from stacks.settings import GLOBAL_REGION, PROJECT, regional_names

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Workspace

VALIDATION_TTL_SECONDS = 300


class ZoneStack(PlatformStack):
    """The zone, created with a log of its queries or looked up, and the proof that its names are ours.

    ACM asks for the same CNAME in every region of an account, so no regional stack may own it: this
    stack requests the certificate once, for all names, and owns every validation record; the regions
    request theirs for the same names and wait until ACM finds the records here. Nothing waits in this
    stack: a new zone can only be delegated, and so found, after it was made.
    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """

    def __init__(self, scope: Construct, workspace: Workspace) -> None:
        super().__init__(
            scope,
            "global-zone",
            layer="global-dns",
            suffix=workspace.suffix,
            region=GLOBAL_REGION,
            account_id=workspace.environment.account_id,
        )
        zone = self._zone(workspace)
        names = [workspace.api_domain, *regional_names(workspace.api_domain)]
        certificate = self._certificate(names)
        self._validate(certificate, names, zone.zone_id)
        publish(
            self,
            ZoneOutputs(
                zone_id=zone.zone_id,
                zone_name=zone.name,
                api_domain=workspace.api_domain,
                name_servers=zone.name_servers,
                certificate_arn=certificate.arn,
            ),
        )

    def _zone(self, workspace: Workspace) -> Route53Zone | DataAwsRoute53Zone:
        if workspace.environment.zone_exists:
            return DataAwsRoute53Zone(self, "zone", name=workspace.zone_name)
        zone = Route53Zone(
            self,
            "zone",
            name=workspace.zone_name,
            comment=f"{PROJECT} {self.suffix}, all regions",
            force_destroy=True,
            tags={"Name": workspace.zone_name},
        )
        QueryLog(
            self,
            zone,
            workspace.zone_name,
            key_deletion_window_days=workspace.environment.kms_deletion_window_days,
        )
        if workspace.environment.dnssec:
            Dnssec(
                self,
                zone,
                key_deletion_window_days=workspace.environment.kms_deletion_window_days,
            )
        return zone

    def _certificate(self, names: list[str]) -> AcmCertificate:
        return AcmCertificate(
            self,
            "certificate",
            domain_name=names[0],
            subject_alternative_names=names[1:],
            validation_method="DNS",
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            tags={"Name": self.named("api-certificate")},
        )

    def _validate(self, certificate: AcmCertificate, names: list[str], zone_id: str) -> None:
        # By name, because the set that ACM answers has no order, and its size must be known to plan.
        self.local(
            "validation",
            f"${{{{for option in {certificate.fqn}.domain_validation_options :"
            " option.domain_name => option}}",
        )
        for number, name in enumerate(names, start=1):
            Route53Record(
                self,
                f"validation-{number}",
                # A certificate of the same name in another region asks for the very same record.
                allow_overwrite=True,
                zone_id=zone_id,
                name=f'${{local.validation["{name}"].resource_record_name}}',
                type=f'${{local.validation["{name}"].resource_record_type}}',
                records=[f'${{local.validation["{name}"].resource_record_value}}'],
                ttl=VALIDATION_TTL_SECONDS,
            )
