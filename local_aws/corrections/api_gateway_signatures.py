"""API Gateway: for whom a signature of an ``AWS_IAM`` method is good, and how a denial is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import iam_evaluator, responses, sigv4
from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_aws.corrections.shapes import Response


@corrects("app", "_enforce_execute_api")
def signature_is_for_the_apis_region(
    original: Function,
    api: str,
    stage: str,
    method: str,
    path: str,
    headers: Mapping[str, Any],
    query: Mapping[str, Any],
    **options: Any,
) -> Response | None:
    """A signature for another region or service is none for this API.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
    """
    home = apigateway_v1.find_api_scope(api)
    if home and app._execute_api_authorization_type(api, stage, method, path) == "AWS_IAM":
        signature = (
            sigv4.parse_header_signature(headers)
            if "authorization" in headers
            else sigv4.parse_query_signature(query)
        )
        if message := _misdirected(signature, home[1]):
            error = iam_evaluator.AuthError("SignatureDoesNotMatch", message)
            refusal: Response = apigateway_v1.authentication_error_response(
                api, stage, error, headers, query
            )
            return refusal
    answer: Response | None = original(api, stage, method, path, headers, query, **options)
    return answer


def _misdirected(signature: sigv4.HeaderSignature | tuple[str, str], region: str) -> str | None:
    if isinstance(signature, tuple):
        return None  # It lacks a part, which is refused for that.
    if signature.service != "execute-api":
        return "Credential should be scoped to correct service: 'execute-api'. "
    if signature.region != region:
        return "Credential should be scoped to a valid region. "
    return None


@corrects("app", "_enforce_execute_api")
def denial_is_the_apis_own_response(
    original: Function, api: str, stage: str, *call: Any, **options: Any
) -> Response | None:
    """What IAM denies is answered by the API's gateway response ``ACCESS_DENIED``.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    answer: Response | None = original(api, stage, *call, **options)
    home = apigateway_v1.find_api_scope(api)
    if answer is None or home is None:
        return answer
    told = {name.lower(): value for name, value in json.loads(answer[2]).items()}
    if not str(told.get("__type", told.get("code"))).startswith("AccessDenied"):
        return answer
    request = {
        "api_id": api,
        "stage_name": stage,
        "stage": apigateway_v1.stages_for_api(api)[stage],
        "headers": {},
        "query_params": {},
        "path_params": {},
        "resource_path": "",
        "request_id": responses.new_uuid(),
    }
    with responses.request_scope(*home):
        kind = "AccessDeniedException"
        error = apigateway_v1._GatewayError("ACCESS_DENIED", told["message"], kind)
        denial: Response = apigateway_v1._gateway_error_response(error, request)
        return denial
