"""API Gateway: REST APIs and their custom domains.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response

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
    if "authorizationType" in patched:  # A method's say whether they are required.
        required = patched.get("requestParameters") or {}
        patched["requestParameters"] = {k: str(v).lower() == "true" for k, v in required.items()}
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


@corrects("services.apigateway_v1", "handle_request")
async def domains_can_be_updated(
    original: Function, method: str, path: str, headers: Record, body: bytes, query: Record
) -> Response:
    """A custom domain can get another certificate, a mapping another API or stage.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDomainName.html
    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateBasePathMapping.html
    """
    parts = path.strip("/").split("/")
    if method == "PATCH" and parts[0] == "domainnames":
        operations = json.loads(body)["patchOperations"]
        if len(parts) == 2 and (domain := apigateway_v1._domain_names.get(parts[1])):
            return _patched(domain, operations)
        mappings = apigateway_v1._base_path_mappings.get(parts[1], {})
        if len(parts) == 4 and (mapping := mappings.pop(parts[3], None)):
            answer = _patched(mapping, operations)
            # The patch's path has another spelling than the resource's member.
            mapping["restApiId"] = mapping.pop("restapiId", mapping["restApiId"])
            mapping["basePath"] = mapping["basePath"] or "(none)"
            mappings[mapping["basePath"]] = mapping
            return answer
    response: Response = await original(method, path, headers, body, query)
    return response


def _patched(record: Record, operations: list[Record]) -> Response:
    apigateway_v1._apply_patch(record, operations)
    response: Response = apigateway_v1._v1_response(record)
    return response


@corrects("services.apigateway_v1", "_tag_v1_resource")
def resource_gets_tags(original: Function, arn: str, request: Record) -> Response:
    """TagResource adds to the tags that the resource itself tells.

    https://docs.aws.amazon.com/apigateway/latest/api/API_TagResource.html
    """
    response: Response = original(arn, request)
    if response[0] == 204:
        _tags(arn).update(request["tags"])
    return response


@corrects("services.apigateway_v1", "_untag_v1_resource")
def resource_loses_tags(original: Function, arn: str, keys: list[str]) -> Response:
    """UntagResource takes from the tags that the resource itself tells.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UntagResource.html
    """
    response: Response = original(arn, keys)
    for key in keys if response[0] == 204 else ():
        _tags(arn).pop(key, None)
    return response


def _tags(arn: str) -> Record:
    """The tags in the record of the resource that an ARN names."""
    record: Record = {}
    match arn.split(":", 5)[5].strip("/").split("/"):
        case ["domainnames", name]:
            record = apigateway_v1._domain_names[name]
        case ["restapis", api]:
            record = apigateway_v1._rest_apis[api]
        case ["restapis", api, "stages", stage]:
            record = apigateway_v1._stages_v1[api][stage]
    tags: Record = record.setdefault("tags", {})
    return tags
