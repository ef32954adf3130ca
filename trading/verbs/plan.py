"""`trading plan`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stacks.settings import parse_workspace
from trading.archive.choice import Restoring, with_restores
from trading.display import Showing, write_event
from trading.engine.engine import Engine
from trading.engine.events import Changes, State
from trading.engine.graph import Selection
from trading.engine.plans import export_plans, forget_plans, save_plans
from trading.errors import OperatorError
from trading.interaction import console, exclusively, run_shown
from trading.summary import names_of, plan_details, plan_table
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    DIFFERENCES_FOUND,
    Environment,
    JsonEvents,
    Layers,
    Names,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
    WithDependencies,
    WithDependents,
)

EXAMPLES = "Example: `trading plan --layer api --detail`, then `trading deploy --plan`"


def plan(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    with_dependencies: WithDependencies = False,
    with_dependents: WithDependents = False,
    detail: bool = typer.Option(False, "--detail", help="Name every address that changes."),
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write each plan there as Terraform's JSON, too, for scanners; it holds secrets.",
        ),
    ] = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Plan stacks and save the plans, for `trading deploy --plan` to apply exactly those.

    A stack that reads outputs which are about to change is planned when they have.
    Exits with 0 for no changes, 2 for changes, 1 for an error.
    """
    showing = Showing(json_events, quiet, verbose)
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    selection = Selection(
        names or [], layer or [], region or [], with_dependencies, with_dependents
    )
    with exclusively(engine, "plan", showing):
        order = with_restores(
            engine, engine.plan_order(engine.graph.select(selection)), Restoring()
        )
        forget_plans(engine)
        results = run_shown(engine, order, showing)
        save_plans(engine, order, results)
        if export:
            export_plans(engine, results, export)
    if showing.json:
        write_event(console, "summary", stacks=[asdict(result) for result in results])
    else:
        console.print(plan_table(results))
        for line in plan_details(results) if detail else []:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if failed := names_of(results, State.FAILED):
        raise OperatorError(f"{', '.join(failed)} could not be planned")
    changes = sum((result.changes for result in results), Changes())
    waiting = names_of(results, State.SKIPPED)
    if not showing.silent:
        more = f"; {len(waiting)} more to plan after that" if waiting else ""
        console.print(f"{changes} resources{more}", highlight=False)
    if waiting or any(result.changes.total or result.outputs_change for result in results):
        raise typer.Exit(DIFFERENCES_FOUND)
