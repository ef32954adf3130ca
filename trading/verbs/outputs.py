"""`trading outputs`."""

from __future__ import annotations

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.interaction import console, print_json
from trading.reports.outputs import as_json, as_table, read_outputs
from trading.targets import TargetName, target
from trading.verbs.options import DEFAULT_PARALLELISM, Environment, Json, TargetOption


def outputs(
    env: Environment = None, target_name: TargetOption = TargetName.AWS, json_form: Json = False
) -> None:
    """Print where each region's API answers, and where its data is."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    published = as_json(read_outputs(engine))
    if json_form:
        print_json(published)
    else:
        console.print(as_table(published))
