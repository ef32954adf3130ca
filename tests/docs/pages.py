"""The pages about security, read as data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stacks.paths import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
SECURITY, THREATS, CONTROLS = (
    DOCS / name for name in ("security.md", "threat-model.md", "security-controls.md")
)
PAGES = (SECURITY, THREATS, CONTROLS)
CONTROL_HEADINGS = ["control", "asks for", "status", "how, or why not", "where"]

_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Control:
    """One row of the controls: those that have one answer."""

    ids: tuple[str, ...]
    asks_for: str
    status: str
    how: str
    where: str


def links(page: Path) -> Iterator[str]:
    """What a page links to within the project."""
    for target in _LINK.findall(page.read_text()):
        if "://" not in target:
            yield target


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(page.read_text())
    }


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Each table's rows of cells, the headings first."""
    table: list[list[str]] = []
    for line in [*page.read_text().splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            yield [row for row in table if not set("".join(row)) <= set("-:")]
            table = []


def controls() -> list[Control]:
    """Every row of every table of controls."""
    return [
        Control(tuple(ids.split(", ")), *rest)
        for headings, *rows in tables(CONTROLS)
        if headings == CONTROL_HEADINGS
        for ids, *rest in rows
    ]


def statuses() -> set[str]:
    """What a control's status may be, by the page's own explanation."""
    (rows,) = (rows for headings, *rows in tables(CONTROLS) if headings == ["status", "meaning"])
    return {status for status, _ in rows}
