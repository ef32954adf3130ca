"""`trading destroy`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from stacks.settings import parse_workspace
from trading.archive.choice import Keeping, kept_notes, with_keeps
from trading.display import Showing, plural
from trading.engine.engine import Engine
from trading.engine.graph import Selection
from trading.interaction import (
    Asking,
    carry_out,
    confirm,
    console,
    exclusively,
    show_order,
    take_over_shown,
    warn_of_unknown_states,
)
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    JsonEvents,
    KeepData,
    Layers,
    LoseData,
    Names,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
    WithDependencies,
    WithDependents,
    Yes,
)

EXAMPLES = "Example: `trading destroy --layer api --with-dependents --confirm dev`"

if TYPE_CHECKING:
    from collections.abc import Callable

    from trading.engine.order import Order


def destroy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    with_dependencies: WithDependencies = False,
    with_dependents: WithDependents = False,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    keep_data: KeepData = False,
    lose_data: LoseData = None,
    yes: Yes = False,
    confirmed: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Destroy stacks in reverse order. Where data matters, it is kept in the archive before."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    selection = Selection(
        names or [], layer or [], region or [], with_dependencies, with_dependents
    )
    showing = Showing(json_events, quiet, verbose)
    with exclusively(engine, "destroy", showing):
        if not (names or layer or region):
            warn_of_unknown_states(engine, showing)
        keeping = Keeping(keep_data, frozenset(lose_data or []))
        stacks = engine.graph.select(selection)
        # What killed runs made of them goes, too.
        take_over_shown(engine, stacks, showing)
        order = with_keeps(engine, engine.destroy_order(stacks), keeping)
        destroy_order(engine, order, Asking(yes, confirmed), showing)


def destroy_order(
    engine: Engine,
    order: Order,
    asking: Asking,
    showing: Showing,
    *,
    name: str | None = None,
    first: Callable[[], None] = lambda: None,
) -> None:
    """Show what an order destroys, have the environment's name typed, or another one, and destroy it,
    after what is to be done `first`.
    """
    if not order.steps:
        if not showing.silent:
            console.print(
                f"nothing to destroy: none of these stacks is deployed in {engine.workspace}"
            )
        return
    show_order(order, engine.workspace, showing, {} if showing.silent else _notes(engine, order))
    what = f"destroy {plural(order.count)}"
    confirm(what, engine, asking, by_name=True, name=name)
    first()
    carry_out(engine, order, showing)


def _notes(engine: Engine, order: Order) -> dict[str, str]:
    """How many resources each stack holds, or that it stays."""
    destroyed = [step for step in order.steps if step.verb is order.verb]
    directories = [step.stack.directory for step in destroyed]
    with ThreadPoolExecutor(engine.parallelism) as pool:
        addresses = pool.map(engine.terraform.addresses, directories)
        counts = {
            step.name: plural(len(found), "resource")
            for step, found in zip(destroyed, addresses, strict=True)
        }
    data = kept_notes(order)
    return {
        step.name: "; ".join(
            note
            for note in (counts.get(step.name, "stays, without them"), data.get(step.name))
            if note
        )
        for step in order.steps
    }
