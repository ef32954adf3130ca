"""Accepting, finding and listing trades, through the handler and a real database."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from trade_service import services
from trade_service.configuration import configuration
from trade_service.data_access.trades import TradeRepository
from trade_service.errors import ClientOrderConflictError
from trade_service.logic.trades import Acceptance, TradeService
from trade_service.logic.validation import parse_trade_request

from tests.lambda_source.events import REGION, trade_body

if TYPE_CHECKING:
    from trade_service.models import TradeRequest

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def other_execution_environment() -> TradeService:
    """The service as another Lambda environment has it, with connections of its own."""
    settings = configuration()
    writer = services.database(settings.database_writer_host, settings.database_name)
    return TradeService(settings, TradeRepository(writer, writer))


def request(**changes: object) -> TradeRequest:
    return parse_trade_request(json.dumps(trade_body(**changes)))


def test_a_trade_is_accepted_and_read_back(api: Call) -> None:
    posted = api("POST", "/trades", body=trade_body())
    assert posted.status == 201
    trade_id = posted.body["trade_id"]
    assert trade_id.startswith(f"{REGION}-")
    assert posted.headers["Location"] == (
        f"https://{REGION}.api.dev.trading.example.com/trades/{trade_id}"
    )
    assert {**trade_body(), "trade_id": trade_id, "region": REGION} == {
        name: value for name, value in posted.body.items() if name != "created_at"
    }
    created_at = datetime.strptime(posted.body["created_at"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((datetime.now(created_at.tzinfo) - created_at).total_seconds()) < 60

    found = api("GET", f"/trades/{trade_id}")
    assert (found.status, found.body) == (200, posted.body)


def test_the_same_request_again_gets_the_same_answer(api: Call) -> None:
    first = api("POST", "/trades", body=trade_body())
    again = api("POST", "/trades", body=trade_body(quantity="10.500", price="187.2500000000"))
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert len(api("GET", "/trades", query={"account": "ACC-1"}).body["trades"]) == 1


@pytest.mark.parametrize(
    "change", [{"quantity": "10.6"}, {"price": "187.2"}, {"side": "SELL"}, {"symbol": "MSFT"}]
)
def test_a_different_trade_under_a_used_client_order_id_conflicts(
    api: Call, change: dict[str, str]
) -> None:
    first = api("POST", "/trades", body=trade_body())
    conflict = api("POST", "/trades", body=trade_body(**change))
    assert (conflict.status, conflict.error_code) == (409, "client_order_conflict")
    assert conflict.body["error"]["trade_id"] == first.body["trade_id"]


def test_accounts_do_not_share_client_order_ids_nor_differ_by_case_only(api: Call) -> None:
    accounts = ("ACC-1", "ACC-2", "acc-1")
    answers = [api("POST", "/trades", body=trade_body(account=account)) for account in accounts]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({answer.body["trade_id"] for answer in answers}) == 3


def test_identical_requests_at_one_time_record_one_trade(api: Call) -> None:
    workers = 4
    environments = [other_execution_environment() for _ in range(workers)]
    barrier = threading.Barrier(workers)

    def post(service: TradeService, order: int) -> Acceptance:
        barrier.wait()
        return service.accept(request(client_order_id=f"race-{order}"))

    with ThreadPoolExecutor(workers) as pool:
        for order in range(15):
            answers = list(pool.map(post, environments, [order] * workers))
            assert sum(answer.created for answer in answers) == 1
            assert len({answer.trade for answer in answers}) == 1


@pytest.mark.parametrize(
    ("outcome", "created"), [("commit", False), ("rollback", True)], ids=["commits", "rolls back"]
)
def test_the_second_of_two_waits_for_the_first(
    api: Call, server: MariaDbServer, outcome: str, created: bool
) -> None:
    recorded = api("POST", "/trades", body=trade_body(client_order_id="seed")).body
    with server.connect(configuration().database_name) as first, ThreadPoolExecutor(1) as pool:
        with first.cursor() as cursor:
            cursor.execute(
                "INSERT INTO trades SELECT CONCAT('us-east-1-', REPEAT('0', 26)),"
                " 'order-1', account, symbol, side, quantity, price, currency, created_at"
                " FROM trades WHERE trade_id = %s",
                (recorded["trade_id"],),
            )
        second = pool.submit(other_execution_environment().accept, request())
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        getattr(first, outcome)()
        assert second.result(timeout=10).created is created


def test_two_different_requests_at_one_time_leave_one_winner(api: Call) -> None:
    quantities = ("1", "2")
    with ThreadPoolExecutor(2) as pool:
        for order in range(10):
            futures = [
                pool.submit(
                    other_execution_environment().accept,
                    request(client_order_id=f"duel-{order}", quantity=quantity),
                )
                for quantity in quantities
            ]
            errors = [future.exception(timeout=10) for future in futures]
            assert [type(error) for error in errors if error] == [ClientOrderConflictError]


def test_a_listing_pages_through_everything_newest_first(api: Call) -> None:
    service = services.trade_service()
    created = [service.accept(request(client_order_id=f"o-{n}")).trade for n in range(57)]
    service.accept(request(account="ACC-2"))
    expected = [trade.to_json() for trade in sorted(created, key=lambda t: t.created_at)[::-1]]

    listed, query = [], {"account": "ACC-1", "limit": "10"}
    sizes = []
    while True:
        page = api("GET", "/trades", query=query).body
        listed += page["trades"]
        sizes.append(len(page["trades"]))
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        # A trade that arrives between two pages must not shift them.
        service.accept(request(client_order_id=f"late-{len(sizes)}"))
    assert listed == expected
    assert sizes == [10, 10, 10, 10, 10, 7]


def test_trades_of_one_instant_are_all_listed(api: Call, server: MariaDbServer) -> None:
    service = services.trade_service()
    ids = {service.accept(request(client_order_id=f"o-{n}")).trade.trade_id for n in range(9)}
    with server.connect(configuration().database_name) as connection:
        connection.cursor().execute("UPDATE trades SET created_at = '2025-01-01 00:00:00.5'")
        connection.commit()
    listed, cursor = [], None
    for _ in range(5):
        query = {"account": "ACC-1", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = api("GET", "/trades", query=query).body
        listed += [trade["trade_id"] for trade in page["trades"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert listed == sorted(ids, reverse=True)


def test_a_page_that_ends_the_listing_has_no_cursor(api: Call) -> None:
    for number in range(3):
        api("POST", "/trades", body=trade_body(client_order_id=f"o-{number}"))
    page = api("GET", "/trades", query={"account": "ACC-1", "limit": "3"}).body
    assert (len(page["trades"]), page["next_cursor"]) == (3, None)
    assert api("GET", "/trades", query={"account": "nobody"}).body == {
        "trades": [],
        "next_cursor": None,
    }


def test_a_trade_of_another_region_is_referred_there(api: Call) -> None:
    trade_id = "us-west-2-01JD8X6Y3Q4Z7M0V9T2K5B8N1C"
    answer = api("GET", f"/trades/{trade_id}")
    assert (answer.status, answer.error_code) == (421, "trade_in_other_region")
    assert answer.body["error"]["home_region"] == "us-west-2"
    assert answer.body["error"]["url"] == (
        f"https://us-west-2.api.dev.trading.example.com/trades/{trade_id}"
    )
    # A redirect would be followed with a signature for the wrong host.
    assert "Location" not in answer.headers


def test_a_trade_the_replica_lacks_is_read_from_the_writer(api: Call) -> None:
    settings = configuration()
    name = settings.database_name
    writer = services.database(settings.database_writer_host, name)
    with writer.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}_replica")
        cursor.execute(f"CREATE TABLE {name}_replica.trades LIKE {name}.trades")
    replica = services.database(settings.database_reader_host, f"{name}_replica")
    service = TradeService(settings, TradeRepository(writer, replica))
    trade = service.accept(request()).trade
    assert service.get(trade.trade_id) == trade
    assert service.list("ACC-1", 10, None).trades == ()
