"""The trades table, and with every change to it the positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from pymysql.err import IntegrityError

from trade_service.consistency import ConsistencyToken
from trade_service.data_access.positions import add_to_positions
from trade_service.errors import DatabaseBusyError
from trade_service.models import REQUEST_FIELDS, Side, Status, Trade
from trade_service.observability import logger
from trade_service.trade_id import home_region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database
    from trade_service.data_access.reads import Reads
    from trade_service.models import OrderKey, TradeQuery

_COLUMNS = ("trade_id", *REQUEST_FIELDS, "status", "created_at", "cancelled_at", "version")
# What `trade_from_row` reads.
SELECT = f"SELECT {', '.join(_COLUMNS)} FROM trades "
_INSERT = (
    f"INSERT INTO trades ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(f'%({column})s' for column in _COLUMNS)})"
)
# MySQL ends it by itself then, before the client stops waiting; to MariaDB it is a comment.
_BRIEF_SELECT = SELECT.replace("SELECT", "SELECT /*+ MAX_EXECUTION_TIME(4500) */", 1)
_UPDATE = (
    "UPDATE trades SET status = %(status)s, cancelled_at = %(cancelled_at)s, version = %(version)s "
    "WHERE trade_id = %(trade_id)s"
)
# Enough for every other writer of the same keys to have committed; more means a fault in the schema.
_RACES = 5


@dataclass(frozen=True)
class ListingPlace:
    """A place in a listing, newest first: time first, id to tell equal times apart."""

    created_at: datetime
    trade_id: str


class TradeRepository:
    """Writes through the cluster's writer endpoint, reads as its reads are routed."""

    def __init__(self, writer: Database, reads: Reads) -> None:
        self._writer = writer
        self._reads = reads

    def record(self, trades: Sequence[Trade]) -> dict[OrderKey, Trade]:
        """Store trades in one transaction, all but those whose account used their order id before.

        Most trades are new, so they are inserted first, and looked for when the unique key objects. It
        decides between two identical requests at one time, too: the second insert waits for the first
        to commit, then fails. A trade of an earlier attempt of ours, whose commit went unanswered, is
        found as any other.

        Returns:
            By account and client order id what is recorded: the trade given, or the earlier one.
        """
        # One order of locks for all: batches that overlap wait for each other and do not deadlock.
        wanted = {trade.key: trade for trade in sorted(trades, key=lambda trade: trade.key)}
        recorded: dict[OrderKey, Trade] = {}
        refusal = IntegrityError()
        for _ in range(_RACES):
            new = [trade for key, trade in wanted.items() if key not in recorded]
            try:
                if new:
                    self._writer.transact(partial(_insert, new))
                    return {**wanted, **recorded}
                return recorded | self._repeat(wanted, recorded)
            except IntegrityError as error:
                refusal = error
                recorded = self._writer.run(lambda cursor: _find_orders(cursor, list(wanted)))
        # Many others record these very trades, or it is not the idempotency key: a fault in the schema.
        logger.error("trades are refused as recorded, and are not found", number=refusal.args[0])
        raise DatabaseBusyError("the database is busy") from refusal

    def _repeat(
        self, wanted: Mapping[OrderKey, Trade], recorded: Mapping[OrderKey, Trade]
    ) -> dict[OrderKey, Trade]:
        """Those that were asked for as they are recorded, written once more: for a token that is after
        all that their client was told before. What conflicts is left alone.
        """
        same = [trade for key, trade in recorded.items() if trade.request == wanted[key].request]
        if not same:
            return {}
        return self._writer.transact(partial(_repeat, same))

    def change(self, trade_id: str, change: Callable[[Trade], Trade]) -> Trade | None:
        """What became of a trade, which nobody else changes meanwhile; None when there is none."""

        def work(cursor: TimedCursor) -> Trade | None:
            cursor.execute(SELECT + "WHERE trade_id = %s FOR UPDATE", (trade_id,))
            row = cursor.fetchone()
            if row is None:
                return None
            before = trade_from_row(row)
            after = change(before)
            cursor.execute(_UPDATE, _to_row(after))
            add_to_positions(cursor, removed=[before], added=[after], now=after.cancelled_at)
            return after

        return self._writer.transact(work)

    def find(self, trade_id: str) -> Trade | None:
        """The trade with this id.

        A client that was told 201 must not be told 404, so the writer is asked for what a reader lacks.
        Unknown ids cost a second query.
        """

        def work(cursor: TimedCursor) -> Trade | None:
            cursor.execute(SELECT + "WHERE trade_id = %s", (trade_id,))
            row = cursor.fetchone()
            return trade_from_row(row) if row else None

        return self._reads.first(work)

    def newest(
        self, query: TradeQuery, limit: int, after: ListingPlace | None
    ) -> tuple[Trade, ...]:
        """The trades that a query asks for, newest first, from just after a place.

        Seeks by key instead of OFFSET: every page costs the same, and rows that arrive between two
        pages shift nothing. The first condition on the place is redundant but bounds the index range,
        which MySQL does not do for a comparison of row constructors.
        https://dev.mysql.com/doc/refman/8.0/en/range-optimization.html#row-constructor-range-optimization
        """
        conditions = {
            "account = %(account)s": query.account,
            "symbol = %(symbol)s": query.symbol,
            "side = %(side)s": query.side,
            "status = %(status)s": query.status,
            "created_at >= %(from_)s": query.from_,
            "created_at < %(to)s": query.to,
        }
        given = [condition for condition, value in conditions.items() if value is not None]
        values = {name: getattr(query, name) for name in ("account", "symbol", "side", "status")}
        values |= {"from_": query.from_, "to": query.to, "limit": limit}
        if after is not None:
            given += [
                "created_at <= %(last_time)s",
                "(created_at < %(last_time)s OR trade_id < %(last_id)s)",
            ]
            values |= {"last_time": after.created_at, "last_id": after.trade_id}
        # Left to its estimates, the server may walk to the place from the account's newest trade.
        if query.symbol is not None:
            index = "trades_of_symbol_newest_first"
        else:
            index = (
                "trades_newest_first" if query.status is None else "trades_of_status_newest_first"
            )
        statement = (
            f"{_BRIEF_SELECT}FORCE INDEX ({index}) WHERE {' AND '.join(given)} "
            "ORDER BY created_at DESC, trade_id DESC LIMIT %(limit)s"
        )

        def work(cursor: TimedCursor) -> tuple[Trade, ...]:
            cursor.execute(statement, _values(values))
            return tuple(trade_from_row(row) for row in cursor.fetchall())

        # Another replica may be asked than for the page before, and lack what that one had.
        since = ConsistencyToken(after.trade_id, version=1) if after is not None else None
        return self._reads.run(work, since=since)


