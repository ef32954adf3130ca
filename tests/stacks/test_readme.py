"""The README's picture is the one that the command line draws of the stacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stacks.paths import PROJECT_ROOT
from trading.engine.graph import Graph
from trading.reports.diagram import as_mermaid, draw, put_into_markdown


def test_the_picture_is_up_to_date(
    synthesized_directory: Callable[[str], Path], tmp_path: Path
) -> None:
    """Otherwise: trading graph --env dev --no-status --output README.md"""
    copy = tmp_path / "README.md"
    readme = (PROJECT_ROOT / "README.md").read_text()
    copy.write_text(readme)
    put_into_markdown(copy, as_mermaid(draw(Graph.read(synthesized_directory("dev")), "dev")))
    assert copy.read_text() == readme


def test_every_stack_says_what_it_holds(synthesized_directory: Callable[[str], Path]) -> None:
    picture = draw(Graph.read(synthesized_directory("dev")), "dev")
    assert [node.name for node in picture.nodes if not node.contents] == []
