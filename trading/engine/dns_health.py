"""What Route 53 knows of the regions' health, and whether its control plane can be asked at all."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from stacks.settings import GLOBAL_REGION
from trading.aws import client, errors
from trading.engine.routing import DNS
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.engine.engine import Engine

# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
_HEALTHY_SHARE = 0.18


def require_control_plane(engine: Engine) -> None:
    """Raises OperatorError when Route 53 cannot be told anything: Terraform would try for eight minutes.

    Its control plane is in us-east-1; names are answered, and health checked, from everywhere:
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/route-53-concepts.html
    """
    try:
        _route53(engine).list_hosted_zones(MaxItems="1")
    except errors() as error:
        if _answered(error):
            return
        raise OperatorError(
            f"Route 53's control plane in {GLOBAL_REGION} does not answer, so no name can be changed now;"
            " health checks go on to lead clients away from regions that do not answer"
        ) from error


def is_unhealthy(engine: Engine, region: str) -> bool:
    """Whether Route 53 says that a region is unhealthy. It may say nothing: then it is not known to be."""
    checks = engine.outputs([engine.graph.stacks[DNS]]).get(DNS, {}).get("health_check_ids", {})
    if not (check := checks.get(region)):
        return False
    try:
        answer = _route53(engine).get_health_check_status(HealthCheckId=check)
    except errors():
        return False
    seen = [probe["StatusReport"]["Status"] for probe in answer["HealthCheckObservations"]]
    healthy = sum(status.startswith("Success") for status in seen)
    return bool(seen) and healthy <= _HEALTHY_SHARE * len(seen)


def _route53(engine: Engine) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - slow to import, and most verbs need no AWS

    # During an incident a prompt answer counts, whatever it is.
    patience = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})
    return client("route53", engine.environment, GLOBAL_REGION, patience)


def _answered(error: Exception) -> bool:
    """Whether an error is Route 53's own answer, such as a missing permission."""
    answer: dict[str, Any] = getattr(error, "response", {}).get("ResponseMetadata", {})
    status = answer.get("HTTPStatusCode", HTTPStatus.SERVICE_UNAVAILABLE)
    return bool(status < HTTPStatus.INTERNAL_SERVER_ERROR)
