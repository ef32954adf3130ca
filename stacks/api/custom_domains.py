"""The API's names under the company's domain, and the certificate for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.acm_certificate import AcmCertificate
from cdktf_cdktf_provider_aws.acm_certificate_validation import AcmCertificateValidation
from cdktf_cdktf_provider_aws.api_gateway_base_path_mapping import ApiGatewayBasePathMapping
from cdktf_cdktf_provider_aws.api_gateway_domain_name import (
    ApiGatewayDomainName,
    ApiGatewayDomainNameEndpointConfiguration,
)
from cdktf_cdktf_provider_aws.api_gateway_domain_name import (
    ApiGatewayDomainNameMutualTlsAuthentication as MutualTls,
)
from constructs import Construct

from stacks.settings import regional_names

if TYPE_CHECKING:
    from stacks.api.rest_api import RestApi
    from stacks.base import RegionalStack
    from stacks.settings import Region


class Certificate(Construct):
    """A certificate of this region for the API's names in all regions; `arn` is known once issued.

    The names are the same in every region because ACM proves the same names in one account by the
    same DNS records, which belong to the zone:
    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """

    def __init__(self, stack: RegionalStack, api_domain: str) -> None:
        super().__init__(stack, "certificate")
        request = AcmCertificate(
            self,
            "request",
            domain_name=api_domain,
            subject_alternative_names=regional_names(api_domain),
            validation_method="DNS",
            # A domain name cannot be without a certificate while it is replaced.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            tags={"Name": stack.named("api-certificate")},
        )
        self.arn = AcmCertificateValidation(
            self, "issued", certificate_arn=request.arn
        ).certificate_arn


def mutual_tls(stack: RegionalStack, region: Region) -> MutualTls | None:
    """Which clients' certificates the region's names ask for; None where they ask for none."""
    truststores = {store.region: store for store in stack.workspace.environment.mutual_tls}
    if not truststores:
        return None
    own = truststores[region.name]
    return MutualTls(
        truststore_uri=stack.local("truststore_uri", own.uri).as_string,
        truststore_version=stack.local("truststore_version", own.version).as_string,
    )


class CustomDomain(Construct):
    """One name of the API. Its record is made by the DNS layer, from its target and zone id."""

    def __init__(
        self,
        stack: RegionalStack,
        construct_id: str,
        name: str,
        certificate_arn: str,
        rest: RestApi,
        mutual_tls: MutualTls | None,
    ) -> None:
        super().__init__(stack, construct_id)
        self.domain = ApiGatewayDomainName(
            self,
            "name",
            domain_name=name,
            regional_certificate_arn=certificate_arn,
            security_policy="TLS_1_2",
            mutual_tls_authentication=mutual_tls,
            endpoint_configuration=ApiGatewayDomainNameEndpointConfiguration(types=["REGIONAL"]),
            tags={"Name": stack.named(construct_id)},
        )
        ApiGatewayBasePathMapping(
            self,
            "mapping",
            domain_name=self.domain.domain_name,
            api_id=rest.api.id,
            stage_name=rest.stage.stage_name,
        )
        self.url = f"https://{self.domain.domain_name}"
