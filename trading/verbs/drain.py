"""`trading drain` and `trading undrain`."""

from __future__ import annotations

from typing import Annotated

import typer

from stacks.settings import parse_workspace
from trading.display import Showing
from trading.engine.dns_health import is_unhealthy
from trading.engine.draining import drain_order, undrain_order
from trading.engine.engine import Engine
from trading.engine.routing import Rerouting
from trading.interaction import Asking, carry_out, confirm, console, exclusively
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    JsonEvents,
    Quiet,
    TargetOption,
    Verbose,
    Yes,
)

EXAMPLES = "Example: `trading drain us-west-2 --env prod`"
UNDRAIN_EXAMPLES = "Example: `trading undrain us-west-2 --env prod`"

Region = Annotated[str, typer.Argument(metavar="REGION", help="Such as us-west-2.")]


def drain(
    region: Region,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take a region out of the shared name: clients are led to the others, until `undrain`.

    Nothing in the region is touched or asked, so it may be down. Its own name stays, for reads of the
    trades it is the home of. Later deploys keep it drained. Needs the state, and Route 53's
    control plane in us-east-1: while that region is down, health checks alone lead clients away.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    asking, showing = Asking(yes, confirmed), Showing(json_events, quiet, verbose)
    with exclusively(engine, "drain", showing):
        reroute(engine, Rerouting(region, drained=True), asking, showing)


def undrain(
    region: Region,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Put a drained region back into the shared name."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    asking, showing = Asking(yes, confirmed), Showing(json_events, quiet, verbose)
    with exclusively(engine, "undrain", showing):
        reroute(engine, Rerouting(region, drained=False), asking, showing)


def reroute(engine: Engine, rerouting: Rerouting, asking: Asking, showing: Showing) -> None:
    """Drain a region or put it back, unless it is so already. Raises OperatorError."""
    region, drained = rerouting.region, rerouting.drained
    order = (drain_order if drained else undrain_order)(engine, region)
    if order is None:
        _say(f"nothing to do: {region} is {'' if drained else 'not '}drained", showing)
        return
    if not drained and is_unhealthy(engine, region):
        _say(f"Route 53 finds {region} unhealthy: it gets no clients until it is healthy", showing)
    what = f"{'drain' if drained else 'undrain'} {region} in {engine.workspace}"
    confirm(what, engine, asking, by_name=engine.guarded)
    carry_out(engine, order, showing)
    if drained:
        _say(f"{region} is drained: clients leave it as their resolvers ask anew", showing)
    else:
        _say(f"{region} is back in rotation", showing)


def _say(text: str, showing: Showing) -> None:
    if not showing.silent:
        console.print(text, highlight=False)
