"""Whether an endpoint can serve trades now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trade_service.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from trade_service.data_access.database import Database


def database_status(database: Database) -> str:
    """``ok``, or the code of the error that a trade request would meet.

    Reads the table rather than a constant: a region that is not migrated yet must not be given
    traffic by its health check.
    """
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1 FROM trades LIMIT 1")
            cursor.fetchall()
    except DatabaseUnavailableError as error:
        return error.code
    return "ok"
