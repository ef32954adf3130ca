"""Cancelling: an accepted trade once, a cancelled one never again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import methodcaller
from typing import TYPE_CHECKING

import pytest
from trade_service.configuration import configuration
from trade_service.consistency import ConsistencyToken
from trade_service.trade_id import new_trade_id

from tests.lambda_source import workers
from tests.lambda_source.events import REGION, trade_body
from tests.lambda_source.workers import at_one_time

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def position(api: Call) -> tuple[str, str, str, int]:
    (only,) = api("GET", "/positions/ACC-1").body["positions"]
    return only["quantity"], only["bought"], only["sold"], only["trades"]


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_cancelled_trade_is_kept_and_leaves_its_position(api: Call, side: str) -> None:
    api("POST", "/trades", body=trade_body(client_order_id="other", quantity="1"))
    posted = api("POST", "/trades", body=trade_body(side=side)).body
    before = datetime.now(UTC)
    cancelled = api("POST", f"/trades/{posted['trade_id']}/cancel")
    assert cancelled.status == 200
    cancelled_at = cancelled.body["cancelled_at"]
    assert cancelled.body == {**posted, "status": "CANCELLED", "cancelled_at": cancelled_at}
    assert before <= datetime.fromisoformat(cancelled_at) <= datetime.now(UTC)
    assert api("GET", f"/trades/{posted['trade_id']}").body == cancelled.body
    assert position(api) == ("1", "1", "0", 1)


def test_cancelling_again_changes_nothing(api: Call) -> None:
    posted = api("POST", "/trades", body=trade_body()).body
    first = api("POST", f"/trades/{posted['trade_id']}/cancel")
    again = api("POST", f"/trades/{posted['trade_id']}/cancel")
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert position(api) == ("0", "0", "0", 0)


def test_no_way_leads_back_from_cancelled(api: Call) -> None:
    posted = api("POST", "/trades", body=trade_body()).body
    cancelled = api("POST", f"/trades/{posted['trade_id']}/cancel").body
    batch = api("POST", "/trades/batch", body={"trades": [trade_body()]}).body["results"]
    assert (batch[0]["status"], batch[0]["trade"]) == (200, cancelled)
    again = api("POST", "/trades", body=trade_body())
    assert (again.status, again.body) == (200, cancelled)
    assert position(api) == ("0", "0", "0", 0)


def test_of_cancellations_at_one_time_one_counts(api: Call) -> None:
    environments = [workers.trade_service() for _ in range(8)]
    api("POST", "/trades", body=trade_body(client_order_id="other", quantity="7"))
    for number in range(10):
        body = trade_body(client_order_id=f"o-{number}")
        posted = api("POST", "/trades", body=body).body
        cancelled = at_one_time(methodcaller("cancel", posted["trade_id"]), environments)
        assert not [one for one in cancelled if isinstance(one, Exception)]
        shown = api("GET", f"/trades/{posted['trade_id']}").body
        assert shown["status"] == "CANCELLED"
        assert position(api) == ("7", "7", "0", 1)


def test_a_clock_that_went_back_cancels_no_trade_before_its_beginning(
    api: Call, server: MariaDbServer
) -> None:
    """As after a step of the clock, or a cancellation on a host whose clock is behind."""
    posted = api("POST", "/trades", body=trade_body()).body
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with server.connect(configuration().database_name) as connection:
        for statement in (
            "UPDATE trades SET created_at = %s",
            "UPDATE positions SET updated_at = %s",
        ):
            connection.cursor().execute(statement, (ahead.replace(tzinfo=None),))
        connection.commit()
    cancelled = api("POST", f"/trades/{posted['trade_id']}/cancel").body
    assert cancelled["cancelled_at"] == cancelled["created_at"]
    assert datetime.fromisoformat(cancelled["cancelled_at"]) == ahead
    api("POST", "/trades", body=trade_body(client_order_id="by-a-clock-that-is-behind"))
    (only,) = api("GET", "/positions/ACC-1").body["positions"]
    assert datetime.fromisoformat(only["updated_at"]) == ahead


def test_a_trade_that_was_never_recorded_cannot_be_cancelled(api: Call) -> None:
    answer = api("POST", f"/trades/{new_trade_id(REGION, datetime.now(UTC))}/cancel")
    assert (answer.status, answer.error_code) == (404, "trade_not_found")


def test_a_trade_of_another_region_is_cancelled_there(api: Call) -> None:
    path = f"/trades/{new_trade_id('us-east-2', datetime.now(UTC))}/cancel"
    answer = api("POST", path)
    assert (answer.status, answer.error_code) == (421, "trade_in_other_region")
    assert answer.body["error"]["url"] == f"https://us-east-2.api.dev.trading.example.com{path}"


def test_the_token_of_a_cancellation_is_after_the_trades_own(api: Call) -> None:
    posted = api("POST", "/trades", body=trade_body())
    cancelled = api("POST", f"/trades/{posted.body['trade_id']}/cancel")
    first, second = (
        ConsistencyToken.parse(answer.headers["Consistency-Token"])
        for answer in (posted, cancelled)
    )
    assert first.trade_id == second.trade_id
    assert first.version < second.version
    listed = api(
        "GET", "/trades", query={"account": "ACC-1"}, headers={"Consistency-Token": str(second)}
    )
    assert [trade["status"] for trade in listed.body["trades"]] == ["CANCELLED"]
