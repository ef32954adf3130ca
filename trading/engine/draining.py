"""Take a region out of the shared name, or put it back: what is refused, and the order that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.advice import command
from trading.engine.dns_health import is_unhealthy, require_control_plane
from trading.engine.routing import (
    DNS,
    Routing,
    apis,
    read_routing,
    regions_in_rotation,
    rerouting_order,
)
from trading.errors import OperatorError
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.order import Order


def drain_order(engine: Engine, region: str) -> Order | None:
    """How a region is drained; None when it is. Raises OperatorError, also for the last healthy one."""
    routing = _routing(engine, region)
    if region in routing.drained and region not in regions_in_rotation(engine):
        return None
    require_control_plane(engine)
    _require_another(engine, routing, region)
    return rerouting_order(engine, routing.draining(region), region)


def undrain_order(engine: Engine, region: str) -> Order | None:
    """How a region is put back; None when it is not drained. Raises OperatorError."""
    routing = _routing(engine, region)
    if region not in routing.drained and region in regions_in_rotation(engine):
        return None
    if region in routing.absent:
        api = apis(engine)[region]
        selection = DNS if engine.is_deployed(api) else f"--region {region} --with-dependents"
        raise OperatorError(
            f"{DNS} knows of no API in {region}:"
            f" run {command(f'deploy {selection}', engine.workspace)} first"
        )
    require_control_plane(engine)
    return rerouting_order(engine, routing.undraining(region), region)


def _routing(engine: Engine, region: str) -> Routing:
    known = apis(engine)
    if region not in known:
        raise OperatorError(
            f"there is no region '{region}': choose from {', '.join(sorted(known))}"
        )
    routing = read_routing(engine)
    if routing is None:
        raise OperatorError(
            f"{DNS} is not deployed, or not wholly:"
            f" run {command(f'deploy {DNS}', engine.workspace)} first"
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
