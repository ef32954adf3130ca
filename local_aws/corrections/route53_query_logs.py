"""Route 53: the query log of a zone."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.etree.ElementTree import Element, SubElement

from ministack.services import cloudwatch_logs, route53

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response

_PATH = re.compile(rf"/{route53.API_VERSION}/queryloggingconfig(?:/([^/]+))?")
_LOG_GROUP = re.compile(r"arn:aws:logs:us-east-1:\d{12}:log-group:([^:]+)(:\*)?")
_WRITES = {"logs:CreateLogStream", "logs:PutLogEvents"}


@corrects("services.route53", "handle_request")
async def zone_has_a_query_log(
    original: Function, method: str, path: str, headers: Record, body: bytes, query: Record
) -> Response:
    """A zone can have one query log: a log group of us-east-1 whose policy lets Route 53 write to it.

    It ends with the zone.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateQueryLoggingConfig.html
    """
    asked = _PATH.fullmatch(path)
    if asked is None:
        answer: Response = await original(method, path, headers, body, query)
        return answer
    identity = asked.group(1)
    if method == "POST":
        return _create(body)
    if identity is None:
        return _list(query)
    return _delete(identity) if method == "DELETE" else _get(identity)


def _create(body: bytes) -> Response:
    request = route53._parse_body(body)
    zone_id = route53._text(request, "HostedZoneId").removeprefix("/hostedzone/")
    group = route53._text(request, "CloudWatchLogsLogGroupArn")
    zone = route53._zones.get(zone_id)
    if zone is None:
        return _error("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
    if "query_log" in zone:
        return _error("QueryLoggingConfigAlreadyExists", "The zone has a query log already.", 409)
    name = _LOG_GROUP.fullmatch(group)
    if name is None or name.group(1) not in cloudwatch_logs._log_groups:
        return _error("NoSuchCloudWatchLogsLogGroup", f"There is no log group {group}.", 404)
    if not _may_write(f"{group.removesuffix(':*')}:log-stream:any"):
        return _error(
            "InsufficientCloudWatchLogsResourcePolicy",
            f"No resource policy lets route53.amazonaws.com write to {group}.",
        )
    zone["query_log"] = {"Id": str(uuid4()), "CloudWatchLogsLogGroupArn": group}
    status, headers, answer = _one("CreateQueryLoggingConfigResponse", zone, 201)
    location = f"https://route53.amazonaws.com/2013-04-01/queryloggingconfig/{_identity(zone)}"
    return status, {**headers, "Location": location}, answer


def _may_write(stream_arn: str) -> bool:
    """Whether a policy of the account lets Route 53 make and fill log streams. No condition is judged."""
    allowed: set[str] = set()
    for document in cloudwatch_logs._resource_policies.values():
        for statement in json.loads(document["policyDocument"]).get("Statement", []):
            principals = statement.get("Principal", {})
            services = _listed(principals.get("Service")) if isinstance(principals, dict) else []
            if (
                statement["Effect"] == "Allow"
                and "route53.amazonaws.com" in services
                and any(fnmatchcase(stream_arn, one) for one in _listed(statement["Resource"]))
            ):
                allowed |= {
                    action
                    for action in _WRITES
                    if any(fnmatchcase(action, one) for one in _listed(statement["Action"]))
                }
    return allowed == _WRITES


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def _list(query: Record) -> Response:
    wanted = query.get("hostedzoneid")
    wanted = wanted[0] if isinstance(wanted, list) else wanted

    def build(root: Element) -> None:
        configurations = SubElement(root, "QueryLoggingConfigs")
        for zone in route53._zones.values():
            if "query_log" in zone and wanted in {None, zone["id"]}:
                _write(configurations, zone)

    response: Response = route53._xml_response("ListQueryLoggingConfigsResponse", build)
    return response


def _get(identity: str) -> Response:
    zone = _logged(identity)
    return _one("GetQueryLoggingConfigResponse", zone) if zone else _missing(identity)


def _delete(identity: str) -> Response:
    zone = _logged(identity)
    if zone is None:
        return _missing(identity)
    del zone["query_log"]
    response: Response = route53._xml_response("DeleteQueryLoggingConfigResponse", lambda _: None)
    return response


def _logged(identity: str) -> Record | None:
    zones = (zone for zone in route53._zones.values() if "query_log" in zone)
    return next((zone for zone in zones if _identity(zone) == identity), None)


def _identity(zone: Record) -> str:
    return str(zone["query_log"]["Id"])


def _one(root_tag: str, zone: Record, status: int = 200) -> Response:
    response: Response = route53._xml_response(root_tag, lambda root: _write(root, zone), status)
    return response


def _write(parent: Element, zone: Record) -> None:
    element = SubElement(parent, "QueryLoggingConfig")
    for name, text in {**zone["query_log"], "HostedZoneId": zone["id"]}.items():
        SubElement(element, name).text = text


def _missing(identity: str) -> Response:
    return _error("NoSuchQueryLoggingConfig", f"There is no query log {identity}.", 404)


def _error(code: str, message: str, status: int = 400) -> Response:
    response: Response = route53._error_response(code, message, status)
    return response
