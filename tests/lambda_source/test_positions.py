"""Positions: always the sum of the accepted trades, to the last digit."""

from __future__ import annotations

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pytest
from trade_service.configuration import configuration
from trade_service.errors import ClientOrderConflictError
from trade_service.handlers import schema_migrator

from tests.lambda_source import workers
from tests.lambda_source.events import CONTEXT, REGION, trade_body
from tests.lambda_source.workers import at_one_time, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymysql.cursors import DictCursor
    from trade_service.logic.trades import TradeService

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

ACCOUNTS, SYMBOLS = ("A", "B", "C"), ("X", "Y", "Z")
# Of no more digits than the column's, however many of them are added up.
WIDEST = "999999999999999999.9999999999"
Held = dict[tuple[str, str], tuple[Decimal, Decimal, int]]


@contextmanager
def rows(server: MariaDbServer) -> Iterator[DictCursor]:
    with server.connect(configuration().database_name) as connection:
        yield connection.cursor()
        connection.commit()


def held(server: MariaDbServer) -> Held:
    """What the positions say."""
    with rows(server) as cursor:
        cursor.execute("SELECT * FROM positions WHERE trades <> 0 OR bought <> 0 OR sold <> 0")
        return {
            (row["account"], row["symbol"]): (row["bought"], row["sold"], row["trades"])
            for row in cursor.fetchall()
        }


def summed(server: MariaDbServer) -> Held:
    """What the trades say, added up here."""
    sums: Held = {}
    with rows(server) as cursor, localcontext(prec=80):
        cursor.execute("SELECT * FROM trades WHERE status = 'ACCEPTED'")
        for row in cursor.fetchall():
            key = row["account"], row["symbol"]
            bought, sold, trades = sums.get(key, (Decimal(0), Decimal(0), 0))
            if row["side"] == "BUY":
                bought += row["quantity"]
            else:
                sold += row["quantity"]
            sums[key] = bought, sold, trades + 1
    return sums


def shown(api: Call, account: str, **query: str) -> list[dict[str, Any]]:
    """All positions of an account, page after page."""
    found: list[dict[str, Any]] = []
    while True:
        page = api("GET", f"/positions/{account}", query=query or None).body
        assert (page["account"], page["region"]) == (account, REGION)
        found += page["positions"]
        if page["next_cursor"] is None:
            return found
        assert page["next_cursor"] != query.get("cursor"), "the pages do not advance"
        query["cursor"] = page["next_cursor"]


def act_at_random(service: TradeService, seed: int, steps: int, known: list[str]) -> None:
    """Post, repeat, contradict, batch and cancel, as clients do who share accounts."""
    generator = random.Random(seed)

    def anything() -> dict[str, object]:
        return {
            # Few enough that many are sent twice, and with other contents.
            "client_order_id": f"o-{generator.randrange(150)}",
            "account": generator.choice(ACCOUNTS),
            "symbol": generator.choice(SYMBOLS),
            "side": generator.choice(["BUY", "SELL"]),
            "quantity": generator.choice(["0.0000000001", "1.5", "2", WIDEST]),
        }

    for _ in range(steps):
        step = generator.random()
        if step < 0.4:
            try:
                known.append(service.accept(request(**anything())).trade.trade_id)
            except ClientOrderConflictError:
                continue
        elif step < 0.7:
            batch = [request(**anything()) for _ in range(generator.randrange(1, 12))]
            known += [one.trade.trade_id for one in service.accept_batch(batch) if one.trade]
        elif known:
            service.cancel(generator.choice(known))


@pytest.mark.parametrize("seed", range(3))
def test_positions_are_the_sums_after_whatever_several_clients_did(
    api: Call, server: MariaDbServer, seed: int
) -> None:
    known: list[str] = []
    clients = [(workers.trade_service(), 100 * seed + number) for number in range(6)]
    failures = at_one_time(lambda client: act_at_random(*client, steps=40, known=known), clients)
    assert failures == [None] * 6
    assert len(set(known)) > 50
    assert held(server) == summed(server)
    assert workers.position_service().reconcile() == 0


def test_positions_are_shown_by_symbol_with_what_is_held(api: Call) -> None:
    for symbol, side, quantity in (("B", "BUY", "3"), ("A", "SELL", "2.5"), ("B", "SELL", "1")):
        body = trade_body(
            client_order_id=symbol + side, symbol=symbol, side=side, quantity=quantity
        )
        last = api("POST", "/trades", body=body).body
    found = shown(api, "ACC-1")
    times = [datetime.fromisoformat(one.pop("updated_at")) for one in found]
    assert found == [
        {"symbol": "A", "quantity": "-2.5", "bought": "0", "sold": "2.5", "trades": 1},
        {"symbol": "B", "quantity": "2", "bought": "3", "sold": "1", "trades": 2},
    ]
    assert times[1] == datetime.fromisoformat(last["created_at"]) > times[0]
    assert shown(api, "ACC-2") == []


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_hundred_of_the_widest_amounts_are_not_rounded(api: Call, side: str) -> None:
    for batch in range(2):
        trades = [
            trade_body(client_order_id=f"o-{batch}-{each}", side=side, quantity=WIDEST)
            for each in range(100)
        ]
        api("POST", "/trades/batch", body={"trades": trades})
    api("POST", "/trades", body=trade_body(side=side, quantity="0.0000000001"))
    (only,) = shown(api, "ACC-1")
    total = "199999999999999999999.9999999801"
    sign, kept = ("-", "sold") if side == "SELL" else ("", "bought")
    assert (only["quantity"], only[kept], only["trades"]) == (f"{sign}{total}", total, 201)


