"""`trading graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stacks.settings import parse_workspace
from trading.engine.engine import Engine
from trading.errors import OperatorError
from trading.interaction import console, print_plain
from trading.reports.diagram import (
    SUFFIXES,
    PictureFormat,
    as_dot,
    as_mermaid,
    draw,
    put_into_markdown,
)
from trading.reports.diagram_svg import as_svg
from trading.state.states import stacks_with_state
from trading.targets import TargetName, target
from trading.verbs.options import DEFAULT_PARALLELISM, Environment, TargetOption

EXAMPLES = "Example: `trading graph --output stacks.svg`; the suffix tells the format"

_WRITERS = {
    PictureFormat.MERMAID: as_mermaid,
    PictureFormat.DOT: as_dot,
    PictureFormat.SVG: as_svg,
}


def graph(
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    format_name: Annotated[
        PictureFormat | None,
        typer.Option("--format", help="By default what --output's suffix says, or else mermaid."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write to a file; in a Markdown file, between its markers."
        ),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status/--no-status", help="Mark what is deployed.")
    ] = True,
) -> None:
    """Draw the stacks, what each needs, and which are deployed."""
    suffix = output.suffix if output else ""
    if format_name is None and output and suffix not in SUFFIXES:
        raise OperatorError(
            f"no picture is written as '{output.name}': add --format, or use {', '.join(SUFFIXES)}"
        )
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    deployed = stacks_with_state(engine.workspace, engine.environment) if status else None
    chosen = format_name or SUFFIXES.get(suffix, PictureFormat.MERMAID)
    text = _WRITERS[chosen](draw(engine.graph, engine.workspace, deployed))
    if output is None:
        print_plain(text)
        return
    if suffix == ".md" and chosen is PictureFormat.MERMAID:
        put_into_markdown(output, text)
    else:
        output.write_text(text)
    console.print(f"{output} written", highlight=False)
