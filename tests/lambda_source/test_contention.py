"""Rows that others hold: waited for, tried again, and given up in time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pymysql
import pytest
from trade_service import services
from trade_service.data_access import database
from trade_service.errors import DatabaseBusyError

from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    HOLD_ORDER,
    assert_refused,
    call_within,
    held,
    last_request,
    wait_for_statement,
)

if TYPE_CHECKING:
    import io

    from trade_service.data_access.connection import TimedCursor

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.events import Answer
    from tests.lambda_source.servers import MariaDbServer


@pytest.mark.parametrize("limit", [0.5, 3.0])
def test_a_wait_for_a_lock_ends_with_the_request(
    environment: dict[str, str], api: Call, server: MariaDbServer, limit: float
) -> None:
    with held(server, environment["DATABASE_NAME"], HOLD_ORDER):
        timed = call_within(limit, "POST", "/trades", body=trade_body())
    assert timed.answer.status == 503
    assert timed.answer.error_code in {"database_unavailable", "database_busy"}
    assert timed.seconds < limit + 1
    assert api("POST", "/trades", body=trade_body()).status == 201


def test_locks_that_others_keep_make_the_database_busy(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
) -> None:
    monkeypatch.setattr(database, "_CONTENTION_ATTEMPTS", 2)
    with held(server, environment["DATABASE_NAME"], HOLD_ORDER):
        answer = api("POST", "/trades", body=trade_body())
    assert_refused(answer, "database_busy")
    assert answer.headers["Retry-After"] == "1"
    line = last_request(log)
    assert line["database_retries"] == 1
    # Nobody is away, and the connection is kept.
    assert services.writer()._session._connection is not None
    assert not services.writer().seems_away


def test_a_lock_that_is_released_in_time_is_waited_for(
    environment: dict[str, str], api: Call, server: MariaDbServer
) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        held(server, environment["DATABASE_NAME"], HOLD_ORDER) as other,
    ):
        answered = pool.submit(api, "POST", "/trades", body=trade_body())
        wait_for_statement(server, "INSERT INTO trades")
        time.sleep(3.2)
        other.rollback()
        assert answered.result(20).status == 201


def test_a_deadlock_is_tried_again(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    log: io.StringIO,
) -> None:
    """The other transaction has done more, so that InnoDB ends ours."""
    name = environment["DATABASE_NAME"]
    both = [trade_body(client_order_id=symbol, symbol=symbol) for symbol in ("AAA", "BBB")]
    assert api("POST", "/trades/batch", body={"trades": both}).status == 200
    more = [{**trade, "client_order_id": f"{trade['symbol']}-2"} for trade in both]
    others_work = [
        f"INSERT INTO positions VALUES ('ACC-{number}', 'X', 0, 0, 0, NOW(6))"
        for number in range(10, 60)
    ]
    lock = "UPDATE positions SET updated_at = NOW(6) WHERE account = 'ACC-1' AND symbol = "
    with (
        ThreadPoolExecutor(1) as pool,
        held(server, name, *others_work, f"{lock} 'BBB'") as other,
        other.cursor() as cursor,
    ):
        answered = pool.submit(api, "POST", "/trades/batch", body={"trades": more})
        wait_for_statement(server, "INSERT INTO positions")
        cursor.execute(f"{lock} 'AAA'")
        other.rollback()
        answer: Answer = answered.result(20)
    assert [result["status"] for result in answer.body["results"]] == [201, 201]
    line = last_request(log)
    assert line["database_retries"] >= 1
    assert line["database_connections"] == 0
    positions = api("GET", "/positions/ACC-1").body["positions"]
    assert {position["symbol"]: position["trades"] for position in positions} == {
        "AAA": 2,
        "BBB": 2,
    }


def test_the_pauses_between_tries_are_random_and_grow(
    api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic)
    monkeypatch.setattr(database, "time", clock)

    def work(cursor: TimedCursor) -> None:
        raise pymysql.err.OperationalError(1213, "Deadlock found")

    for _ in range(20):
        with pytest.raises(DatabaseBusyError):
            services.writer().transact(work)
    tries = [pauses[start : start + 5] for start in range(0, len(pauses), 5)]
    assert len(tries) == 20
    for number, longest in enumerate((0.04, 0.08, 0.16, 0.32, 0.5)):
        of_one_number = [pause[number] for pause in tries]
        assert 0 <= min(of_one_number) < max(of_one_number) <= longest
        assert len(set(of_one_number)) > 10
