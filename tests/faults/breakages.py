"""Ways to break the product, each of which the faults must bring to light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Breakage:
    """A change to one file of the service."""

    name: str
    file: str
    old: str
    new: str

    def apply(self, code: Path) -> None:
        """Change the unpacked code."""
        path = code / "trade_service" / self.file
        text = path.read_text("utf-8")
        assert text.count(self.old) == 1, f"{self.file} has changed: adapt {self.name!r}"
        path.write_text(text.replace(self.old, self.new), "utf-8")


_TRADES, _DATABASE = "data_access/trades.py", "data_access/database.py"
BREAKAGES = (
    Breakage(
        "positions in a transaction of their own",
        _TRADES,
        "    add_to_positions(cursor, added=trades",
        "    cursor.connection.commit()\n"
        "    cursor.connection.begin()\n"
        "    add_to_positions(cursor, added=trades",
    ),
    Breakage(
        "no unique key",
        "migrations/0001_create_trades.sql",
        "UNIQUE KEY trades_idempotency",
        "KEY trades_idempotency",
    ),
    Breakage(
        "a refused insert taken for done",
        _TRADES,
        "recorded = self._writer.run(lambda cursor: _find_orders(cursor, list(wanted)))",
        "return wanted",
    ),
    Breakage(
        "no rollback",
        _DATABASE,
        "            connection.rollback()\n",
        "            pass\n",
    ),
    Breakage(
        "a cancel without its lock",
        _TRADES,
        '"WHERE trade_id = %s FOR UPDATE"',
        '"WHERE trade_id = %s"',
    ),
    Breakage(
        "token ignored",
        "data_access/reads.py",
        "behind = token is not None and not _has(cursor, token)",
        "behind = False",
    ),
    Breakage(
        "a repeated trade with its first token",
        _TRADES,
        "return self._writer.transact(partial(_repeat, recorded))",
        "return recorded",
    ),
    Breakage(
        "an id that the reader lacks taken for unknown",
        "data_access/reads.py",
        "return found[0] if found and found[0] is not None else self._writer.run(work)",
        "return self.run(work)",
    ),
    Breakage(
        "deadline ignored",
        "data_access/transport.py",
        "min(seconds, context.remaining)",
        "60",
    ),
    Breakage(
        "a connection kept after half an exchange",
        _DATABASE,
        "            if not _leaves_connection_usable(error):\n",
        "            if False:\n",
    ),
    Breakage(
        "a broken connection never replaced",
        "data_access/connection.py",
        "connection, self._connection = self._connection, None",
        "connection = None",
    ),
    Breakage(
        "connections never closed",
        "data_access/connection.py",
        "            connection.drop()\n",
        "            vars(self).setdefault('_kept', []).append(connection)\n",
    ),
    Breakage(
        "a clock believed",
        "models.py",
        "cancelled_at=max(now, self.created_at)",
        "cancelled_at=now",
    ),
)
