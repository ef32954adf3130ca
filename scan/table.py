"""The table of docs/security.md: what each tool judged, passed and had waived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError
from trading.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from scan.findings import Finding, Outcome
    from scan.waivers import Judgement

PAGE = PROJECT_ROOT / "docs" / "security.md"
HEADINGS = ("Tool", "Judged", "Evaluated", "Passed", "Waived", "Failed")
_BEGIN, _END = "<!-- scan: begin -->", "<!-- scan: end -->"


@dataclass(frozen=True)
class Row:
    """How one tool judged one scope. `evaluated` is 0 where it could not."""

    tool: str
    scope: str
    evaluated: int
    waived: int
    failed: int
    recorded: bool

    def cells(self) -> tuple[str, ...]:
        """The row under HEADINGS, as it is now."""
        if not self.evaluated:
            return (self.tool, self.scope, "not run", "", "", "")
        passed = self.evaluated - self.waived - self.failed
        return (
            self.tool,
            self.scope,
            *map(str, (self.evaluated, passed, self.waived, self.failed)),
        )

    def uncounted_cells(self) -> tuple[str, ...]:
        """The row where what is judged changes with every commit or day."""
        return (self.tool, self.scope, "not counted", "", "", "")


def rows(outcomes: Iterable[Outcome], judgement: Judgement) -> list[Row]:
    """A row for each tool and scope."""
    table: list[Row] = []
    for outcome in outcomes:
        for scope in sorted({scope for scope, _ in outcome.evaluated} | outcome.not_run.keys()):
            failed = _units(judgement.failed, outcome.tool, scope)
            waived = _units(judgement.waived, outcome.tool, scope) - failed
            evaluated = sum(n for (of, _), n in outcome.evaluated.items() if of == scope)
            kept = scope not in outcome.unrecorded
            table.append(Row(outcome.tool, scope, evaluated, len(waived), len(failed), kept))
    return table


def write(table: Sequence[Row], page: Path = PAGE) -> None:
    """Put what is recorded into the page. Raises OperatorError where it has no place for a table."""
    before, _, after = _parts(page)
    write_whole(page, f"{before}{_BEGIN}\n{_rendered(table)}\n{_END}{after}")


def is_current(table: Sequence[Row], page: Path = PAGE) -> bool:
    """Whether the page has this table. Raises OperatorError for a page without a place for it."""
    _, shown, _ = _parts(page)
    return shown.strip() == _rendered(table)


def _rendered(table: Sequence[Row]) -> str:
    lines: list[tuple[str, ...]] = [HEADINGS, ("---", "---", "--:", "--:", "--:", "--:")]
    lines += [row.cells() if row.recorded else row.uncounted_cells() for row in table]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _units(findings: Iterable[Finding], tool: str, scope: str) -> set[str]:
    return {one.unit for one in findings if (one.tool, one.scope) == (tool, scope)}


def _parts(page: Path) -> tuple[str, str, str]:
    try:
        before, rest = page.read_text().split(_BEGIN)
        shown, after = rest.split(_END)
    except (OSError, ValueError) as error:
        raise OperatorError(f"{page} has no place between {_BEGIN} and {_END}") from error
    return before, shown, after
