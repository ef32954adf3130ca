"""WAF: logging configurations of web ACLs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ministack.services import waf

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response


@corrects("services.waf", "handle_request")
async def web_acl_logging_is_kept(
    original: Function, method: str, path: str, headers: dict[str, str], body: bytes, query: Record
) -> Response:
    """A web ACL has a logging configuration, which ends with it.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_PutLoggingConfiguration.html
    """
    action = headers.get("x-amz-target", "").split(".")[-1]
    handler = _ACTIONS.get(action)
    if handler is None:
        answer: Response = await original(method, path, headers, body, query)
        return answer
    return handler(json.loads(body))


def _put_logging(request: Record) -> Response:
    configuration = request["LoggingConfiguration"]
    web_acl, error = waf._resolve_local_web_acl(configuration["ResourceArn"])
    if error:
        refusal: Response = error
        return refusal
    # AWS scopes a field to the customer unless the request says otherwise.
    web_acl["LoggingConfiguration"] = {"LogScope": "CUSTOMER", **configuration}
    return _answer({"LoggingConfiguration": web_acl["LoggingConfiguration"]})


def _get_logging(request: Record) -> Response:
    web_acl, error = waf._resolve_local_web_acl(request["ResourceArn"])
    if error:
        refusal: Response = error
        return refusal
    if "LoggingConfiguration" not in web_acl:
        missing: Response = waf._waf_err(
            "WAFNonexistentItemException", "The web ACL has no logging configuration."
        )
        return missing
    return _answer({"LoggingConfiguration": web_acl["LoggingConfiguration"]})


def _delete_logging(request: Record) -> Response:
    answer = _get_logging(request)
    if answer[0] != 200:
        return answer
    web_acl, _ = waf._resolve_local_web_acl(request["ResourceArn"])
    del web_acl["LoggingConfiguration"]
    return _answer({})


def _answer(content: Record) -> Response:
    response: Response = waf.json_response(content)
    return response


_ACTIONS = {
    "PutLoggingConfiguration": _put_logging,
    "GetLoggingConfiguration": _get_logging,
    "DeleteLoggingConfiguration": _delete_logging,
}


@corrects("services.waf", "_update_web_acl")
def web_acl_description_changes(original: Function, request: Record) -> Response:
    """UpdateWebACL sets the description, too.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_UpdateWebACL.html
    """
    response: Response = original(request)
    if response[0] == 200:
        scope = request.get("Scope", "REGIONAL")
        web_acl = waf._resource_from_scope(waf._web_acls, request["Id"], scope)
        web_acl["Description"] = request.get("Description", "")
    return response
