"""The slowest chain of a run: no schedule of the same stacks can end earlier."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def critical_path(
    seconds: Mapping[str, float], needs: Mapping[str, Collection[str]]
) -> tuple[list[str], float]:
    """The chain of stacks, each needed by the next, whose own seconds add up to most; and the sum."""
    slowest: dict[str, tuple[list[str], float]] = {}
    for name in TopologicalSorter(needs).static_order():
        before, until = max(
            (slowest[needed] for needed in needs[name]),
            key=lambda chain: chain[1],
            default=([], 0.0),
        )
        slowest[name] = ([*before, name], until + seconds[name])
    return max(slowest.values(), key=lambda chain: chain[1])
