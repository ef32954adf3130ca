"""Batches: many trades in one transaction, each answered as by itself."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from trade_service.configuration import configuration
from trade_service.consistency import ConsistencyToken

from tests.lambda_source import workers
from tests.lambda_source.events import trade_body
from tests.lambda_source.workers import at_one_time, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trade_service.logic.trades import TradeService
    from trade_service.models import TradeRequest

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def post_batch(api: Call, *trades: dict[str, object]) -> list[dict[str, Any]]:
    answer = api("POST", "/trades/batch", body={"trades": trades})
    assert answer.status == 200
    results: list[dict[str, Any]] = answer.body["results"]
    return results


def order(number: int, **changes: object) -> dict[str, object]:
    return trade_body(client_order_id=f"o-{number:03}", **changes)


def positions(api: Call, account: str = "ACC-1") -> dict[str, tuple[str, int]]:
    found = api("GET", f"/positions/{account}").body["positions"]
    return {one["symbol"]: (one["quantity"], one["trades"]) for one in found}


def test_results_come_in_the_order_of_the_batch(api: Call) -> None:
    numbers = random.Random(5).sample(range(100), 100)
    results = post_batch(api, *(order(number, quantity=str(number + 1)) for number in numbers))
    assert [result["status"] for result in results] == [201] * 100
    assert [result["error"] for result in results] == [None] * 100
    shown = [(one["trade"]["client_order_id"], one["trade"]["quantity"]) for one in results]
    assert shown == [(f"o-{number:03}", str(number + 1)) for number in numbers]
    assert len({one["trade"]["trade_id"] for one in results}) == 100
    assert positions(api) == {"AAPL": ("5050", 100)}
    for result in results[::25]:
        assert api("GET", f"/trades/{result['trade']['trade_id']}").body == result["trade"]


def test_a_batch_of_several_accounts_changes_the_positions_of_each(api: Call) -> None:
    post_batch(
        api,
        *(
            order(number, account=account, symbol=symbol, side=side)
            for number, (account, symbol, side) in enumerate(
                (account, symbol, side)
                for account in ("B", "A")
                for symbol in ("X", "W")
                for side in ("SELL", "BUY", "BUY")
            )
        ),
    )
    for account in ("A", "B"):
        assert positions(api, account) == {"W": ("10.5", 3), "X": ("10.5", 3)}


def test_a_batch_sent_again_records_nothing_anew(api: Call) -> None:
    trades = [order(number) for number in range(5)]
    first, again = post_batch(api, *trades), post_batch(api, *trades)
    assert [result["status"] for result in again] == [200] * 5
    assert [result["trade"] for result in again] == [result["trade"] for result in first]
    assert positions(api) == {"AAPL": ("52.5", 5)}


def test_what_is_new_in_a_batch_is_recorded_beside_what_is_not(api: Call) -> None:
    known = api("POST", "/trades", body=order(2)).body
    results = post_batch(api, *(order(number) for number in range(4)))
    assert [result["status"] for result in results] == [201, 201, 200, 201]
    assert results[2]["trade"] == known
    assert positions(api) == {"AAPL": ("42", 4)}


def test_a_trade_that_is_twice_in_a_batch_is_recorded_once(api: Call) -> None:
    results = post_batch(api, order(1), order(2), order(1, quantity="10.50"), order(1))
    assert [result["status"] for result in results] == [201, 201, 200, 200]
    assert results[0]["trade"] == results[2]["trade"] == results[3]["trade"]
    assert positions(api) == {"AAPL": ("21", 2)}


def test_a_conflict_is_answered_in_its_place_without_effect_on_others(api: Call) -> None:
    api("POST", "/trades", body=order(1))
    results = post_batch(api, order(0), order(1, quantity="9"), order(2), order(2, side="SELL"))
    assert [result["status"] for result in results] == [201, 409, 201, 409]
    for conflict in (results[1], results[3]):
        assert conflict["trade"] is None
        assert conflict["error"]["code"] == "client_order_conflict"
    assert positions(api) == {"AAPL": ("31.5", 3)}


def test_the_token_of_a_batch_names_a_trade_that_it_wrote(api: Call) -> None:
    api("POST", "/trades", body=order(3))
    trades = [order(1), order(3, side="SELL"), order(3), order(2), order(2, side="SELL")]
    answer = api("POST", "/trades/batch", body={"trades": trades})
    results = answer.body["results"]
    assert [result["status"] for result in results] == [201, 409, 200, 201, 409]
    token = ConsistencyToken.parse(answer.headers["Consistency-Token"])
    assert token in {ConsistencyToken(results[each]["trade"]["trade_id"], 1) for each in (0, 3)}
    headers = {"Consistency-Token": str(token)}
    listed = api("GET", "/trades", query={"account": "ACC-1"}, headers=headers)
    assert len(listed.body["trades"]) == 3


def test_a_batch_of_conflicts_only_has_no_token(api: Call) -> None:
    api("POST", "/trades", body=order(1))
    answer = api("POST", "/trades/batch", body={"trades": [order(1, side="SELL")]})
    assert [result["status"] for result in answer.body["results"]] == [409]
    assert "Consistency-Token" not in answer.headers


@pytest.mark.parametrize("table", ["trades", "positions"])
def test_a_batch_that_fails_in_the_middle_leaves_nothing(
    api: Call, server: MariaDbServer, table: str
) -> None:
    with server.connect(configuration().database_name) as connection:
        cursor = connection.cursor()
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW "
            "IF NEW.symbol = 'LAST' THEN SIGNAL SQLSTATE '45000'; END IF"
        )
        trades = [order(1), order(2), order(3, symbol="LAST")]
        answer = api("POST", "/trades/batch", body={"trades": trades})
        assert answer.status >= 500
        cursor.execute("DROP TRIGGER refuse")
        assert api("GET", "/trades", query={"account": "ACC-1"}).body["trades"] == []
        assert positions(api) == {}
    assert [one["status"] for one in post_batch(api, *trades)] == [201] * 3


def test_batches_that_overlap_in_opposite_orders_all_end(api: Call) -> None:
    """What deadlocks where locks are taken in the order of the request, and is tried again elsewhere."""
    size, rounds, threads = 30, 4, 8
    environments = [workers.trade_service() for _ in range(threads)]
    for number in range(rounds):
        trades = [
            request(client_order_id=f"o-{number}-{each}", symbol=f"S{each % 7}")
            for each in range(size)
        ]

        def post(contender: tuple[TradeService, Sequence[TradeRequest]]) -> list[int]:
            service, mine = contender
            return [result.status for result in service.accept_batch(mine)]

        shares = [
            trades[first : first + 20][::step]
            for first, step in zip((0, 10, 0, 10, 5, 5, 0, 10), (1, -1) * 4, strict=True)
        ]
        outcomes = at_one_time(post, list(zip(environments, shares, strict=True)))
        statuses = [
            status for outcome in outcomes if isinstance(outcome, list) for status in outcome
        ]
        assert len(statuses) == 8 * 20, outcomes
        assert statuses.count(201) == size
        assert statuses.count(200) == 8 * 20 - size
    held = positions(api)
    assert sum(trades for _, trades in held.values()) == size * rounds
