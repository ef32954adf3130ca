"""`trading outputs`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.engine.graph import Selection
from trading.errors import OperatorError
from trading.interaction import console, print_json, print_plain
from trading.reports.outputs import (
    as_env,
    as_json,
    as_shown,
    as_table,
    read_outputs,
    read_stack_outputs,
)
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Environment,
    Json,
    Layers,
    Names,
    Regions,
    TargetOption,
)

EXAMPLES = 'Example: `eval "$(trading outputs --region us-east-1 --format env)"`'


class OutputsFormat(StrEnum):
    """How outputs are printed."""

    TABLE = "table"
    ENV = "env"
    JSON = "json"


def outputs(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    format_name: Annotated[
        OutputsFormat | None,
        typer.Option("--format", help="table; env: lines for a shell to evaluate; json."),
    ] = None,
    json_form: Json = False,
) -> None:
    """Print where each region's API answers and where its data is; of named stacks or layers, all
    that they publish.

    Variables of --format env begin with the region or the stack (US_EAST_1_API_INVOKE_URL), unless
    one alone is asked for (API_INVOKE_URL). Only the table hides sensitive values.
    """
    if json_form and format_name not in {None, OutputsFormat.JSON}:
        raise OperatorError(f"--json and --format {format_name} are two formats: give one")
    chosen = OutputsFormat.JSON if json_form else format_name or OutputsFormat.TABLE
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    if names or layer:
        stacks = engine.graph.select(Selection(names or [], layer or [], region or []))
        published = read_stack_outputs(engine, stacks)
        values = {
            stack: {name: output.value for name, output in outputs.items()}
            for stack, outputs in published.items()
        }
        shown, place, alone = as_shown(published), "Stack", len(stacks) == 1
    else:
        values = shown = as_json(read_outputs(engine, region or []))
        place, alone = "Region", len(region or []) == 1
    match chosen:
        case OutputsFormat.JSON:
            print_json(values)
        case OutputsFormat.ENV:
            print_plain(as_env(values, prefixed=not alone))
        case OutputsFormat.TABLE:
            console.print(as_table(shown, place))
