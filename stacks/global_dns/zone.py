"""The hosted zone, once for all regions, deployed before any of them has an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import TerraformIterator, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.acm_certificate import AcmCertificate
from cdktf_cdktf_provider_aws.acm_certificate_validation import AcmCertificateValidation
from cdktf_cdktf_provider_aws.data_aws_route53_zone import DataAwsRoute53Zone
from cdktf_cdktf_provider_aws.route53_record import Route53Record
from cdktf_cdktf_provider_aws.route53_zone import Route53Zone

from stacks.base import PlatformStack
from stacks.contract import publish
from stacks.global_dns.certificate_names import regional_names
from stacks.global_dns.outputs import ZoneOutputs
from stacks.settings import GLOBAL_REGION, PROJECT

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Workspace

VALIDATION_TTL_SECONDS = 300


class ZoneStack(PlatformStack):
    """The zone, created or looked up, and the proof that its names are ours.

    ACM asks for the same CNAME in every region of an account, so no regional stack may own it: this
    stack requests the certificate once, for all names, and owns every validation record; the regions
    request theirs for the same names and wait until ACM finds the records here.
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
        certificate = self._certificate(workspace.api_domain)
        self._validate(certificate, zone.zone_id)
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
            return DataAwsRoute53Zone(self, "zone", name=workspace.zone_name, private_zone=False)
        return Route53Zone(
            self,
            "zone",
            name=workspace.zone_name,
            comment=f"{PROJECT} {self.suffix}, all regions",
            force_destroy=True,
            tags={"Name": workspace.zone_name},
        )

    def _certificate(self, api_domain: str) -> AcmCertificate:
        return AcmCertificate(
            self,
            "certificate",
            domain_name=api_domain,
            subject_alternative_names=regional_names(api_domain),
            validation_method="DNS",
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            tags={"Name": self.named("api-certificate")},
        )

    def _validate(self, certificate: AcmCertificate, zone_id: str) -> None:
        options = TerraformIterator.from_complex_list(
            certificate.domain_validation_options, "domain_name"
        )
        records = Route53Record(
            self,
            "validation",
            for_each=options,
            # A certificate of the same name in another region asks for the very same record.
            allow_overwrite=True,
            zone_id=zone_id,
            name=options.get_string("resource_record_name"),
            type=options.get_string("resource_record_type"),
            records=[options.get_string("resource_record_value")],
            ttl=VALIDATION_TTL_SECONDS,
        )
        AcmCertificateValidation(
            self, "issued", certificate_arn=certificate.arn, depends_on=[records]
        )
