"""`trading consistency`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from stacks.settings import parse_workspace
from trading.display import Showing, plural
from trading.engine.engine import Engine
from trading.engine.events import Changes
from trading.engine.graph import Selection, Stack
from trading.errors import OperatorError
from trading.interaction import console, print_json
from trading.reports.consistency import as_table, compare_layers, read_layer
from trading.reports.examination import examine_stacks, failures, require_examined
from trading.reports.region_names import LayerInRegion
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    DIFFERENCES_FOUND,
    Environment,
    Json,
    Layers,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
)

EXAMPLES = "Example: `trading consistency --layer data`"


def consistency(
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_form: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Name what is not the same in all regions, as AWS is now. Changes nothing.

    What regions must differ in is left out: names, zones, address ranges, and what AWS generates.
    Exits with 0 for no difference, 2 for differences, 1 when a stack could not be examined.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    selection = Selection(layers=layer or [], regions=region or [])
    stacks = [stack for stack in engine.graph.select(selection) if stack.region]
    if len({stack.region for stack in stacks}) < 2:
        raise OperatorError("there is nothing to compare: select layers of at least two regions")
    held: dict[str, LayerInRegion] = {}

    def examine(stack: Stack, plan: Mapping[str, Any]) -> Changes:
        held[stack.name] = read_layer(plan, stack.directory)
        return Changes()

    showing = Showing(quiet=quiet, verbose=verbose)
    results = examine_stacks(engine, stacks, examine, showing, drifted_only=False)
    not_examined = failures(results)
    found = compare_layers([stack for stack in stacks if stack.name not in not_examined], held)
    if json_form:
        listed = [item.as_json(layer) for layer, item in found]
        print_json({"differences": listed, "not_examined": not_examined})
    elif found:
        console.print(as_table(found))
    require_examined(results)
    if found:
        raise typer.Exit(DIFFERENCES_FOUND)
    if not json_form:
        console.print(f"the regions are the same in {plural(len(results))}", highlight=False)
