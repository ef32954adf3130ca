"""Whether an endpoint can serve trades now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trade_service.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database


def database_status(database: Database) -> str:
    """``ok``, or the code of the error that a trade request would meet.

    Reads the tables rather than a constant: a region that is not migrated yet must not be given
    traffic by its health check.
    """
    try:
        database.run(_look)
    except DatabaseUnavailableError as error:
        return error.code
    return "ok"


def _look(cursor: TimedCursor) -> None:
    cursor.execute("SELECT version FROM trades LIMIT 1")
    cursor.fetchall()
    cursor.execute("SELECT trades FROM positions LIMIT 1")
    cursor.fetchall()
