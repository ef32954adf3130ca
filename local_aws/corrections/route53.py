"""Route 53: health checks and DNSSEC."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.services import route53

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from local_aws.corrections.shapes import Record, Response

_DNSSEC = """<?xml version="1.0" encoding="UTF-8"?>
<GetDNSSECResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
<Status><ServeSignature>NOT_SIGNING</ServeSignature></Status><KeySigningKeys/>
</GetDNSSECResponse>"""


@corrects("services.route53", "_parse_health_check_config")
def health_check_lists_are_kept(original: Function, element: Element) -> Record:
    """A health check keeps its checkers' regions, and a calculated one its children.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
    """
    configuration: Record = original(element)
    for group, member in (("Regions", "Region"), ("ChildHealthChecks", "ChildHealthCheck")):
        container = route53._find(element, group)
        if container is not None:
            configuration[group] = [found.text for found in route53._findall(container, member)]
    return configuration


@corrects("services.route53", "handle_request")
async def dnssec_can_be_asked_for(
    original: Function, method: str, path: str, *request: Any
) -> Response:
    """GetDNSSEC says that an unsigned zone is not signed.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetDNSSEC.html
    """
    zone = re.fullmatch(rf"/{route53.API_VERSION}/hostedzone/([^/]+)/dnssec", path)
    if zone is None or method != "GET":
        answer: Response = await original(method, path, *request)
        return answer
    status, headers, body = route53._get_hosted_zone(zone.group(1))
    return status, headers, body if status != 200 else _DNSSEC.encode()
