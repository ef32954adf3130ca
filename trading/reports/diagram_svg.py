"""The picture as SVG: a column for each region, a row for each step, in light and in dark."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from trading.reports.diagram import Node, Picture

_NODE_WIDTH, _NODE_HEIGHT = 216, 58
_COLUMN_WIDTH, _ROW_HEIGHT = _NODE_WIDTH + 44, _NODE_HEIGHT + 48
_MARGIN, _HEADER, _GROUP_TITLE, _GROUP_GAP = 24, 52, 40, 14
_PORT_OFFSET, _CORNER = 44, 8
# The arrowhead is drawn beyond the end of its line.
_ARROW = 7

_STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.caption { font-size: 15px; font-weight: 600 }
.legend { font-size: 12px; fill: #57606a }
.group { fill: #f6f8fa; stroke: #d8dee4 }
.group-title { font-size: 13px; font-weight: 600; fill: #57606a; letter-spacing: .02em }
.node { fill: #ffffff; stroke: #afb8c1; stroke-width: 1.2 }
.deployed { fill: #dafbe1; stroke: #1a7f37; stroke-width: 1.4 }
.absent { fill: #ffffff; stroke: #afb8c1; stroke-dasharray: 5 4 }
.title { font-size: 14px; font-weight: 600 }
.mark { fill: #1a7f37 }
.contents { font-size: 11.5px; fill: #57606a }
.edge { fill: none; stroke: #6e7781; stroke-width: 1.4 }
.crossing { stroke: #0969da }
.tip { fill: #6e7781 }
.crossing-tip { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.legend, .group-title, .contents { fill: #9198a1 }
.group { fill: #151b23; stroke: #3d444d }
.node, .absent { fill: #0d1117; stroke: #656c76 }
.deployed { fill: #12261e; stroke: #3fb950 }
.mark { fill: #3fb950 }
.edge { stroke: #9198a1 }
.crossing { stroke: #58a6ff }
.tip { fill: #9198a1 }
.crossing-tip { fill: #58a6ff }
}
"""


def as_svg(picture: Picture) -> str:
    """A file of its own, without scripts or fonts: it may stand in any page."""
    layout = _Layout.of(picture)
    size = {"width": str(layout.width), "height": str(layout.height)}
    view = f"0 0 {layout.width} {layout.height}"
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": view, **size})
    svg.set("role", "img")
    ET.SubElement(svg, "title").text = picture.caption
    ET.SubElement(svg, "style").text = _STYLE
    _text(svg, "caption", _MARGIN, _MARGIN + 10, picture.caption)
    if picture.shows_status:
        _legend(svg, layout.width - _MARGIN)
    for column, title in enumerate(picture.groups):
        _group(svg, layout, column, title)
    for edge in picture.edges:
        _edge(svg, layout, *edge)
    for node in picture.nodes:
        _node(svg, *layout.corner(node.name), node)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


@dataclass(frozen=True)
class _Layout:
    """Where each node stands: column and row."""

    places: dict[str, tuple[int, int]]
    columns: int
    rows: int
    # Which nodes have an edge from their own column: it takes the middle.
    fed_from_above: frozenset[str]

    @classmethod
    def of(cls, picture: Picture) -> _Layout:
        rows = _latest_rows(picture)
        columns = {group: number for number, group in enumerate(picture.groups)}
        places = {node.name: (columns[node.group], rows[node.name]) for node in picture.nodes}
        above = {b for a, b in picture.edges if places[a][0] == places[b][0]}
        return cls(places, len(columns), max(rows.values(), default=0) + 1, frozenset(above))

    @property
    def width(self) -> int:
        return 2 * _MARGIN + self.columns * _COLUMN_WIDTH - _GROUP_GAP

    @property
    def group_height(self) -> int:
        return _GROUP_TITLE + self.rows * _ROW_HEIGHT - (_ROW_HEIGHT - _NODE_HEIGHT) + 22

    @property
    def height(self) -> int:
        return _MARGIN + _HEADER + self.group_height

    def corner(self, name: str) -> tuple[int, int]:
        column, row = self.places[name]
        indent = (_COLUMN_WIDTH - _GROUP_GAP - _NODE_WIDTH) // 2
        x = _MARGIN + column * _COLUMN_WIDTH + indent
        return x, _HEADER + _GROUP_TITLE + row * _ROW_HEIGHT

    def way(self, source: str, target: str) -> list[tuple[int, int]]:
        """Down from the source, along the gap above the target, and down into it."""
        (source_x, source_y), (target_x, target_y) = self.corner(source), self.corner(target)
        start = source_x + _NODE_WIDTH // 2, source_y + _NODE_HEIGHT
        end_x = target_x + _NODE_WIDTH // 2
        if source_x != target_x and target in self.fed_from_above:
            end_x += _PORT_OFFSET if source_x > target_x else -_PORT_OFFSET
        gap = target_y - (_ROW_HEIGHT - _NODE_HEIGHT) // 2
        return [start, (start[0], gap), (end_x, gap), (end_x, target_y - _ARROW)]


