"""API Gateway: what a caller sees of a Lambda function behind a proxy integration."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record

_INTERNAL_ERROR = "Internal server error"
_LONGEST_TIMEOUT = 29000


@corrects("services.apigateway_v1", "_lambda_proxy_response")
def failures_tell_nothing(original: Function, result: Record) -> tuple[Record | None, str | None]:
    """A function's error, or an answer that is not one, is 502 without a word of its cause.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    if result.get("error") or not (result.get("throttle") or _is_proxy_answer(result.get("body"))):
        return None, _INTERNAL_ERROR
    answer: tuple[Record | None, str | None] = original(result)
    return answer


@corrects("services.apigateway_v1", "_invoke_lambda_proxy_v1")
async def integration_times_out(
    original: Function, integration: Record, *request: Any, **options: Any
) -> Any:
    """A caller waits as long as the integration's timeout says, then gets 504.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    """
    invocation = asyncio.ensure_future(original(integration, *request, **options))
    timeout = int(integration.get("timeoutInMillis") or _LONGEST_TIMEOUT) / 1000
    # Like on AWS the function goes on: only the caller stops waiting for it.
    done, _ = await asyncio.wait({invocation}, timeout=timeout)
    if done:
        return invocation.result()
    return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")


def _is_proxy_answer(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    status = answer.get("statusCode")
    return (
        str(status).isdecimal()
        and not isinstance(status, bool)
        and isinstance(answer.get("body", ""), str | None)
        and isinstance(answer.get("headers"), dict | None)
        and isinstance(answer.get("multiValueHeaders"), dict | None)
    )
