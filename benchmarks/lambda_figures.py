"""What the measurements of the two functions come to."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

IMPORT_GOAL_SECONDS = 0.150
OVERHEAD_GOAL_SECONDS = 0.005
THROUGHPUT_GOAL = 5.0

_IMPORT_TIME = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@dataclass(frozen=True)
class Goal:
    """A figure, what it ought to be, and whether it is."""

    what: str
    measured: str
    reached: bool


@dataclass(frozen=True)
class Spread:
    """The middle of many durations, in seconds, and what one in a hundred exceeds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread:
        """Of measured durations."""
        ordered = sorted(seconds)
        return cls(percentile(ordered, 50), percentile(ordered, 99))

    def __str__(self) -> str:
        return f"{self.p50 * 1000:.2f} / {self.p99 * 1000:.2f} ms"


@dataclass(frozen=True)
class Latency:
    """Of requests to one endpoint: in all, the database's part, and what is added to that."""

    total: Spread
    database: Spread
    added: Spread

    @classmethod
    def of(cls, times: Sequence[tuple[float, float]]) -> Latency:
        """Of pairs: what a request took in all, and what of it was the database's."""
        return cls(
            total=Spread.of(total for total, _ in times),
            database=Spread.of(database for _, database in times),
            added=Spread.of(total - database for total, database in times),
        )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The least of ascending values that so many percent do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def import_goal(seconds: float) -> Goal:
    """Whether the handler is imported quickly enough."""
    return Goal(
        f"cold import under {IMPORT_GOAL_SECONDS * 1000:.0f} ms",
        f"{seconds * 1000:.0f} ms",
        seconds < IMPORT_GOAL_SECONDS,
    )


def overhead_goal(latencies: Iterable[Latency]) -> Goal:
    """Whether every endpoint adds little enough to the database's time."""
    worst = max(latency.added.p99 for latency in latencies)
    return Goal(
        f"warm p99 under {OVERHEAD_GOAL_SECONDS * 1000:.0f} ms over the database's time",
        f"{worst * 1000:.2f} ms",
        worst < OVERHEAD_GOAL_SECONDS,
    )


def throughput_goal(ratios: Iterable[float]) -> Goal:
    """Whether every number of workers does enough more than the baseline."""
    least = min(ratios)
    return Goal(
        f"at least {THROUGHPUT_GOAL:.0f} times the baseline's throughput",
        f"{least:.1f} times",
        least >= THROUGHPUT_GOAL,
    )


def largest_imports(reports: Sequence[str], count: int) -> list[tuple[str, float]]:
    """The modules whose own import takes longest, with seconds: the least of several `-X importtime`."""
    seconds: dict[str, list[float]] = {}
    for report in reports:
        for microseconds, module in _IMPORT_TIME.findall(report):
            seconds.setdefault(module, []).append(int(microseconds) / 1e6)
    least = {module: min(times) for module, times in seconds.items()}
    return sorted(least.items(), key=lambda item: (-item[1], item[0]))[:count]
