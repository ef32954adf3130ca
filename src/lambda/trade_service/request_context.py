"""What belongs to the request being answered: how long it may take, and where its time went."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trade_service.observability import Metric

# For what runs outside a request.
_DEFAULT_SECONDS = 25.0


@dataclass
class RequestContext:
    """One request's time limit, what it counts, and its account of the database.

    Durations are of the monotonic clock, which no correction of the time of day moves.
    """

    seconds: float = _DEFAULT_SECONDS
    started: float = field(default_factory=time.monotonic)
    database_seconds: float = 0.0
    connections: int = 0
    retries: int = 0
    counts: dict[Metric, int] = field(default_factory=dict)
    _measuring: bool = False

    @property
    def remaining(self) -> float:
        """Seconds until the request must have been answered; negative when that is over."""
        return self.started + self.seconds - time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the request came."""
        return time.monotonic() - self.started

    @contextmanager
    def database_time(self) -> Iterator[None]:
        """Count the time within as the database's; what is measured within it counts once."""
        if self._measuring:
            yield
            return
        self._measuring = True
        began = time.monotonic()
        try:
            yield
        finally:
            self.database_seconds += time.monotonic() - began
            self._measuring = False


_current: ContextVar[RequestContext] = ContextVar("request")


def current() -> RequestContext:
    """The request being answered; a fresh one outside of any."""
    return _current.get(None) or RequestContext()


@contextmanager
def request(seconds: float) -> Iterator[RequestContext]:
    """A request that may take so long."""
    context = RequestContext(seconds)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """A part of the request that may take so long, if as much of the request's own time is left."""
    context = current()
    whole = context.seconds
    context.seconds = min(whole, context.elapsed + seconds)
    try:
        yield
    finally:
        context.seconds = whole
