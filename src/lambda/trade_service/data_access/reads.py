"""Where a read goes: to a reader, unless that is away or has not yet what the client wrote."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from trade_service.errors import DatabaseBusyError, DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trade_service.consistency import ConsistencyToken
    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database

Result = TypeVar("Result")

_required: ContextVar[ConsistencyToken | None] = ContextVar("required", default=None)


@contextmanager
def not_before(token: ConsistencyToken | None) -> Iterator[None]:
    """Reads within see the write that a token names, and all that was committed before it."""
    reset = _required.set(token)
    try:
        yield
    finally:
        _required.reset(reset)


class Reads:
    """Reads through the reader endpoint, and through the writer's where they must.

    A replica applies what the writer committed in its order, so one that has a client's last write has
    all that went before it, too: a look at that one row, on the connection that is then read from.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Replication.html
    """

    def __init__(self, writer: Database, reader: Database) -> None:
        self._writer = writer
        self._reader = reader

    def run(
        self,
        work: Callable[[TimedCursor], Result],
        *,
        since: ConsistencyToken | None = None,
    ) -> Result:
        """The result of a read, which sees the write ``since`` unless the request asks for another.

        Raises:
            DatabaseBusyError: it takes too long, as it would on the writer.
            DatabaseUnavailableError: neither endpoint answers.
        """
        found = self._on_reader(work, _required.get() or since)
        return found[0] if found else self._writer.run(work)

    def first(self, work: Callable[[TimedCursor], Result | None]) -> Result | None:
        """The same, asking the writer also when a reader has found nothing."""
        found = self._on_reader(work, _required.get())
        return found[0] if found and found[0] is not None else self._writer.run(work)

    def _on_reader(
        self, work: Callable[[TimedCursor], Result], token: ConsistencyToken | None
    ) -> tuple[Result] | None:
        """The result, or None when the reader is away or behind."""

        def read(cursor: TimedCursor) -> tuple[Result] | None:
            behind = token is not None and not _has(cursor, token)
            return None if behind else (work(cursor),)

        if self._reader.seems_away:
            return None
        try:
            return self._reader.run(read)
        except DatabaseBusyError:
            raise
        except DatabaseUnavailableError:
            return None  # Told in the log; without its readers, a cluster still has its writer.


def _has(cursor: TimedCursor, token: ConsistencyToken) -> bool:
    cursor.execute(
        "SELECT 1 FROM trades WHERE trade_id = %s AND version >= %s",
        (token.trade_id, token.version),
    )
    return cursor.fetchone() is not None
