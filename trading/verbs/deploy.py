"""`trading deploy`."""

from __future__ import annotations

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.engine.graph import Selection
from trading.interaction import carry_out, confirm_deploy, show_order
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


def deploy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirm: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Deploy stacks in order, independent ones side by side."""
    workspace = parse_workspace(env)
    engine = Engine(workspace.suffix, target(target_name), parallelism)
    selection = Selection(names or [], layer or [], region or [])
    order = engine.deploy_order(engine.graph.select(selection))
    show_order(order, engine.workspace)
    guarded = not workspace.environment.skip_final_snapshot
    confirm_deploy(workspace.suffix, yes=yes, confirmed=confirm, guarded=guarded)
    carry_out(engine, order)
