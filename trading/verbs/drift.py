"""`trading drift`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from stacks.settings import parse_workspace
from trading.display import Showing, plural
from trading.engine.engine import Engine
from trading.engine.events import Changes
from trading.engine.graph import Selection, Stack
from trading.interaction import console, print_json
from trading.reports.drift import Drift, as_table, drift_of
from trading.reports.examination import examine_stacks, failures, require_examined
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    DIFFERENCES_FOUND,
    Environment,
    Json,
    Layers,
    Names,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
)

EXAMPLES = "Example: `trading drift --layer network --json`"


def drift(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_form: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Name every attribute that was changed behind Terraform's back. Changes nothing.

    Exits with 0 for no drift, 2 for drift, 1 when a stack could not be examined.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    selected = engine.graph.select(Selection(names or [], layer or [], region or []))
    found: dict[str, list[Drift]] = {}

    def examine(stack: Stack, plan: Mapping[str, Any]) -> Changes:
        drifts = drift_of(plan)
        found[stack.name] = drifts
        gone = {drift.address for drift in drifts if drift.attribute is None}
        return Changes(change=len({drift.address for drift in drifts} - gone), remove=len(gone))

    showing = Showing(quiet=quiet, verbose=verbose)
    results = examine_stacks(engine, selected, examine, showing, drifted_only=True)
    drifts = [(result.stack, drift) for result in results for drift in found.get(result.stack, [])]
    if json_form:
        listed = [drift.as_json(stack) for stack, drift in drifts]
        print_json({"drift": listed, "not_examined": failures(results)})
    elif drifts:
        console.print(as_table(drifts))
    require_examined(results)
    if drifts:
        raise typer.Exit(DIFFERENCES_FOUND)
    if not json_form:
        console.print(f"no drift in {plural(len(results))}", highlight=False)