def _insert(trades: Sequence[Trade], cursor: TimedCursor) -> None:
    cursor.executemany(_INSERT, [_to_row(trade) for trade in trades])
    add_to_positions(cursor, added=trades, now=trades[0].created_at)


def _repeat(trades: Sequence[Trade], cursor: TimedCursor) -> dict[OrderKey, Trade]:
    ids = [trade.trade_id for trade in trades]
    places = ", ".join(["%s"] * len(ids))
    cursor.execute(f"UPDATE trades SET version = version + 1 WHERE trade_id IN ({places})", ids)
    return {trade.key: trade.repeated() for trade in trades}


def _find_orders(cursor: TimedCursor, keys: Sequence[OrderKey]) -> dict[OrderKey, Trade]:
    places = ", ".join(["(%s, %s)"] * len(keys))
    cursor.execute(
        f"{SELECT}WHERE (account, client_order_id) IN ({places})",
        [part for key in keys for part in key],
    )
    return {trade.key: trade for trade in map(trade_from_row, cursor.fetchall())}


def _to_row(trade: Trade) -> dict[str, Any]:
    return _values({name: getattr(trade, name) for name in _COLUMNS})


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    """With enumerations as their names: PyMySQL looks at the exact type of a value."""
    return {
        name: value.value if isinstance(value, (Side, Status)) else value
        for name, value in values.items()
    }


def trade_from_row(row: Mapping[str, Any]) -> Trade:
    """The trade that a row of SELECT holds."""
    cancelled_at = row["cancelled_at"]
    return Trade(
        **{name: row[name] for name in REQUEST_FIELDS if name != "side"},
        side=Side(row["side"]),
        trade_id=row["trade_id"],
        region=home_region(row["trade_id"]),
        status=Status(row["status"]),
        created_at=row["created_at"].replace(tzinfo=UTC),
        cancelled_at=cancelled_at.replace(tzinfo=UTC) if cancelled_at else None,
        _version=row["version"],
    )
