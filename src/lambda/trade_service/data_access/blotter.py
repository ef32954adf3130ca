"""What happened to trades in a period, read in its order and a page at a time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from trade_service.data_access.trades import SELECT, trade_from_row
from trade_service.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from trade_service.data_access.connection import TimedCursor
    from trade_service.models import Trade

# What happens to a trade bears the name of the status it leads to; the column says when it did.
_MOMENTS = {Status.ACCEPTED: "created_at", Status.CANCELLED: "cancelled_at"}
_INDEXES = {Status.ACCEPTED: "trades_by_time", Status.CANCELLED: "trades_by_cancellation"}
# A few megabytes, and an answer well within a statement's time.
PAGE_ROWS = 5_000


@dataclass(frozen=True)
class Period:
    """From one moment to just before another."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class TradeEvent:
    """A trade became accepted, or cancelled."""

    moment: datetime
    trade_id: str
    event: Status
    trade: Trade


def count_events(cursor: TimedCursor, period: Period) -> dict[Status, int]:
    """How many events of each kind a period has."""
    counts = {}
    for event, column in _MOMENTS.items():
        cursor.execute(
            f"SELECT COUNT(*) AS events FROM trades WHERE {column} >= %s AND {column} < %s",
            (period.start, period.end),
        )
        counts[event] = (cursor.fetchone() or {})["events"]
    return counts


def read_events(cursor: TimedCursor, period: Period) -> Iterator[TradeEvent]:
    """Every event of a period: by time, then by trade, and its acceptance before its cancellation.

    All of one moment, if the cursor's transaction is.
    """
    of_each_kind = (_events(cursor, period, event) for event in _MOMENTS)
    return heapq.merge(*of_each_kind, key=attrgetter("moment", "trade_id", "event"))


def _events(cursor: TimedCursor, period: Period, event: Status) -> Iterator[TradeEvent]:
    """Page by page along the index of the column, whose entries end in the trade's id.

    Not through a cursor of the server's, whose one statement would have to last as long as the report.
    """
    column = _MOMENTS[event]
    statement = (
        # Left to its estimates, the server may sort the whole day for each page.
        f"{SELECT}FORCE INDEX ({_INDEXES[event]}) WHERE {column} >= %(after)s AND {column} < %(end)s "
        f"AND ({column} > %(after)s OR trade_id > %(last_id)s) "
        f"ORDER BY {column}, trade_id LIMIT {PAGE_ROWS}"
    )
    place: dict[str, Any] = {"after": period.start, "last_id": "", "end": period.end}
    while True:
        cursor.execute(statement, place)
        rows = cursor.fetchall()
        for row in rows:
            moment = row[column].replace(tzinfo=UTC)
            yield TradeEvent(moment, row["trade_id"], event, trade_from_row(row))
        if len(rows) < PAGE_ROWS:
            return
        place |= {"after": rows[-1][column], "last_id": rows[-1]["trade_id"]}
