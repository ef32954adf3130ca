"""What the clients noticed of the faults."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.clients import Client, FirstTry
    from tests.faults.gateway import Gateway
    from tests.faults.schedule import Happened, Run

NO_FAULT = "none"


def report(run: Run, gateway: Gateway, clients: Sequence[Client]) -> Iterator[str]:
    """Lines for people: answers, the longest request, and by kind of fault the share answered at once."""
    tries = [one for client in clients for one in client.tries]
    seconds = [one.ended - one.began for one in gateway.invocations]
    statuses = Counter(str(one.status or "killed") for one in gateway.invocations)
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    yield f"{len(run.happened)} faults, {len(tries)} requests, {len(seconds)} invocations ({answers})"
    yield f"longest invocation {max(seconds, default=0):.1f} s"
    titles = (
        f"{'times':>6}{'struck':>8}{'seconds':>9}{'requests meanwhile':>20}{'at first try':>14}"
    )
    yield f"{'fault':<24}{titles}"
    times = Counter(one.kind for one in run.happened)
    struck = Counter(one.kind for one in run.happened if one.struck)
    asked, answered = _met(run.happened, tries)
    for kind in [*sorted(times), NO_FAULT]:
        share = f"{answered[kind] / asked[kind]:.1%}" if asked[kind] else "-"
        took = sum(one.ended - one.began for one in run.happened if one.kind == kind)
        yield f"{kind:<24}{times[kind]:>6}{struck[kind]:>8}{took:>9.1f}{asked[kind]:>20}{share:>14}"


def _met(
    happened: Sequence[Happened], tries: Sequence[FirstTry]
) -> tuple[Counter[str], Counter[str]]:
    """By kind of fault: the requests that were under way while one was, and those answered at first try."""
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    ends = sorted(happened, key=lambda one: one.ended)
    ended = [one.ended for one in ends]
    for attempt in tries:
        first = bisect_left(ended, attempt.began)
        kinds = {one.kind for one in ends[first:] if one.began <= attempt.ended} or {NO_FAULT}
        asked.update(kinds)
        if attempt.answered:
            answered.update(kinds)
    return asked, answered