def _latest_rows(picture: Picture) -> dict[str, int]:
    """As late as what needs it allows: what is needed only near the end stands there."""
    needing: dict[str, list[str]] = defaultdict(list)
    for needed, name in picture.edges:
        needing[needed].append(name)

    def below(name: str) -> int:
        return max((1 + below(other) for other in needing[name]), default=0)

    heights = {node.name: below(node.name) for node in picture.nodes}
    top = max(heights.values(), default=0)
    return {name: top - height for name, height in heights.items()}


def _group(svg: ET.Element, layout: _Layout, column: int, title: str) -> None:
    x = _MARGIN + column * _COLUMN_WIDTH
    width = _COLUMN_WIDTH - _GROUP_GAP
    _box(svg, "group", x, _HEADER, width, layout.group_height)
    _text(svg, "group-title", x + width // 2, _HEADER + 26, title, anchor="middle")


def _node(svg: ET.Element, x: int, y: int, node: Node) -> None:
    kind = {None: "node", True: "deployed", False: "absent"}[node.deployed]
    group = ET.SubElement(svg, "g")
    status = {None: "", True: ": deployed", False: ": not deployed"}[node.deployed]
    ET.SubElement(group, "title").text = f"{node.name}{status}"
    _box(group, kind, x, y, _NODE_WIDTH, _NODE_HEIGHT)
    baseline = y + (24 if node.contents else 34)
    _text(group, "title", x + 14, baseline, node.title)
    if node.deployed:
        _text(group, "title mark", x + _NODE_WIDTH - 14, baseline, "✓", anchor="end")
    _text(group, "contents", x + 14, y + 43, node.contents)


def _edge(svg: ET.Element, layout: _Layout, source: str, target: str) -> None:
    way = layout.way(source, target)
    crossing = layout.places[source][0] != layout.places[target][0]
    _, (start_x, gap), (end_x, _), (_, end_y) = way
    path = f"M{start_x} {way[0][1]}"
    if start_x != end_x:
        side = 1 if end_x > start_x else -1
        path += f"V{gap - _CORNER}Q{start_x} {gap} {start_x + side * _CORNER} {gap}"
        path += f"H{end_x - side * _CORNER}Q{end_x} {gap} {end_x} {gap + _CORNER}"
    path += f"V{end_y}"
    ET.SubElement(svg, "path", {"class": "edge crossing" if crossing else "edge", "d": path})
    tip = f"M{end_x - 4.5} {end_y}h9l-4.5 {_ARROW}z"
    ET.SubElement(svg, "path", {"class": "crossing-tip" if crossing else "tip", "d": tip})


def _legend(svg: ET.Element, right: int) -> None:
    for kind, said, x in (
        ("deployed", "deployed", right - 204),
        ("absent", "not deployed", right - 110),
    ):
        _box(svg, kind, x, _MARGIN - 2, 20, 14, radius=4)
        _text(svg, "legend", x + 28, _MARGIN + 9, said)


def _box(
    parent: ET.Element, kind: str, x: int, y: int, width: int, height: int, *, radius: int = 8
) -> None:
    size = {"x": x, "y": y, "width": width, "height": height, "rx": radius}
    ET.SubElement(parent, "rect", {"class": kind, **{key: str(size[key]) for key in size}})


def _text(
    parent: ET.Element, kind: str, x: int, y: int, text: str, *, anchor: str = "start"
) -> None:
    place = {"class": kind, "x": str(x), "y": str(y)}
    if anchor != "start":
        place["text-anchor"] = anchor
    ET.SubElement(parent, "text", place).text = text
