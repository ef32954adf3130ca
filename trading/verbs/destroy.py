"""`trading destroy`."""

from __future__ import annotations

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.engine.graph import Selection
from trading.interaction import carry_out, confirm_destroy, console, show_order
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    Layers,
    Names,
    Parallelism,
    Regions,
    TargetOption,
    Yes,
)


def destroy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirm: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Destroy stacks in reverse order, with all they hold."""
    workspace = parse_workspace(env)
    engine = Engine(workspace.suffix, target(target_name), parallelism)
    selection = Selection(names or [], layer or [], region or [])
    order = engine.destroy_order(engine.graph.select(selection))
    if not order.stacks:
        console.print(f"nothing to destroy: none of these stacks is deployed in {workspace.suffix}")
        return
    show_order(order, engine.workspace)
    guarded = not workspace.environment.skip_final_snapshot
    confirm_destroy(workspace.suffix, yes=yes, confirmed=confirm, guarded=guarded)
    carry_out(engine, order)
