"""Where a read goes: the reader, and the writer when the reader lacks what the client wrote, or is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from trade_service import request_context, services
from trade_service.consistency import CONSISTENCY_HEADER, ConsistencyToken
from trade_service.data_access import database

from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    assert_refused,
    assert_unavailable,
    call_within,
    frozen,
    last_request,
    stopped,
    use_second_as_reader,
)
from tests.lambda_source.servers import HOST, SECOND_HOST

if TYPE_CHECKING:
    import io

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.events import Answer
    from tests.lambda_source.servers import MariaDbServer

# As no writer would write it: what shows it, was read from the reader.
OF_THE_READER = "OF.THE.READER"


@pytest.fixture
def reader(
    api: Call, second_server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> MariaDbServer:
    """A reader that never gets anything from the writer, unless `replicate` brings it."""
    use_second_as_reader(monkeypatch)
    return second_server


def replicate(writer: MariaDbServer, reader: MariaDbServer, database_name: str) -> None:
    """Bring all rows to the reader; the trades with a mark, by which to tell where they were read."""
    with writer.connect(database_name) as source, source.cursor() as cursor:
        rows = {}
        for table in ("trades", "positions"):
            cursor.execute(f"SELECT * FROM {table}")
            rows[table] = cursor.fetchall()
    with reader.connect(database_name) as target, target.cursor() as cursor:
        for table, copied in rows.items():
            for row in copied:
                marked = {**row, "symbol": OF_THE_READER}
                places = ", ".join(["%s"] * len(marked))
                cursor.execute(f"REPLACE INTO {table} VALUES ({places})", list(marked.values()))
        target.commit()


def symbols(answer: Answer) -> set[str]:
    assert answer.status == 200
    listed = answer.body.get("trades") or answer.body.get("positions") or [answer.body]
    return {item["symbol"] for item in listed if "symbol" in item}


def after(written: Answer) -> dict[str, str]:
    """What a client that wants to see its write brings back."""
    return {CONSISTENCY_HEADER: written.headers[CONSISTENCY_HEADER]}


def reads_of(written: Answer) -> tuple[tuple[str, dict[str, object]], ...]:
    return (
        (f"/trades/{written.body['trade_id']}", {}),
        ("/trades", {"query": {"account": "ACC-1"}}),
        ("/positions/ACC-1", {}),
    )


def test_a_reader_that_has_the_clients_write_is_read_from(
    environment: dict[str, str], api: Call, server: MariaDbServer, reader: MariaDbServer
) -> None:
    written = api("POST", "/trades", body=trade_body())
    replicate(server, reader, environment["DATABASE_NAME"])
    for path, parts in reads_of(written):
        for headers in ({}, after(written)):
            assert symbols(api("GET", path, headers=headers, **parts)) == {OF_THE_READER}


def test_for_what_a_reader_lacks_the_writer_is_asked(
    environment: dict[str, str], api: Call, server: MariaDbServer, reader: MariaDbServer
) -> None:
    first = api("POST", "/trades", body=trade_body())
    replicate(server, reader, environment["DATABASE_NAME"])
    second = api("POST", "/trades", body=trade_body(client_order_id="order-2", symbol="MSFT"))
    (_, page, positions) = reads_of(second)
    for path, parts in (page, positions):
        # Who asks for no more gets what the reader has, and who just wrote gets that, too.
        assert symbols(api("GET", path, headers=after(first), **parts)) == {OF_THE_READER}
        assert symbols(api("GET", path, headers=after(second), **parts)) == {"AAPL", "MSFT"}
    # What the client was told of exists, with a token and without.
    for headers in ({}, after(second)):
        path = f"/trades/{second.body['trade_id']}"
        assert symbols(api("GET", path, headers=headers)) == {"MSFT"}


def test_a_reader_that_lacks_a_cancellation_is_behind(
    environment: dict[str, str], api: Call, server: MariaDbServer, reader: MariaDbServer
) -> None:
    written = api("POST", "/trades", body=trade_body())
    replicate(server, reader, environment["DATABASE_NAME"])
    path = f"/trades/{written.body['trade_id']}"
    cancelled = api("POST", f"{path}/cancel")
    assert api("GET", path, headers=after(written)).body["status"] == "ACCEPTED"
    assert api("GET", path, headers=after(cancelled)).body["status"] == "CANCELLED"


def test_a_batch_is_as_new_as_its_last_trade(api: Call, reader: MariaDbServer) -> None:
    trades = [trade_body(client_order_id=f"order-{number}") for number in range(3)]
    written = api("POST", "/trades/batch", body={"trades": trades})
    page = api("GET", "/trades", query={"account": "ACC-1"}, headers=after(written))
    assert len(page.body["trades"]) == 3


def test_a_reader_that_is_away_is_left_alone_for_a_while(
    api: Call, reader: MariaDbServer, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = api("POST", "/trades", body=trade_body())
    page = {"query": {"account": "ACC-1"}}
    with stopped(reader):
        assert symbols(api("GET", "/trades", **page)) == {"AAPL"}
        assert last_request(log)["database_connections"] == 1
        for path, parts in reads_of(written):
            assert symbols(api("GET", path, **parts)) == {"AAPL"}
            assert last_request(log)["database_connections"] == 0
        time.sleep(database._AWAY_SECONDS)
        assert symbols(api("GET", "/trades", **page)) == {"AAPL"}
        assert last_request(log)["database_connections"] == 1
    time.sleep(database._AWAY_SECONDS)
    assert api("GET", "/trades", **page).body["trades"] == []


def test_a_reader_that_hangs_costs_one_request_its_patience(
    api: Call, reader: MariaDbServer
) -> None:
    api("POST", "/trades", body=trade_body())
    assert api("GET", "/trades", query={"account": "ACC-1"}).body["trades"] == []
    with frozen(reader):
        slow = call_within(26, "GET", "/trades", query={"account": "ACC-1"})
        fast = call_within(26, "GET", "/trades", query={"account": "ACC-1"})
    assert symbols(slow.answer) == symbols(fast.answer) == {"AAPL"}
    assert slow.seconds < 9
    assert fast.seconds < 1


def test_what_only_an_absent_writer_can_tell_is_a_503(
    environment: dict[str, str], api: Call, server: MariaDbServer, reader: MariaDbServer
) -> None:
    first = api("POST", "/trades", body=trade_body())
    replicate(server, reader, environment["DATABASE_NAME"])
    second = api("POST", "/trades", body=trade_body(client_order_id="order-2"))
    page = {"query": {"account": "ACC-1"}}
    with stopped(server):
        # The reader answers for what it has; it cannot say that there is no such trade.
        assert api("GET", "/trades", headers=after(first), **page).status == 200
        assert_refused(api("GET", "/trades", headers=after(second), **page))
        assert_refused(api("GET", f"/trades/{second.body['trade_id']}"))
        with stopped(reader):
            assert_unavailable(api)


def test_an_unknown_trade_costs_the_reader_and_the_writer_a_look(
    api: Call, reader: MariaDbServer
) -> None:
    unknown = "/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C"
    assert api("GET", unknown).error_code == "trade_not_found"
    with stopped(reader):
        assert api("GET", unknown).error_code == "trade_not_found"


@pytest.mark.parametrize(
    "token", ["x", "", "%%%", "dXMtZWFzdC0x", "é", "A" * 5000, "bm90LWEtdHJhZGV8MQ"]
)
def test_a_token_that_is_none_is_refused(api: Call, token: str) -> None:
    for path, parts in (
        ("/trades", {"query": {"account": "ACC-1"}}),
        ("/positions/ACC-1", {}),
        ("/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", {}),
    ):
        answer = api("GET", path, headers={CONSISTENCY_HEADER.upper(): token}, **parts)
        assert (answer.status, answer.error_code) == (400, "invalid_consistency_token")


def test_a_token_of_another_region_leads_there(api: Call) -> None:
    token = str(ConsistencyToken("us-west-2-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", 1))
    answer = api("GET", "/positions/ACC-1", headers={CONSISTENCY_HEADER: token})
    assert (answer.status, answer.error_code) == (421, "trade_in_other_region")
    assert answer.body["error"]["url"] == (
        "https://us-west-2.api.dev.trading.example.com/positions/ACC-1"
    )


def test_a_token_does_not_outlive_its_request(api: Call, reader: MariaDbServer) -> None:
    written = api("POST", "/trades", body=trade_body())
    page = {"query": {"account": "ACC-1"}}
    assert len(api("GET", "/trades", headers=after(written), **page).body["trades"]) == 1
    assert api("GET", "/trades", **page).body["trades"] == []


def test_writes_go_to_the_writer(api: Call, reader: MariaDbServer) -> None:
    endpoints = [one()._session.endpoint.host for one in (services.writer, services.reader)]
    assert endpoints == [HOST, SECOND_HOST]
    with stopped(reader), request_context.request(20):
        assert api("POST", "/trades", body=trade_body()).status == 201
