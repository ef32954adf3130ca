"""Take a region out of the shared name, or put it back: what is refused, and the order that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.settings import GLOBAL_REGION
from trading.aws import client
from trading.engine.routing import DNS, Routing, apis, read_routing, rerouting_order
from trading.errors import OperatorError
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.order import Order

# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
_HEALTHY_SHARE = 0.18


def drain_order(engine: Engine, region: str) -> Order | None:
    """How a region is drained; None when it is. Raises OperatorError, also for the last healthy one."""
    routing = _routing(engine, region)
    if region in routing.drained:
        return None
    _require_another(engine, routing, region)
    return rerouting_order(engine, routing.draining(region), region)


def undrain_order(engine: Engine, region: str) -> Order | None:
    """How a region is put back; None when it is not drained. Raises OperatorError."""
    routing = _routing(engine, region)
    if region not in routing.drained:
        return None
    if region in routing.absent:
        api = apis(engine)[region]
        selection = DNS if engine.is_deployed(api) else f"--region {region} --with-dependents"
        raise OperatorError(
            f"{DNS} knows of no API in {region}: run `trading deploy {selection}` first"
        )
    return rerouting_order(engine, routing.undraining(region), region)


def is_unhealthy(engine: Engine, region: str) -> bool:
    """Whether Route 53 says that a region is unhealthy. It may say nothing: then it is not known to be."""
    checks = engine.outputs([engine.graph.stacks[DNS]]).get(DNS, {}).get("health_check_ids", {})
    check = checks.get(region)
    if check is None:
        return False
    # Here: botocore is slow to import, and most verbs call no AWS.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    route53: Any = client("route53", engine.environment, GLOBAL_REGION)
    try:
        seen = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    except (BotoCoreError, ClientError):
        return False
    healthy = [probe["StatusReport"]["Status"].startswith("Success") for probe in seen]
    return bool(healthy) and sum(healthy) / len(healthy) <= _HEALTHY_SHARE


def _routing(engine: Engine, region: str) -> Routing:
    known = apis(engine)
    if region not in known:
        raise OperatorError(
            f"there is no region '{region}': choose from {', '.join(sorted(known))}"
        )
    routing = read_routing(engine)
    if routing is None:
        raise OperatorError(
            f"{DNS} is not deployed, or not wholly: run `trading deploy {DNS}` first"
        )
    return routing


def _require_another(engine: Engine, routing: Routing, region: str) -> None:
    deployed = stacks_with_state(engine.workspace, engine.environment)
    reasons = []
    for other, api in apis(engine).items():
        if other == region:
            continue
        if other in routing.absent or api.name not in deployed:
            reasons.append(f"{other} has no API")
        elif other in routing.drained:
            reasons.append(f"{other} is drained")
        elif is_unhealthy(engine, other):
            reasons.append(f"{other} is unhealthy")
        else:
            return
    raise OperatorError(
        f"{region} is the last healthy region ({', '.join(reasons)}):"
        " the shared name would lead nowhere; put another one right first"
    )
