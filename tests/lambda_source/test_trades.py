"""Recording trades exactly once, through the handler and a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trade_service.configuration import configuration
from trade_service.data_access.connection import Connection
from trade_service.errors import ClientOrderConflictError, InvalidTradeIdError
from trade_service.logic.trades import Acceptance, TradeService
from trade_service.models import Status
from trade_service.trade_id import home_region, new_trade_id

from tests.lambda_source import workers
from tests.lambda_source.events import REGION, trade_body
from tests.lambda_source.workers import at_one_time, request

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

ULID_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (Hypothesis takes naive bounds)
ELSEWHERE = "us-west-2-01JD8X6Y3Q4Z7M0V9T2K5B8N1C"


def position(api: Call, account: str = "ACC-1") -> tuple[str, int]:
    """What is held in the only symbol, and of how many trades."""
    (only,) = api("GET", f"/positions/{account}").body["positions"]
    return only["quantity"], only["trades"]


def test_a_trade_is_recorded_and_read_back(api: Call) -> None:
    posted = api("POST", "/trades", body=trade_body())
    assert posted.status == 201
    trade_id = posted.body["trade_id"]
    assert trade_id.startswith(f"{REGION}-")
    assert posted.headers["Location"] == (
        f"https://{REGION}.api.dev.trading.example.com/trades/{trade_id}"
    )
    created_at = posted.body["created_at"]
    assert posted.body == {
        **trade_body(),
        "trade_id": trade_id,
        "region": REGION,
        "status": "ACCEPTED",
        "created_at": created_at,
        "cancelled_at": None,
    }
    found = api("GET", f"/trades/{trade_id}")
    assert (found.status, found.body) == (200, posted.body)


def test_the_time_of_a_trade_is_kept_to_the_microsecond_in_utc(
    api: Call, server: MariaDbServer
) -> None:
    before = datetime.now(UTC)
    posted = api("POST", "/trades", body=trade_body()).body
    created_at = datetime.strptime(posted["created_at"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert posted["created_at"].endswith("Z")
    assert before <= created_at <= datetime.now(UTC)
    with server.connect(configuration().database_name) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT created_at FROM trades")
        assert cursor.fetchone() == {"created_at": created_at.replace(tzinfo=None)}
        cursor.execute("UPDATE trades SET created_at = '2025-01-02 03:04:05'")
        connection.commit()
    found = api("GET", f"/trades/{posted['trade_id']}").body
    assert found["created_at"] == "2025-01-02T03:04:05.000000Z"


def test_the_widest_amounts_survive_the_database(api: Call) -> None:
    widest = {"quantity": "999999999999999999.9999999999", "price": "0.0000000001"}
    posted = api("POST", "/trades", body=trade_body(**widest))
    found = api("GET", f"/trades/{posted.body['trade_id']}")
    assert {name: found.body[name] for name in widest} == widest


def test_the_same_trade_again_gets_the_same_answer(api: Call) -> None:
    first = api("POST", "/trades", body=trade_body())
    again = api("POST", "/trades", body=trade_body(quantity="10.500", price="187.2500000000"))
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert again.headers["Location"] == first.headers["Location"]
    assert len(api("GET", "/trades", query={"account": "ACC-1"}).body["trades"]) == 1
    assert position(api) == ("10.5", 1)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "10.6"},
        {"quantity": "10.5000000001"},
        {"price": "187.2"},
        {"side": "SELL"},
        {"symbol": "MSFT"},
        {"currency": "EUR"},
    ],
    ids=str,
)
def test_a_different_trade_under_a_used_client_order_id_conflicts(
    api: Call, change: dict[str, str]
) -> None:
    first = api("POST", "/trades", body=trade_body())
    conflict = api("POST", "/trades", body=trade_body(**change))
    assert (conflict.status, conflict.error_code) == (409, "client_order_conflict")
    assert conflict.body["error"]["trade_id"] == first.body["trade_id"]
    assert position(api) == ("10.5", 1)


def test_a_trade_that_was_cancelled_is_not_recorded_again(api: Call) -> None:
    first = api("POST", "/trades", body=trade_body())
    cancelled = api("POST", f"/trades/{first.body['trade_id']}/cancel")
    again = api("POST", "/trades", body=trade_body())
    assert (again.status, again.body) == (200, cancelled.body)
    assert position(api) == ("0", 0)


def test_accounts_do_not_share_client_order_ids_nor_differ_by_case_only(api: Call) -> None:
    accounts = ("ACC-1", "ACC-2", "acc-1")
    answers = [api("POST", "/trades", body=trade_body(account=account)) for account in accounts]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({answer.body["trade_id"] for answer in answers}) == 3
    assert [position(api, account) for account in accounts] == [("10.5", 1)] * 3


def test_identical_requests_at_one_time_record_one_trade(api: Call) -> None:
    environments = [workers.trade_service() for _ in range(8)]
    for order in range(15):
        post = methodcaller("accept", request(client_order_id=f"race-{order}"))
        answers = at_one_time(post, environments)
        accepted = [answer for answer in answers if isinstance(answer, Acceptance)]
        assert len(accepted) == 8, answers
        assert sum(answer.created for answer in accepted) == 1
        assert len({answer.trade.trade_id for answer in accepted}) == 1
    assert position(api) == ("157.5", 15)


def test_of_different_requests_at_one_time_one_wins(api: Call) -> None:
    contenders = [(workers.trade_service(), str(quantity)) for quantity in range(1, 5)]
    total = 0
    for order in range(15):

        def post(contender: tuple[TradeService, str], order: int = order) -> Acceptance:
            service, quantity = contender
            return service.accept(request(client_order_id=f"duel-{order}", quantity=quantity))

        answers = at_one_time(post, contenders)
        (winner,) = (answer for answer in answers if isinstance(answer, Acceptance))
        total += int(winner.trade.quantity)
        losers = [answer for answer in answers if isinstance(answer, ClientOrderConflictError)]
        assert [loser.details["trade_id"] for loser in losers] == [winner.trade.trade_id] * 3
    assert position(api) == (str(total), 15)


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
                " 'order-1', account, symbol, side, quantity, price, currency, created_at,"
                " status, cancelled_at, version FROM trades WHERE trade_id = %s",
                (recorded["trade_id"],),
            )
        second = pool.submit(workers.trade_service().accept, request())
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        getattr(first, outcome)()
        assert second.result(timeout=10).created is created


@pytest.mark.parametrize("committed", [True, False], ids=["taken effect", "been lost"])
def test_a_commit_without_an_answer_is_settled_by_trying_again(
    api: Call, server: MariaDbServer, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    commit, commits = Connection.commit, 0

    def commit_and_lose_the_connection(connection: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits > 1:
            commit(connection)
            return
        if committed:
            commit(connection)
        with server.connect() as other:
            other.cursor().execute("KILL CONNECTION USER trade_api")
        # Whether or not it has taken effect, this is what its sender learns of it.
        commit(connection)

    monkeypatch.setattr(Connection, "commit", commit_and_lose_the_connection)
    posted = api("POST", "/trades", body=trade_body())
    # It was this very request that recorded the trade, at the first attempt or at the second.
    assert posted.status == 201
    assert commits >= 2
    listed = api("GET", "/trades", query={"account": "ACC-1"}).body["trades"]
    assert listed == [posted.body]
    assert position(api) == ("10.5", 1)


def test_the_trades_of_another_region_are_referred_there(api: Call) -> None:
    for method, path in (("GET", f"/trades/{ELSEWHERE}"), ("POST", f"/trades/{ELSEWHERE}/cancel")):
        answer = api(method, path)
        assert (answer.status, answer.error_code) == (421, "trade_in_other_region")
        assert answer.body["error"]["home_region"] == "us-west-2"
        assert answer.body["error"]["url"] == (
            f"https://us-west-2.api.dev.trading.example.com{path}"
        )
        # A redirect would be followed with a signature for the wrong host.
        assert "Location" not in answer.headers


def test_a_trade_that_was_never_recorded_is_not_found(api: Call) -> None:
    answer = api("GET", f"/trades/{new_trade_id(REGION, datetime.now(UTC))}")
    assert (answer.status, answer.error_code) == (404, "trade_not_found")


@given(moment=st.datetimes(min_value=ULID_EPOCH, max_value=ULID_EPOCH + timedelta(days=365_000)))
def test_trade_ids_name_their_region_and_sort_by_time(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    first = new_trade_id("us-west-2", aware)
    assert home_region(first) == "us-west-2"
    assert first < new_trade_id("us-west-2", aware + timedelta(milliseconds=2))


def test_trade_ids_of_one_moment_differ() -> None:
    now = datetime.now(UTC)
    assert len({new_trade_id(REGION, now) for _ in range(1000)}) == 1000


@given(text=st.text())
def test_no_text_makes_the_trade_id_parser_fail_otherwise(text: str) -> None:
    with pytest.raises(InvalidTradeIdError):
        home_region(text)


def test_a_recorded_trade_is_accepted_until_it_is_cancelled(api: Call) -> None:
    service = workers.trade_service()
    trade = service.accept(request()).trade
    assert (trade.status, trade.version) == (Status.ACCEPTED, 1)
    service.cancel(trade.trade_id)
    cancelled = service.get(trade.trade_id)
    assert (cancelled.status, cancelled.version) == (Status.CANCELLED, 2)
    assert cancelled.request == trade.request
