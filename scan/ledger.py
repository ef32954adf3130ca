"""How much was looked at, by tool, check and scope: `policies/evaluated.json`.

A scanner passes in silence what it cannot see: a value that is not known, a resource that it fails to
read. So what it judged is recorded, and nothing may be judged less often than recorded.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError
from trading.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scan.findings import Outcome

LEDGER = PROJECT_ROOT / "policies" / "evaluated.json"

Counts = dict[str, dict[str, dict[str, int]]]


def counted(outcomes: Iterable[Outcome]) -> Counts:
    """What was judged: by tool, by scope, by check."""
    counts: Counts = {}
    for outcome in outcomes:
        for (scope, check), number in sorted(outcome.evaluated.items()):
            if scope in outcome.unrecorded:
                continue
            counts.setdefault(outcome.tool, {}).setdefault(scope, {})[check] = number
    return counts


def complaints(now: Counts, path: Path = LEDGER, *, scopes: set[str] | None = None) -> list[str]:
    """How today's counts differ from the recorded ones, of these scopes or of all. Raises OperatorError."""
    recorded, today = _flat(_read(path), scopes), _flat(now, scopes)
    told = []
    for key in sorted(recorded.keys() | today.keys()):
        was, now_is = recorded[key], today[key]
        if now_is < was:
            told.append(f"evaluated less often than recorded: {' '.join(key)}: {now_is}, not {was}")
        elif now_is > was:
            advice = "run `make scan-record` and commit what it writes"
            told.append(
                f"evaluated more often than recorded: {' '.join(key)}: {now_is}, not {was}; {advice}"
            )
    return told


def record(now: Counts, path: Path = LEDGER) -> None:
    """Write today's counts down."""
    write_whole(path, json.dumps(now, indent=1, sort_keys=True) + "\n")


def _read(path: Path) -> Counts:
    try:
        counts: Counts = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} cannot be read: run `make scan-record`") from error
    return counts


def _flat(counts: Counts, scopes: set[str] | None) -> Counter[tuple[str, str, str]]:
    return Counter(
        {
            (tool, scope, check): number
            for tool, by_scope in counts.items()
            for scope, checks in by_scope.items()
            if scopes is None or scope in scopes
            for check, number in checks.items()
        }
    )
