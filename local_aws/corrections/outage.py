"""A region can be out: every call of it is refused until it has recovered, to rehearse what to do then.

``PUT /_ministack/outages/REGION`` begins an outage and ``DELETE`` ends it; the health path tells of
them. An outage does not outlive the server.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from ministack import app
from ministack.core.responses import get_region
from ministack.services import apigateway_v1

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from typing import Any

    from local_aws.corrections.shapes import Record, Response

_ADMINISTRATION = "/_ministack/"
_OUTAGES = f"{_ADMINISTRATION}outages/"
# No service's own format, as when AWS's front door cannot reach the service: SDKs know it by its tag.
_UNAVAILABLE = b"<html><body><b>Http/1.1 Service Unavailable</b></body></html>"

_regions: set[str] = set()


@corrects("app", "_handle_pre_body_request")
async def a_region_can_be_out(
    original: Function, method: str, path: str, headers: dict[str, str], *rest: Any
) -> Response | None:
    """A call belongs to the region that its signature names, or that has the API it is for.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    if path.startswith(_OUTAGES):
        return _administer(method, path.removeprefix(_OUTAGES))
    if not path.startswith(_ADMINISTRATION):
        region = _region_of(headers.get("host", ""), path)
        if region in _regions:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"Content-Type": "text/html"}, _UNAVAILABLE
    answer: Response | None = await original(method, path, headers, *rest)
    return answer


@corrects("app", "_handle_health_request")
def health_tells_the_outages(original: Function, path: str, request_id: str) -> Response | None:
    """The local target's status shows which regions are out."""
    answer: Response | None = original(path, request_id)
    if answer is None:
        return None
    status, headers, body = answer
    health: Record = json.loads(body)
    return status, headers, json.dumps({**health, "outages": sorted(_regions)}).encode()


def _administer(method: str, region: str) -> Response:
    change = {"PUT": _regions.add, "DELETE": _regions.discard}.get(method)
    if change is None or not region:
        return _answer(HTTPStatus.METHOD_NOT_ALLOWED, {"message": "PUT or DELETE a region"})
    change(region)
    return _answer(HTTPStatus.OK, {"outages": sorted(_regions)})


def _answer(status: HTTPStatus, body: Record) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _region_of(host: str, path: str) -> str:
    if call := app._parse_execute_api_url(host, path):
        scope = apigateway_v1.find_api_scope(call[0])
    else:
        scope = apigateway_v1.find_domain_scope(host.split(":", maxsplit=1)[0])
    return str(scope[1] if scope else get_region())
