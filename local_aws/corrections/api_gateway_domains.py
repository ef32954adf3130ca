"""API Gateway: what a custom domain tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response


@corrects("services.apigateway_v1", "_create_domain_name")
def domain_is_available(original: Function, domain: Record) -> Response:
    """A domain name that was made tells that it can be used and changed.

    https://docs.aws.amazon.com/apigateway/latest/api/API_DomainName.html
    """
    response: Response = original(domain)
    if response[0] == 201:
        created = apigateway_v1._domain_names[domain["domainName"]]
        created["domainNameStatus"] = "AVAILABLE"
        response = apigateway_v1._v1_response(created, 201)
    return response


@corrects("services.apigateway_v1", "_apply_patch")
def mutual_tls_is_turned_off(
    original: Function, record: Record, operations: list[Record]
) -> Record:
    """An empty truststore means that clients need no certificate any more.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
    """
    patched: Record = original(record, operations)
    mutual_tls = patched.get("mutualTlsAuthentication")
    if mutual_tls is not None and not mutual_tls.get("truststoreUri"):
        del patched["mutualTlsAuthentication"]
    return patched
