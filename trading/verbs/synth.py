"""`trading synth` and `trading stacks`: what an environment consists of."""

from __future__ import annotations

from rich.table import Table

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.interaction import console, print_json
from trading.targets import TargetName, target
from trading.verbs.options import Environment, Json


def synth(env: Environment = None) -> None:
    """Write the Terraform JSON of an environment's stacks."""
    workspace = parse_workspace(env)
    graph = Engine(workspace.suffix, target(TargetName.AWS), 1).graph
    console.print(f"{len(graph.stacks)} stacks of {workspace.suffix} synthesized")


def stacks(env: Environment = None, json_form: Json = False) -> None:
    """List an environment's stacks in deploy order, and what each needs."""
    graph = Engine(parse_workspace(env).suffix, target(TargetName.AWS), 1).graph
    if json_form:
        print_json([stack.as_json() for stack in graph.stacks.values()])
        return
    table = Table("Stack", "Layer", "Region", "Needs")
    for stack in graph.stacks.values():
        needs = ", ".join(stack.dependencies) or "-"
        table.add_row(stack.name, stack.layer, stack.region or "all", needs)
    console.print(table)