def test_a_batch_of_the_widest_amounts_can_be_cancelled_to_nothing(api: Call) -> None:
    trades = [trade_body(client_order_id=f"o-{each}", quantity=WIDEST) for each in range(5)]
    answer = api("POST", "/trades/batch", body={"trades": trades})
    for result in answer.body["results"]:
        api("POST", f"/trades/{result['trade']['trade_id']}/cancel")
    (only,) = shown(api, "ACC-1")
    assert (only["quantity"], only["bought"], only["trades"]) == ("0", "0", 0)


def test_pages_of_positions_hold_each_symbol_once(api: Call) -> None:
    symbols = [f"S{number:02}" for number in range(23)] + ["S1.B", "S1-A", "S1/C", "0"]
    for first in range(0, len(symbols), 9):
        trades = [trade_body(client_order_id=each, symbol=each) for each in symbols[first:][:9]]
        for trade in trades:
            trade["client_order_id"] = str(trade["symbol"]).replace("/", "_")
        api("POST", "/trades/batch", body={"trades": trades})
    api("POST", "/trades", body=trade_body(account="ACC-2", symbol="S99"))
    for limit in ("1", "4", "9", "27", "100"):
        found = [one["symbol"] for one in shown(api, "ACC-1", limit=limit)]
        assert found == sorted(symbols)


def spoil(server: MariaDbServer) -> None:
    """One position wrong in each way that there is."""
    with rows(server) as cursor:
        cursor.execute("UPDATE positions SET bought = bought + 0.0000000001 WHERE symbol = 'X'")
        cursor.execute("UPDATE positions SET trades = trades - 1 WHERE symbol = 'Y'")
        cursor.execute("DELETE FROM positions WHERE symbol = 'Z'")
        cursor.execute("INSERT INTO positions VALUES ('D', 'X', 1, 0, 1, NOW(6))")


def test_what_was_tampered_with_is_computed_anew(api: Call, server: MariaDbServer) -> None:
    act_at_random(workers.trade_service(), 7, 60, [])
    before = held(server)
    assert before == summed(server)
    spoil(server)
    assert held(server) != before
    changed = {
        key
        for key in held(server).keys() | before.keys()
        if held(server).get(key) != before.get(key)
    }
    service = workers.position_service()
    assert service.reconcile() == len(changed) > 5
    assert held(server) == before
    assert service.reconcile() == 0


def test_the_migrator_reconciles_when_it_is_told_to(api: Call, server: MariaDbServer) -> None:
    """As after a deployment: code from before the positions has recorded trades without them."""
    act_at_random(workers.trade_service(), 8, 30, [])
    with rows(server) as cursor:
        cursor.execute("DELETE FROM positions")
    count = len(summed(server))
    task = {"task": schema_migrator.RECONCILE_POSITIONS}
    assert schema_migrator.handler(task, CONTEXT) == {"positions_corrected": count}
    assert held(server) == summed(server)
    assert schema_migrator.handler(task, CONTEXT) == {"positions_corrected": 0}


def test_positions_can_be_computed_while_trades_go_on(api: Call, server: MariaDbServer) -> None:
    known: list[str] = []
    act_at_random(workers.trade_service(), 9, 30, known)
    spoil(server)
    ended = threading.Event()

    def recompute_all_the_time() -> int:
        repository, rounds = workers.position_repository(), 0
        while not ended.is_set() or rounds < 2:
            for account, symbol in [*itertools.product(ACCOUNTS, SYMBOLS), ("D", "X")]:
                repository.recompute(account, symbol)
            rounds += 1
        return rounds

    clients = [(workers.trade_service(), 90 + number) for number in range(4)]
    with ThreadPoolExecutor(2) as pool:
        recomputing = [pool.submit(recompute_all_the_time) for _ in range(2)]
        failures = at_one_time(lambda one: act_at_random(*one, steps=60, known=known), clients)
        ended.set()
        assert all(one.result(timeout=60) >= 2 for one in recomputing)
    assert failures == [None] * 4
    # Not reconciled once more: each was right as soon as it had been computed, and stayed so.
    assert held(server) == summed(server)


@pytest.mark.parametrize("counted", [True, False], ids=["counted already", "not counted yet"])
def test_a_trade_that_is_being_recorded_counts_once_in_what_is_computed(
    api: Call, server: MariaDbServer, counted: bool
) -> None:
    api("POST", "/trades", body=trade_body())
    count = "UPDATE positions SET bought = bought + 10.5, trades = trades + 1"
    repository = workers.position_repository()
    with (
        server.connect(configuration().database_name) as recording,
        ThreadPoolExecutor(1) as pool,
    ):
        cursor = recording.cursor()
        cursor.execute(
            "INSERT INTO trades SELECT CONCAT('us-east-1-', REPEAT('0', 26)), 'other', account,"
            " symbol, side, quantity, price, currency, created_at, status, cancelled_at, version"
            " FROM trades"
        )
        if counted:
            cursor.execute(count)
        computing = pool.submit(repository.recompute, "ACC-1", "AAPL")
        if counted:
            # It waits for the one who has changed the position, and then sees that one's trade.
            with pytest.raises(TimeoutError):
                computing.result(timeout=0.5)
        else:
            computing.result(timeout=10)
            cursor.execute(count)
        recording.commit()
        computing.result(timeout=10)
    assert held(server) == summed(server)
    assert held(server)["ACC-1", "AAPL"] == (Decimal(21), Decimal(0), 2)
