"""The token of an answer is after everything that its client was told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trade_service.consistency import CONSISTENCY_HEADER, ConsistencyToken

from tests.lambda_source.events import Answer, trade_body

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call


def token(answer: Answer) -> ConsistencyToken:
    return ConsistencyToken.parse(answer.headers[CONSISTENCY_HEADER])


def test_what_is_sent_again_has_a_newer_token(api: Call) -> None:
    first = api("POST", "/trades", body=trade_body())
    again = api("POST", "/trades", body=trade_body())
    once_more = api("POST", "/trades", body=trade_body())
    assert again.body == once_more.body == first.body
    assert [token(one).version for one in (first, again, once_more)] == [1, 2, 3]


def test_what_is_cancelled_again_has_a_newer_token(api: Call) -> None:
    path = f"/trades/{api('POST', '/trades', body=trade_body()).body['trade_id']}/cancel"
    first, again = api("POST", path), api("POST", path)
    assert again.body == first.body
    assert [token(one).version for one in (first, again)] == [2, 3]


@pytest.mark.parametrize("order_ids", [("old", "new"), ("new", "old")])
def test_the_token_of_a_batch_is_of_what_it_recorded(api: Call, order_ids: list[str]) -> None:
    api("POST", "/trades", body=trade_body(client_order_id="old"))
    bodies = {order_id: trade_body(client_order_id=order_id) for order_id in order_ids}
    batch = {"trades": [bodies[order_id] for order_id in order_ids]}
    answer = api("POST", "/trades/batch", body=batch)
    (created,) = (one["trade"] for one in answer.body["results"] if one["status"] == 201)
    assert token(answer) == ConsistencyToken(created["trade_id"], 1)


def test_a_batch_that_was_recorded_before_has_a_newer_token(api: Call) -> None:
    batch = {"trades": [trade_body(client_order_id=order_id) for order_id in ("a", "b")]}
    first, again = (api("POST", "/trades/batch", body=batch) for _ in range(2))
    assert [one["status"] for one in again.body["results"]] == [200, 200]
    assert token(again) == ConsistencyToken(token(first).trade_id, 2)
