"""What a gate gives: what it found, and how much it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a tool objects to.

    `scope` is the evidence, or the part of the project, that it was seen in. `unit` is what was judged:
    one of those that `Outcome.evaluated` counts, which can have several findings.
    """

    tool: str
    scope: str
    check: str
    subject: str
    message: str = field(compare=False)
    unit: str = field(compare=False)


@dataclass(frozen=True)
class Outcome:
    """What one tool said.

    `evaluated` counts what it judged, by scope and check: a tool passes what it cannot see without a
    word, so a count that falls is a failure, too. `not_run` is why it could not judge a scope.
    `unrecorded` are scopes that are judged whole, and change with every commit or every day.
    """

    tool: str
    findings: tuple[Finding, ...]
    evaluated: Counter[tuple[str, str]]
    not_run: dict[str, str] = field(default_factory=dict)
    unrecorded: frozenset[str] = frozenset()
