"""Clients of the API, each of which does one thing after another and insists until it is answered."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from concurrent.futures import Future
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from tests.faults.orders import ACCEPTED, DESK, SYMBOLS, Book, Document, Orders

if TYPE_CHECKING:
    from tests.faults.gateway import Gateway
    from tests.lambda_source.events import Answer

CONSISTENCY_TOKEN = "Consistency-Token"
# How long a client waits for an answer; 29 seconds is where API Gateway answers 504 for the function.
PATIENCE_SECONDS = (1.0, 3.0, 8.0, 29.0)
# Less than Retry-After asks for, so that many requests come while there is a fault.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
LONGEST_INSISTENCE_SECONDS = 90
THINKING_SECONDS = 0.12


@dataclass(frozen=True)
class FirstTry:
    """A request, and whether it was answered without being sent again."""

    began: float
    ended: float
    answered: bool


class Client(threading.Thread):
    """Trades for its own account and for the desk, until it is told to stop."""

    def __init__(self, number: int, seed: str, gateway: Gateway, orders: Orders) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        # Two sequences: how often it must insist does not change what it does.
        self._random = Random(f"{seed}/client/{number}")
        self._pauses = Random(f"{seed}/pauses/{number}")
        self._gateway = gateway
        self._orders = orders
        self._stopped = threading.Event()
        self._numbers = itertools.count()
        self._token: str | None = None
        self.own, self.desk = Book(f"CLIENT-{number}"), Book(DESK)
        self.requested: dict[str, Document] = {}
        self.cancels_requested: set[str] = set()
        self.created: set[str] = set()
        self.tries: list[FirstTry] = []
        self.violations: list[str] = []

    def run(self) -> None:
        """Do things."""
        things = {
            self._post: 20,
            self._post_twice_at_once: 8,
            self._post_again: 6,
            self._post_batch: 10,
            self._post_desk_batch: 22,
            self._cancel: 10,
            self._read: 12,
            self._list: 8,
            self._read_positions: 8,
            self._ask_health: 1,
        }
        try:
            while not self._stopped.is_set():
                (thing,) = self._random.choices(list(things), list(things.values()))
                thing()
                self._stopped.wait(self._random.uniform(0, THINKING_SECONDS))
        except Exception:  # noqa: BLE001 - the test tells
            self.violations.append(f"{self.name}: {traceback.format_exc()}")

    def stop(self) -> None:
        """Do nothing more after what is being done."""
        self._stopped.set()

    # What it does

    def _post(self, copies: int = 1) -> None:
        self._record(self._next_order(), copies)

    def _post_twice_at_once(self) -> None:
        self._post(copies=2)

    def _post_again(self) -> None:
        if self.own.trades:
            self._record(self.requested[self._any_trade(self.own)["client_order_id"]])

    def _post_batch(self) -> None:
        """New orders, some that were sent before, and one that is in it twice."""
        batch = [self._next_order() for _ in range(self._random.randint(1, 4))]
        known = [trade["client_order_id"] for trade in self.own.newest(6)]
        again = self._random.sample(known, min(len(known), self._random.randint(0, 2)))
        batch += [self.requested[order] for order in again]
        batch.append(self._random.choice(batch))
        self._random.shuffle(batch)
        self._record_batch(self.own, batch)

    def _post_desk_batch(self) -> None:
        count = self._random.randint(1, 4)
        self._record_batch(
            self.desk, [self._orders.desk_order(6, self._random) for _ in range(count)]
        )

    def _cancel(self) -> None:
        book = self._random.choice((self.own, self.own, self.desk))
        if not book.trades:
            return
        trade = self._any_trade(book)
        self.cancels_requested.add(trade["trade_id"])
        path, copies = f"/trades/{trade['trade_id']}/cancel", self._random.choice((1, 1, 2))
        for answer in self._insist("POST", path, copies):
            self._token = answer.headers[CONSISTENCY_TOKEN]
            self._check(book.cancel(answer.body))

    def _read(self) -> None:
        book = self._random.choice((self.own, self.desk))
        if book.trades:
            trade = self._any_trade(book)
            current = self._random.random() < 0.8
            (answer,) = self._insist(
                "GET", f"/trades/{trade['trade_id']}", headers=self._headers(current)
            )
            self._check(book.see(answer.body, current=current))

    def _list(self) -> None:
        """All trades of its account in one symbol, page by page."""
        symbol = self._random.choice(SYMBOLS)
        query = {"account": self.own.account, "symbol": symbol, "status": ACCEPTED, "limit": "40"}
        listed: list[Document] = []
        while True:
            (page,) = self._insist("GET", "/trades", query=query, headers=self._headers(True))
            listed += page.body["trades"]
            if page.body["next_cursor"] is None:
                break
            query = {**query, "cursor": page.body["next_cursor"]}
        expected = [
            trade
            for trade in self.own.trades.values()
            if (trade["symbol"], trade["status"]) == (symbol, ACCEPTED)
        ]
        expected.sort(key=lambda trade: (trade["created_at"], trade["trade_id"]), reverse=True)
        if listed != expected:
            self._check(f"a listing with a token has {listed}, not {expected}")

    def _read_positions(self) -> None:
        (answer,) = self._insist(
            "GET", f"/positions/{self.own.account}", headers=self._headers(True)
        )
        expected = self.own.positions()
        found = {
            one["symbol"]: (Decimal(one["bought"]), Decimal(one["sold"]), one["trades"])
            for one in answer.body["positions"]
            # What is left of trades that were all cancelled.
            if one["trades"]
        }
        if found != expected:
            self._check(f"positions with a token are {found}, not {expected}")

    def _ask_health(self) -> None:
        self._insist("GET", "/health")

    # How it does it

    def _record(self, order: Document, copies: int = 1) -> None:
        for answer in self._insist("POST", "/trades", copies=copies, body=order):
            self._recorded(self.own, order, answer.status, answer.body)
            self._token = answer.headers[CONSISTENCY_TOKEN]

    def _record_batch(self, book: Book, batch: list[Document]) -> None:
        self.requested |= {order["client_order_id"]: order for order in batch}
        (answer,) = self._insist("POST", "/trades/batch", body={"trades": batch})
        results = answer.body["results"]
        if len(results) != len(batch):
            self._check(f"a batch of {len(batch)} has {len(results)} results")
        for order, result in zip(batch, results, strict=False):
            if result["trade"] is None:
                self._check(f"{order} was refused: {result}")
            else:
                self._recorded(book, order, result["status"], result["trade"])
        self._token = answer.headers[CONSISTENCY_TOKEN]

    def _recorded(self, book: Book, order: Document, status: int, trade: Document) -> None:
        self._check(book.note(order, trade))
        if status == 201 and order["client_order_id"] in self.created:
            self._check(f"{order} was created twice")
        elif status == 201:
            self.created.add(order["client_order_id"])

    def _next_order(self) -> Document:
        order = self._orders.order(self.own.account, next(self._numbers))
        self.requested[order["client_order_id"]] = order
        return order

    def _any_trade(self, book: Book) -> Document:
        return self._random.choice(book.newest(12))

    def _headers(self, current: bool) -> dict[str, str]:
        return {CONSISTENCY_TOKEN: self._token} if current and self._token else {}

    def _check(self, violation: str | None) -> None:
        if violation:
            self.violations.append(f"{self.name}: {violation}")

    def _insist(self, method: str, path: str, copies: int = 1, **parts: Any) -> list[Answer]:
        """Send a request until it is answered, with growing pauses; all answers of the last time."""
        started = time.monotonic()
        attempt = 0
        while time.monotonic() - started < LONGEST_INSISTENCE_SECONDS:
            began = time.monotonic()
            until = began + self._pauses.choice(PATIENCE_SECONDS)
            sent = [self._gateway.send(method, path, **parts) for _ in range(copies)]
            answers = [answer for one in sent if (answer := _wait(one, until))]
            good = [answer for answer in answers if answer.status < 500]
            if attempt == 0:
                self.tries.append(FirstTry(began, time.monotonic(), bool(good)))
            if good:
                return good
            attempt += 1
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
            time.sleep(self._pauses.uniform(0, longest))
        raise TimeoutError(f"{method} {path} was not answered")


def _wait(answer: Future[Answer | None], until: float) -> Answer | None:
    try:
        return answer.result(timeout=max(0.0, until - time.monotonic()))
    except TimeoutError:
        return None
