"""The stacks as a picture: what each holds, in which region, what it needs, whether it is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trading.engine.graph import Graph, Stack

# What the stacks hold, by their name without the region.
CONTENTS = {
    "security": "the KMS key of everything",
    "network": "VPC, three zones, NAT, groups",
    "data": "Aurora MySQL 1 + 2, bucket",
    "api": "Lambda, REST API, domains",
    "global-zone": "hosted zone, certificate",
    "global-dns": "latency records, health checks",
}
ALL_REGIONS = "all regions"

# Between these a Markdown file gets the picture; the first says how.
MARKDOWN_BEGIN = "<!-- made by: trading graph --no-status --output README.md -->"
MARKDOWN_END = "<!-- end of what trading graph made -->"


class PictureFormat(StrEnum):
    """The languages a picture is written in."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


SUFFIXES = {
    ".md": PictureFormat.MERMAID,
    ".mmd": PictureFormat.MERMAID,
    ".dot": PictureFormat.DOT,
    ".gv": PictureFormat.DOT,
    ".svg": PictureFormat.SVG,
}


@dataclass(frozen=True)
class Node:
    """A stack. `deployed` is None where the picture does not tell."""

    name: str
    title: str
    contents: str
    group: str
    deployed: bool | None

    @property
    def heading(self) -> str:
        """The title with its mark, which does not rely on colour alone."""
        return f"✓ {self.title}" if self.deployed else self.title


@dataclass(frozen=True)
class Picture:
    """Nodes in deploy order by group, and the edges that no longer way replaces."""

    workspace: str
    groups: dict[str, list[Node]]
    edges: list[tuple[str, str]]

    @property
    def nodes(self) -> list[Node]:
        """All nodes, group by group."""
        return [node for nodes in self.groups.values() for node in nodes]

    @property
    def regions(self) -> dict[str, list[Node]]:
        """The groups that are regions. The rest belongs above and below them, so where a program
        lays the picture out, it is not kept together.
        """
        return {group: nodes for group, nodes in self.groups.items() if group != ALL_REGIONS}

    @property
    def shows_status(self) -> bool:
        """Whether it tells what is deployed."""
        return any(node.deployed is not None for node in self.nodes)

    @property
    def caption(self) -> str:
        """What it shows, in a line."""
        count = f"{len(self.nodes)} stacks"
        if self.shows_status:
            count += f", {sum(node.deployed is True for node in self.nodes)} deployed"
        return f"{self.workspace}: {count}"


def draw(graph: Graph, workspace: str, deployed: Collection[str] | None = None) -> Picture:
    """The picture of a graph, with the names of what is deployed marked where they are given."""
    groups: dict[str, list[Node]] = {}
    regional = [stack for stack in graph.stacks.values() if stack.region]
    for stack in [*sorted(regional, key=lambda stack: stack.region or ""), *_shared(graph)]:
        groups.setdefault(stack.region or ALL_REGIONS, []).append(_node(stack, deployed))
    return Picture(workspace, groups, _direct_edges(graph))


def _shared(graph: Graph) -> list[Stack]:
    return [stack for stack in graph.stacks.values() if not stack.region]


def _node(stack: Stack, deployed: Collection[str] | None) -> Node:
    title = stack.name.removesuffix(f"-{stack.region}")
    return Node(
        name=stack.name,
        title=title,
        contents=CONTENTS.get(title, ""),
        group=stack.region or ALL_REGIONS,
        deployed=None if deployed is None else stack.name in deployed,
    )


def _direct_edges(graph: Graph) -> list[tuple[str, str]]:
    """From what is deployed first to what needs it, unless that follows from other edges."""
    ancestors = graph.predecessors(list(graph.stacks.values()))
    return [
        (needed, stack.name)
        for stack in graph.stacks.values()
        for needed in stack.dependencies
        if not any(needed in ancestors[other] for other in stack.dependencies)
    ]


def as_mermaid(picture: Picture) -> str:
    """Mermaid, as GitHub draws it from a block of Markdown. https://mermaid.js.org/syntax/flowchart"""
    lines = ["flowchart TB"]
    for number, (group, nodes) in enumerate(picture.regions.items()):
        lines.append(f'    subgraph region{number}["{group}"]')
        lines += [f"        {_mermaid_node(node)}" for node in nodes]
        lines.append("    end")
    lines += [f"    {_mermaid_node(node)}" for node in picture.groups.get(ALL_REGIONS, [])]
    lines += [f"    {_identifier(a)} --> {_identifier(b)}" for a, b in picture.edges]
    if picture.shows_status:
        lines.append("    classDef deployed fill:#dafbe1,stroke:#1a7f37,color:#1f2328")
        lines.append("    classDef absent fill:none,stroke:#8c959f,stroke-dasharray:5 4")
    return "\n".join(lines) + "\n"


def as_dot(picture: Picture) -> str:
    """Graphviz's language. https://graphviz.org/doc/info/lang.html"""
    lines = [
        f"digraph {_quoted(picture.workspace)} {{",
        f"    label={_quoted(picture.caption)}; labelloc=t;",
        '    graph [fontname="Helvetica" nodesep=0.3 ranksep=0.5];',
        '    node [fontname="Helvetica" shape=box margin="0.2,0.1"];',
        '    node [style="rounded,filled" fillcolor="#ffffff"];',
        '    edge [color="#57606a" arrowsize=0.7];',
    ]
    for number, (group, nodes) in enumerate(picture.regions.items()):
        lines.append(f"    subgraph cluster_{number} {{")
        lines.append(f'        label={_quoted(group)}; style="rounded,filled"; color="#f0f3f6";')
        lines += [f"        {_dot_node(node)}" for node in nodes]
        lines.append("    }")
    lines += [f"    {_dot_node(node)}" for node in picture.groups.get(ALL_REGIONS, [])]
    lines += [f"    {_quoted(a)} -> {_quoted(b)};" for a, b in picture.edges]
    return "\n".join([*lines, "}"]) + "\n"


_DOT_STYLES = {
    None: "",
    True: ' fillcolor="#dafbe1" color="#1a7f37"',
    False: ' style="rounded,dashed" color="#8c959f"',
}


def put_into_markdown(path: Path, mermaid: str) -> None:
    """Replace the picture between the markers of a file. Raises OperatorError without markers."""
    text = path.read_text() if path.is_file() else ""
    before, begin, rest = text.partition(MARKDOWN_BEGIN)
    _, end, after = rest.partition(MARKDOWN_END)
    if not begin or not end:
        raise OperatorError(
            f"{path} has no place for the picture: put the lines `{MARKDOWN_BEGIN}` and"
            f" `{MARKDOWN_END}` where it should be"
        )
    path.write_text(f"{before}{begin}\n```mermaid\n{mermaid}```\n{end}{after}")


def _mermaid_node(node: Node) -> str:
    label = "<br/>".join(part for part in (f"<b>{node.heading}</b>", node.contents) if part)
    mark = {None: "", True: ":::deployed", False: ":::absent"}[node.deployed]
    return f'{_identifier(node.name)}["{label}"]{mark}'


def _dot_node(node: Node) -> str:
    label = "\n".join(part for part in (node.heading, node.contents) if part)
    return f"{_quoted(node.name)} [label={_quoted(label)}{_DOT_STYLES[node.deployed]}];"


def _identifier(name: str) -> str:
    """A hyphen beside an arrow would be taken for a part of it."""
    return name.replace("-", "_")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
