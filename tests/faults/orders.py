"""The clients' orders, and what a client knows of those it was answered for."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]

# Few, so that their positions are wanted by several at once.
SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA")
# The account that all clients trade for, beside one of their own each.
DESK = "DESK"
ACCEPTED, CANCELLED = "ACCEPTED", "CANCELLED"


class Orders:
    """Orders by account and number. The same number is the same order, whoever sends it and how often."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._desk_numbers = itertools.count()

    def order(self, account: str, number: int) -> Document:
        """The body of the request for one order."""
        random = Random(f"{self._seed}/{account}/{number}")
        # Amounts as the API writes them, so that its documents can be compared with these.
        return {
            "client_order_id": f"{account}-{number}",
            "account": account,
            "symbol": random.choice(SYMBOLS),
            "side": random.choice(("BUY", "SELL")),
            "quantity": f"{random.randint(0, 999)}.{random.randint(0, 99999):05}1",
            "price": f"{random.randint(1, 999)}.{random.randint(1, 9)}",
            "currency": "USD",
        }

    def desk_order(self, spread: int, random: Random) -> Document:
        """An order near the newest of the desk, which others send just now, too."""
        return self.order(DESK, max(0, next(self._desk_numbers) // 3 - random.randint(0, spread)))


class Book:
    """What one client was answered about one account.

    A client does one thing after another, and insists until it is answered. So in an account of its own
    it knows all there is.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.trades: dict[str, Document] = {}
        self._trade_ids: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.trades)

    def newest(self, count: int) -> list[Document]:
        """The trades last answered for the first time."""
        return list(self.trades.values())[-count:]

    def note(self, order: Document, trade: Document) -> str | None:
        """Keep the answer for an order; what is wrong with it, if anything is."""
        if {name: trade[name] for name in order} != order:
            return f"{order} was recorded as {trade}"
        earlier = self._trade_ids.setdefault(order["client_order_id"], trade["trade_id"])
        if earlier != trade["trade_id"]:
            return f"{order['client_order_id']} is {earlier} and {trade['trade_id']}"
        return self.see(trade, current=True)

    def see(self, trade: Document, *, current: bool) -> str | None:
        """Compare a trade with what is known of it; one that is not ``current`` may be older."""
        known = self.trades.get(trade["trade_id"])
        expected = known or trade
        # The desk's trades are cancelled by others, too; nobody takes that back.
        if expected["status"] == ACCEPTED and self.account == DESK:
            expected = {**expected, **{name: trade[name] for name in ("status", "cancelled_at")}}
        if not current:
            trade = {**trade, **{name: expected[name] for name in ("status", "cancelled_at")}}
        if trade != expected:
            return f"{trade} is not {expected}"
        self.trades[trade["trade_id"]] = expected
        return None

    def cancel(self, trade: Document) -> str | None:
        """Keep the answer to a cancel; what is wrong with it, if anything is."""
        known = self.trades[trade["trade_id"]]
        if known["status"] == ACCEPTED:
            known = {**known, "status": CANCELLED, "cancelled_at": trade["cancelled_at"]}
        if trade != known or not trade["cancelled_at"] >= trade["created_at"]:
            return f"{known} was cancelled as {trade}"
        self.trades[trade["trade_id"]] = trade
        return None

    def positions(self) -> dict[str, tuple[Decimal, Decimal, int]]:
        """What the account's accepted trades add up to."""
        return positions_of(self.trades.values())


def positions_of(trades: Iterable[Document]) -> dict[str, tuple[Decimal, Decimal, int]]:
    """By symbol: bought, sold, and how many trades, of those that are accepted."""
    sums: dict[str, tuple[Decimal, Decimal, int]] = defaultdict(lambda: (Decimal(0), Decimal(0), 0))
    for trade in trades:
        if trade["status"] == ACCEPTED:
            bought, sold, count = sums[trade["symbol"]]
            quantity = Decimal(trade["quantity"])
            if trade["side"] == "BUY":
                bought += quantity
            else:
                sold += quantity
            sums[trade["symbol"]] = (bought, sold, count + 1)
    return dict(sums)
