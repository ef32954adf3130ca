"""The picture of the stacks: what is in it, that each language is well formed, where it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.errors import OperatorError
from trading.reports.diagram import (
    MARKDOWN_BEGIN,
    MARKDOWN_END,
    Picture,
    as_dot,
    as_mermaid,
    draw,
    put_into_markdown,
)
from trading.reports.diagram_svg import as_svg

if TYPE_CHECKING:
    from .conftest import Project

SVG = "{http://www.w3.org/2000/svg}"
DEPLOYED = {"security-us-east-1", "global-zone"}


@pytest.fixture
def picture(project: Project) -> Picture:
    return draw(project.graph, "dev", DEPLOYED)


def test_an_edge_that_follows_from_others_is_left_out(picture: Picture) -> None:
    into_api = [source for source, target in picture.edges if target == "api-us-west-2"]
    assert sorted(into_api) == ["data-us-west-2", "global-zone"]
    into_records = [source for source, target in picture.edges if target == "global-dns"]
    assert sorted(into_records) == ["api-us-east-1", "api-us-west-2"]


def test_stacks_stand_by_region_and_what_is_of_all_regions_last(picture: Picture) -> None:
    assert list(picture.groups) == ["us-east-1", "us-west-2", "all regions"]
    assert [node.title for node in picture.groups["us-west-2"]] == [
        "security",
        "network",
        "data",
        "api",
    ]
    assert picture.caption == "dev: 10 stacks, 2 deployed"


def test_mermaid_names_every_stack_and_marks_what_is_deployed(picture: Picture) -> None:
    text = as_mermaid(picture)
    assert len(re.findall(r"^ +(\w+)\[\"<b>", text, re.MULTILINE)) == 10
    assert set(re.findall(r"(\w+)\[.*:::deployed", text)) == {"security_us_east_1", "global_zone"}
    assert "<b>✓ security</b><br/>" in text
    assert "    data_us_east_1 --> api_us_east_1\n" in text


def test_without_status_nothing_is_marked(project: Project) -> None:
    picture = draw(project.graph, "dev")
    for text in (as_mermaid(picture), as_dot(picture)):
        assert "✓" not in text
        assert "deployed" not in text
    classes = {element.get("class") for element in ET.fromstring(as_svg(picture)).iter()}
    assert "node" in classes
    assert not classes & {"deployed", "absent", "legend"}


def test_dot_quotes_what_it_writes(picture: Picture) -> None:
    text = as_dot(picture)
    assert '"security-us-east-1" [label="✓ security\\nthe KMS key of everything" fill' in text
    assert text.count(" -> ") == len(picture.edges)
    assert text.count("{") == text.count("}")


def test_svg_boxes_do_not_overlap_and_lie_inside(picture: Picture) -> None:
    svg = ET.fromstring(as_svg(picture))
    boxes = [box for box in svg.iter(f"{SVG}rect") if box.get("width") == "216"]
    assert len(boxes) == 10
    corners = {(int(box.get("x", 0)), int(box.get("y", 0))) for box in boxes}
    assert len(corners) == 10
    width, height = int(svg.get("width", 0)), int(svg.get("height", 0))
    assert all(x + 216 <= width and y + 58 <= height for x, y in corners)
    assert all(
        abs(x - other_x) >= 216 or abs(y - other_y) >= 58
        for x, y in corners
        for other_x, other_y in corners - {(x, y)}
    )


def test_svg_edges_point_down(picture: Picture) -> None:
    """Rows follow the order: nothing stands above what it needs."""
    svg = ET.fromstring(as_svg(picture))
    paths = [
        path.get("d", "") for path in svg.iter(f"{SVG}path") if "edge" in path.get("class", "")
    ]
    assert len(paths) == len(picture.edges)
    for path in paths:
        begin, end = re.match(r"M\d+ (\d+)", path), re.search(r"V(\d+)$", path)
        assert begin
        assert end
        assert int(begin[1]) < int(end[1])


def test_a_markdown_file_gets_it_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKDOWN_BEGIN}\nold\n{MARKDOWN_END}\nafter\n")
    put_into_markdown(page, "flowchart TB\n")
    expected = f"{MARKDOWN_BEGIN}\n```mermaid\nflowchart TB\n```\n{MARKDOWN_END}"
    assert page.read_text() == f"before\n{expected}\nafter\n"


@pytest.mark.parametrize("text", ["", MARKDOWN_BEGIN, f"{MARKDOWN_END}\n{MARKDOWN_BEGIN}"])
def test_a_markdown_file_without_markers_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(OperatorError, match="has no place for the picture"):
        put_into_markdown(page, "flowchart TB\n")
    assert page.read_text() == text


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(main, ["graph", "--env", "dev", "--output", str(tmp_path / name)])
    assert result.exit_code == 1
    assert f"no picture is written as '{name}': add --format, or use .md" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["--output", "a.svg"], "<svg"),
        (["--output", "a.dot"], "digraph"),
        (["--format", "mermaid", "--output", "a.txt"], "flowchart"),
        (["--format", "svg", "--output", "a.md"], "<svg"),
    ],
)
def test_the_format_is_asked_for_or_follows_from_the_suffix(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    begins: str,
) -> None:
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )
    monkeypatch.chdir(tmp_path)
    project.deploy_state("global-zone")
    result = CliRunner().invoke(main, ["graph", "--env", "dev", *arguments])
    assert result.exit_code == 0, result.output
    text = (tmp_path / arguments[-1]).read_text()
    assert text.startswith(begins)
    assert "deployed" in text
    assert not project.calls()
