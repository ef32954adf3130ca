"""`trading synth` and `trading stacks`: what an environment consists of."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stacks.settings import parse_workspace
from trading.display import plural
from trading.engine.synthesis import bring_up_to_date, synthesize
from trading.interaction import console, print_json
from trading.verbs.options import Environment, Json

EXAMPLES = "Example: `trading synth --env dev`; `--force` synthesizes even when nothing changed"
STACKS_EXAMPLES = "Example: `trading stacks --env prod --json`"


def synth(
    env: Environment = None,
    force: Annotated[
        bool, typer.Option("--force", help="Synthesize even when nothing changed.")
    ] = False,
) -> None:
    """Write the Terraform JSON of an environment's stacks, unless nothing changed since."""
    workspace = parse_workspace(env).suffix
    started = time.monotonic()
    synthesis = bring_up_to_date(workspace, force=force)
    seconds = time.monotonic() - started
    done = "unchanged" if synthesis.unchanged else "synthesized"
    count = plural(len(synthesis.graph.stacks))
    console.print(f"{count} of {workspace} {done} ({seconds:.2f} s)", highlight=False)


def stacks(env: Environment = None, json_form: Json = False) -> None:
    """List an environment's stacks in deploy order, and what each needs."""
    graph = synthesize(parse_workspace(env).suffix)
    if json_form:
        print_json([stack.as_json() for stack in graph.stacks.values()])
        return
    from rich.table import Table  # noqa: PLC0415 - only this form needs it

    table = Table("Stack", "Layer", "Region", "Needs")
    for stack in graph.stacks.values():
        needs = ", ".join(stack.dependencies) or "-"
        table.add_row(stack.name, stack.layer, stack.region or "all", needs)
    console.print(table)
