"""`trading status`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from stacks.settings import workspace_name
from trading.display import Showing, display
from trading.engine.engine import Engine
from trading.engine.events import StackFinished
from trading.engine.pending import find_pending, pending_order
from trading.errors import OperatorError
from trading.interaction import console, print_json
from trading.reports.status import (
    EnvironmentStatus,
    as_table,
    environments_with_state,
    read_status,
    remarks,
)
from trading.state.states import stacks_with_state
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    DIFFERENCES_FOUND,
    Environment,
    Json,
    Parallelism,
    TargetOption,
)

EXAMPLES = """
Examples:

  trading status --env prod            what is deployed where, since when, from which commit

  trading status --all                 every environment that has any state

  trading status --pending             and what a deploy would change (plans every stack)
"""


# The report alone goes to the standard output, for a file or a pipe.
_progress = Console(stderr=True)


def status(
    env: Environment = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every environment that has any state.")
    ] = False,
    pending: Annotated[
        bool, typer.Option("--pending", help="Plan each deployed stack, too.")
    ] = False,
    target_name: TargetOption = TargetName.AWS,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_form: Json = False,
) -> None:
    """Show what is deployed, layer by region: when, from which commit, drained, locked.

    With --pending it exits with 0 for no pending changes, 2 for some, 1 for an error.
    """
    chosen = target(target_name)
    names = environments_with_state(chosen.environment()) if every else [workspace_name(env)]
    found = []
    for name in names:
        engine = Engine(name, chosen, parallelism)
        found.append(read_status(engine, _find_pending(engine, json_form) if pending else ()))
    if json_form:
        print_json({environment.workspace: environment.as_json() for environment in found})
    else:
        _print(found)
    if failed := [name for environment in found for name in environment.not_planned]:
        raise OperatorError(f"{', '.join(failed)} could not be planned")
    if any(environment.has_pending for environment in found):
        raise typer.Exit(DIFFERENCES_FOUND)


def _find_pending(engine: Engine, silent: bool) -> list[StackFinished]:
    existing = stacks_with_state(engine.workspace, engine.environment)
    order = pending_order(engine, [s for s in engine.all_stacks() if s.name in existing])
    if not order.steps:
        return []
    with display(_progress, order, Showing(quiet=silent)) as observer:
        return find_pending(engine, order, observer)


def _print(found: list[EnvironmentStatus]) -> None:
    if not found:
        console.print("nothing is deployed")
    for environment in found:
        console.print(as_table(environment))
        for line in remarks(environment):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
