"""The emulator's own paths, beside those of the AWS services."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ministack.services import rds

from local_aws.corrections.rds_databases import visible_status
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response


# SDK calls whose first answer may have been lost; a retry comes within seconds.
_REMEMBERED_CALLS = 1000
_calls: OrderedDict[str, asyncio.Task[Response]] = OrderedDict()


@corrects("app", "_dispatch_service_request")
async def repeated_request_gets_the_first_answer(
    original: Function,
    method: str,
    path: str,
    headers: dict[str, str],
    *rest: Any,
) -> Response:
    """An SDK that lost the answer to a request gets it when it asks again.

    Now and then, under load, the SDK for Go drops a connection between an answer's headers and its body,
    since the emulator answers within a fraction of a millisecond, and sends its request again. The
    repeated request then failed: what had just been created cannot be created twice. All attempts of
    one call bear one `amz-sdk-invocation-id`:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
    call = headers.get("amz-sdk-invocation-id")
    if call is None or method in {"GET", "HEAD"}:
        answer: Response = await original(method, path, headers, *rest)
        return answer
    first = _calls.get(call)
    if first is None:
        first = _calls[call] = asyncio.ensure_future(original(method, path, headers, *rest))
        while len(_calls) > _REMEMBERED_CALLS:
            _calls.popitem(last=False)
    try:
        answer = await asyncio.shield(first)
    except BaseException:
        _calls.pop(call, None)
        raise
    if answer[0] >= HTTPStatus.BAD_REQUEST:
        _calls.pop(
            call, None
        )  # A refusal that the SDK repeats, such as throttling, is decided anew.
    return answer


@corrects("app", "_handle_health_request")
def health_path_is_the_customers(original: Function, path: str, request_id: str) -> Response | None:
    """``/health`` of a custom domain reaches its API: only ``/_ministack/health`` is ours.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html
    """
    if path == "/health":
        return None
    answer: Response | None = original(path, request_id)
    return answer


@corrects("app", "_handle_health_request")
def health_tells_the_clusters(original: Function, path: str, request_id: str) -> Response | None:
    """The local target's status shows the clusters of all regions, which no AWS action lists."""
    answer: Response | None = original(path, request_id)
    if answer is None:
        return None
    status, headers, body = answer
    health: Record = json.loads(body)
    health["clusters"] = [
        {
            "region": region,
            "identifier": identifier,
            "address": cluster["Endpoint"],
            "status": visible_status(cluster),
        }
        for (_, region, identifier), cluster in rds._clusters.all_items()
    ]
    return status, headers, json.dumps(health).encode()
