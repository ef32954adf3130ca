"""The trades table."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymysql.err import IntegrityError

from trade_service.models import Position, Trade, TradeRequest
from trade_service.trade_id import home_region

if TYPE_CHECKING:
    from decimal import Decimal

    from trade_service.data_access.database import Database

_REQUEST_FIELDS = tuple(field.name for field in fields(TradeRequest))
_COLUMNS = ("trade_id", *_REQUEST_FIELDS, "created_at")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM trades "
_INSERT = (
    f"INSERT INTO trades ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(f'%({column})s' for column in _COLUMNS)})"
)


class TradeRepository:
    """Writes through the cluster's writer endpoint, reads through its reader endpoint."""

    def __init__(self, writer: Database, reader: Database) -> None:
        self._writer = writer
        self._reader = reader

    def record(self, trade: Trade) -> Trade:
        """Store the trade, unless its account has used its client order id before.

        The unique key decides between two identical requests at one time: the second insert waits
        for the first to commit, fails on the key, and reads what the first wrote.

        Returns:
            ``trade`` itself when it was stored, otherwise the one recorded earlier.
        """
        with self._writer.transaction() as cursor:
            try:
                cursor.execute(_INSERT, _to_row(trade))
            except IntegrityError:
                cursor.execute(
                    _SELECT + "WHERE account = %s AND client_order_id = %s",
                    (trade.request.account, trade.request.client_order_id),
                )
                row = cursor.fetchone()
                if row is None:
                    # Not the idempotency key, then: a duplicate trade id, or a fault in the schema.
                    raise
                return _from_row(row)
            return trade

    def find(self, trade_id: str) -> Trade | None:
        """The trade with this id.

        The reader is asked first, then the writer: a replica may lag behind a trade just written,
        and a client that was told 201 must not be told 404. Unknown ids cost a second query.
        """
        for database in (self._reader, self._writer):
            with database.cursor() as cursor:
                cursor.execute(_SELECT + "WHERE trade_id = %s", (trade_id,))
                row = cursor.fetchone()
            if row is not None:
                return _from_row(row)
        return None

    def newest(self, account: str, limit: int, after: Position | None) -> tuple[Trade, ...]:
        """An account's trades, newest first, from just after a position.

        Seeks by key instead of OFFSET: every page costs the same, and rows that arrive between two
        pages shift nothing. The first condition is redundant but bounds the index range, which
        MySQL does not do for a comparison of row constructors.
        https://dev.mysql.com/doc/refman/8.0/en/range-optimization.html#row-constructor-range-optimization
        """
        query = _SELECT + "WHERE account = %(account)s "
        if after is not None:
            query += (
                "AND created_at <= %(created_at)s "
                "AND (created_at < %(created_at)s OR trade_id < %(trade_id)s) "
            )
        query += "ORDER BY created_at DESC, trade_id DESC LIMIT %(limit)s"
        position = asdict(after) if after is not None else {}
        with self._reader.cursor() as cursor:
            cursor.execute(query, {"account": account, "limit": limit, **position})
            return tuple(_from_row(row) for row in cursor.fetchall())


def _to_row(trade: Trade) -> dict[str, str | Decimal | datetime]:
    return {
        "trade_id": trade.trade_id,
        **asdict(trade.request),
        "created_at": trade.created_at,
    }


def _from_row(row: dict[str, Any]) -> Trade:
    return Trade(
        trade_id=row["trade_id"],
        region=home_region(row["trade_id"]),
        request=TradeRequest(**{name: row[name] for name in _REQUEST_FIELDS}),
        created_at=row["created_at"].replace(tzinfo=UTC),
    )
