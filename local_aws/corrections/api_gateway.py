"""API Gateway: REST APIs and their custom domains.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_NUMBERS = ("timeoutInMillis", "minimumCompressionSize", "authorizerResultTtlInSeconds")
_FLAGS = (
    "apiKeyRequired",
    "cacheClusterEnabled",
    "disableExecuteApiEndpoint",
    "tracingEnabled",
    "validateRequestBody",
    "validateRequestParameters",
)


@corrects("services.apigateway_v1", "_apply_patch")
def patched_values_keep_their_type(
    original: Function, record: Record, operations: list[Record]
) -> Record:
    """A patch operation's value is text, but a number or a flag stays one in the resource.

    https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
    """
    patched: Record = original(record, operations)
    for name in _NUMBERS:
        if isinstance(patched.get(name), str):
            patched[name] = int(patched[name])
    for name in _FLAGS:
        if isinstance(patched.get(name), str):
            patched[name] = patched[name] == "true"
    return patched


@corrects("services.apigateway_v1", "_create_base_path_mapping")
def empty_base_path_is_the_root(original: Function, domain: str, mapping: Record) -> Response:
    """A mapping with an empty base path is known as ``(none)``.

    https://docs.aws.amazon.com/apigateway/latest/api/API_CreateBasePathMapping.html
    """
    base_path = mapping.get("basePath") or "(none)"
    response: Response = original(domain, {**mapping, "basePath": base_path})
    return response


@corrects("services.apigateway_v1", "_create_domain_name")
def domain_without_mutual_tls(original: Function, domain: Record) -> Response:
    """A domain name that was created without mutual TLS has no such block.

    https://docs.aws.amazon.com/apigateway/latest/api/API_DomainName.html
    """
    status, headers, body = original(domain)
    created = apigateway_v1._domain_names.get(domain.get("domainName", ""))
    if status != 201 or created is None or created["mutualTlsAuthentication"]:
        return status, headers, body
    del created["mutualTlsAuthentication"]
    response: Response = apigateway_v1._v1_response(created, 201)
    return response


@corrects("services.apigateway_v1", "find_domain_scope")
def shared_domain_prefers_the_signed_region(
    original: Function, domain: str
) -> tuple[str, str, str] | None:
    """Of a domain name that several regions have, a signed request reaches the region it names.

    A regional endpoint accepts signatures of its own region only:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    account, region = apigateway_v1.get_account_id(), apigateway_v1.get_region()
    if apigateway_v1._domain_names.contains_scoped(account, region, domain):
        return account, region, domain
    scope: tuple[str, str, str] | None = original(domain)
    return scope
