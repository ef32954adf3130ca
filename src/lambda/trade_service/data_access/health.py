"""Whether an endpoint can serve trades now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trade_service import request_context
from trade_service.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database

# Route 53 waits two seconds for the answer about both endpoints. One that hangs must leave time for the
# other: without its readers, a region is still healthy.
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
_ONE_SECONDS, _BOTH_SECONDS = 1.2, 1.6


def database_status(database: Database) -> str:
    """``ok``, or the code of the error that a trade request would meet.

    Reads the tables rather than a constant: a region that is not migrated yet must not be given
    traffic by its health check.
    """
    left = _BOTH_SECONDS - request_context.current().elapsed
    try:
        with request_context.limited(min(_ONE_SECONDS, left)):
            database.run(_look)
            if database.written:
                database.require_writable()
    except DatabaseUnavailableError as error:
        return error.code
    return "ok"


def _look(cursor: TimedCursor) -> None:
    cursor.execute("SELECT version FROM trades LIMIT 1")
    cursor.fetchall()
    cursor.execute("SELECT trades FROM positions LIMIT 1")
    cursor.fetchall()
