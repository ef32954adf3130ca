"""The positions table: what trades add up to, kept by those who change trades."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from trade_service.models import Position, Side, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database
    from trade_service.data_access.reads import Reads
    from trade_service.models import Trade

_ADD = """
INSERT INTO positions (account, symbol, bought, sold, trades, updated_at)
VALUES (%(account)s, %(symbol)s, %(bought)s, %(sold)s, %(trades)s, %(now)s)
ON DUPLICATE KEY UPDATE bought = bought + VALUES(bought), sold = sold + VALUES(sold),
  trades = trades + VALUES(trades), updated_at = GREATEST(updated_at, VALUES(updated_at))
"""
_SUMS = """
SELECT account, symbol, SUM(IF(side = 'BUY', quantity, 0)) AS bought,
  SUM(IF(side = 'SELL', quantity, 0)) AS sold, COUNT(*) AS trades
FROM trades WHERE status = 'ACCEPTED'
"""
_ENSURE = """
INSERT INTO positions (account, symbol, bought, sold, trades, updated_at) VALUES (%s, %s, 0, 0, 0, %s)
ON DUPLICATE KEY UPDATE trades = trades
"""
# A position of nothing, left by trades that were all cancelled, equals none.
_DIFFERING = f"""
SELECT account, symbol FROM (
  SELECT account, symbol, bought, sold, trades FROM positions
  WHERE trades <> 0 OR bought <> 0 OR sold <> 0
  UNION ALL ({_SUMS} GROUP BY account, symbol)
) AS both_sides
GROUP BY account, symbol, bought, sold, trades HAVING COUNT(*) <> 2
"""


# Of DECIMAL(38,10), with room to spare.
_DIGITS = 60


@dataclass
class _Sum:
    bought: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    trades: int = 0

    def count(self, trade: Trade, sign: int) -> None:
        self.trades += sign
        if trade.side is Side.BUY:
            self.bought += sign * trade.quantity
        else:
            self.sold += sign * trade.quantity


def add_to_positions(
    cursor: TimedCursor,
    *,
    added: Iterable[Trade] = (),
    removed: Iterable[Trade] = (),
    now: datetime | None,
) -> None:
    """Count trades in, or out, within the transaction that changes them."""
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    # A context of Python's own 28 digits could round what the columns hold.
    with localcontext(Context(prec=_DIGITS)):
        for sign, trades in ((1, added), (-1, removed)):
            for trade in trades:
                if trade.status is Status.ACCEPTED:
                    sums[trade.account, trade.symbol].count(trade, sign)
    rows = [
        {"account": account, "symbol": symbol, **vars(total), "now": now}
        # In one order of locks for all.
        for (account, symbol), total in sorted(sums.items(), key=lambda item: item[0])
    ]
    if rows:
        cursor.executemany(_ADD, rows)


class PositionRepository:
    """The positions of this region."""

    def __init__(self, writer: Database, reads: Reads) -> None:
        self._writer = writer
        self._reads = reads

    def page(self, account: str, limit: int, after: str | None) -> tuple[Position, ...]:
        """An account's positions in the order of their symbols, from just after one."""

        def work(cursor: TimedCursor) -> tuple[Position, ...]:
            cursor.execute(
                "SELECT symbol, bought, sold, trades, updated_at FROM positions "
                "WHERE account = %s AND symbol > %s ORDER BY symbol LIMIT %s",
                (account, after or "", limit),
            )
            return tuple(_from_row(row) for row in cursor.fetchall())

        return self._reads.run(work)

    def differing(self) -> tuple[tuple[str, str], ...]:
        """The accounts and symbols whose position is not the sum of their accepted trades.

        One statement, and so of one moment; it reads all trades, from the reader endpoint.
        """

        def work(cursor: TimedCursor) -> tuple[tuple[str, str], ...]:
            cursor.execute(_DIFFERING)
            return tuple(sorted({(row["account"], row["symbol"]) for row in cursor.fetchall()}))

        return self._reads.run(work)

    def recompute(self, account: str, symbol: str) -> None:
        """Make a position the sum of its accepted trades, while trades go on.

        Making sure that there is a row locks it: whoever has changed a trade and not yet the position
        has not committed, so the sum is without that trade, and its change is added after ours.
        """

        def work(cursor: TimedCursor) -> None:
            key = (account, symbol)
            cursor.execute(_ENSURE, (*key, datetime.now(UTC)))
            cursor.execute(f"{_SUMS} AND account = %s AND symbol = %s", key)
            row = cursor.fetchone() or {}
            cursor.execute(
                "UPDATE positions SET bought = %s, sold = %s, trades = %s "
                "WHERE account = %s AND symbol = %s",
                (row.get("bought") or 0, row.get("sold") or 0, row.get("trades") or 0, *key),
            )

        self._writer.transact(work)


def _from_row(row: dict[str, Any]) -> Position:
    with localcontext(Context(prec=_DIGITS)):
        quantity = row["bought"] - row["sold"]
    return Position(
        symbol=row["symbol"],
        quantity=quantity,
        bought=row["bought"],
        sold=row["sold"],
        trades=row["trades"],
        updated_at=row["updated_at"].replace(tzinfo=UTC),
    )
