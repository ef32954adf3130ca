"""Listing trades: filters, pages that stay in place, and what a page costs."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from trade_service.configuration import configuration
from trade_service.contract.documents import parse_query
from trade_service.data_access.reads import Reads
from trade_service.data_access.trades import TradeRepository
from trade_service.logic.trades import TradeService
from trade_service.models import TradeQuery

from tests.lambda_source import workers
from tests.lambda_source.events import trade_body
from tests.lambda_source.workers import request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trade_service.data_access.connection import TimedCursor

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

BEGIN = datetime(2025, 1, 31, 12, tzinfo=UTC)
Shown = dict[str, Any]


def moment(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="microseconds")[:26] + "Z"


def pages(api: Call, **query: str) -> Iterator[list[Shown]]:
    """Page after page, each asked for when it is wanted."""
    while True:
        answer = api("GET", "/trades", query={"account": "ACC-1", **query})
        assert answer.status == 200
        yield answer.body["trades"]
        if answer.body["next_cursor"] is None:
            return
        assert answer.body["next_cursor"] != query.get("cursor"), "the pages do not advance"
        query["cursor"] = answer.body["next_cursor"]


def listed(api: Call, **query: str) -> list[Shown]:
    return list(itertools.chain.from_iterable(pages(api, **query)))


def record(api: Call, count: int, **changes: object) -> list[Shown]:
    """Trades of one account, each a second after the one before."""
    trades = [trade_body(client_order_id=f"o-{each:03}", **changes) for each in range(count)]
    answer = api("POST", "/trades/batch", body={"trades": trades})
    return [result["trade"] for result in answer.body["results"]]


def set_times(server: MariaDbServer, times: dict[str, float]) -> None:
    with server.connect(configuration().database_name) as connection:
        for trade_id, seconds in times.items():
            connection.cursor().execute(
                "UPDATE trades SET created_at = %s WHERE trade_id = %s",
                ((BEGIN + timedelta(seconds=seconds)).replace(tzinfo=None), trade_id),
            )
        connection.commit()


def test_every_filter_and_all_their_combinations_select_what_they_say(
    api: Call, server: MariaDbServer
) -> None:
    generator = random.Random(20250131)
    trades = [
        trade_body(
            client_order_id=f"o-{number}",
            symbol=generator.choice(["AAPL", "MSFT"]),
            side=generator.choice(["BUY", "SELL"]),
        )
        for number in range(60)
    ]
    results = api("POST", "/trades/batch", body={"trades": trades}).body["results"]
    ids = [result["trade"]["trade_id"] for result in results]
    api("POST", "/trades", body=trade_body(account="ACC-2"))
    # Several of one moment, and moments that differ by a microsecond.
    set_times(server, {each: generator.choice([0, 0.000001, 1, 1.5, 2]) for each in ids})
    for trade_id in generator.sample(ids, 20):
        api("POST", f"/trades/{trade_id}/cancel")
    everything = listed(api, limit="100")
    assert {trade["trade_id"] for trade in everything} == set(ids)

    choices: dict[str, tuple[str | None, ...]] = {
        "symbol": (None, "AAPL", "TSLA"),
        "side": (None, "SELL"),
        "status": (None, "ACCEPTED", "CANCELLED"),
        "from": (None, moment(0.000001), moment(1)),
        "to": (None, moment(1.5), moment(0.000001)),
    }
    for combination in itertools.product(*choices.values()):
        query = {name: text for name, text in zip(choices, combination, strict=True) if text}
        expected = [trade for trade in everything if selects(query, trade)]
        assert listed(api, **query) == expected, query
        if len(expected) > 7:
            assert listed(api, limit="7", **query) == expected, query


def selects(query: dict[str, str], trade: Shown) -> bool:
    """All texts of moments are of one length, and so in the order of the moments."""
    same = all(trade[name] == query[name] for name in ("symbol", "side", "status") if name in query)
    return same and query.get("from", "") <= trade["created_at"] < query.get("to", "9")


def test_moments_of_a_filter_may_be_short(api: Call, server: MariaDbServer) -> None:
    trades = record(api, 3)
    set_times(server, {trade["trade_id"]: each / 2 for each, trade in enumerate(trades)})
    found = listed(api, **{"from": "2025-01-31T12:00:00.5Z", "to": "2025-01-31T12:00:01Z"})
    assert [trade["trade_id"] for trade in found] == [trades[1]["trade_id"]]


def test_pages_are_newest_first_and_hold_their_place_while_trades_arrive(api: Call) -> None:
    service = workers.trade_service()
    recorded = [service.accept(request(client_order_id=f"o-{each}")).trade for each in range(57)]
    sizes, ids = [], []
    for number, page in enumerate(pages(api, limit="10")):
        sizes.append(len(page))
        ids += [trade["trade_id"] for trade in page]
        # Neither arrivals nor changes of what was listed, or is yet to be, may shift the pages.
        service.accept(request(client_order_id=f"late-{number}"))
        service.cancel(recorded[number].trade_id)
        service.cancel(recorded[-1 - number].trade_id)
    expected = sorted(recorded, key=lambda trade: trade.created_at, reverse=True)
    assert ids == [trade.trade_id for trade in expected]
    assert sizes == [10, 10, 10, 10, 10, 7]


def test_pages_of_accepted_trades_miss_none_that_stays_accepted(api: Call) -> None:
    trades = record(api, 40)
    ids = [trade["trade_id"] for trade in trades]
    generator = random.Random(40)
    cancelled: set[str] = set()
    found: list[str] = []
    for page in pages(api, limit="4", status="ACCEPTED"):
        assert not {trade["trade_id"] for trade in page} & cancelled
        found += [trade["trade_id"] for trade in page]
        for trade_id in generator.sample(sorted(set(ids) - cancelled), 3):
            api("POST", f"/trades/{trade_id}/cancel")
            cancelled.add(trade_id)
    assert len(found) == len(set(found))
    assert set(ids) - cancelled <= set(found)


def test_trades_of_one_instant_are_all_listed(api: Call, server: MariaDbServer) -> None:
    ids = [trade["trade_id"] for trade in record(api, 9)]
    set_times(server, dict.fromkeys(ids, 0.5))
    for size in ("1", "2", "3", "9", "100"):
        found = [trade["trade_id"] for trade in listed(api, limit=size)]
        assert found == sorted(ids, reverse=True)


def test_a_page_that_ends_the_listing_has_no_cursor(api: Call) -> None:
    record(api, 3)
    assert [len(page) for page in pages(api, limit="3")] == [3]
    assert [len(page) for page in pages(api, limit="2")] == [2, 1]
    empty = api("GET", "/trades", query={"account": "nobody"})
    assert (empty.status, empty.body) == (200, {"trades": [], "next_cursor": None})


def test_a_page_holds_fifty_unless_told_otherwise(api: Call) -> None:
    record(api, 100)
    assert [len(page) for page in pages(api)] == [50, 50]
    assert [len(page) for page in pages(api, limit="100")] == [100]


ROWS, MINE = 12_000, 3_000
# The page's ten, the one that tells of another page, and what a look at the place before it may cost.
FEW = 14


@pytest.fixture
def crowded(api: Call, server: MariaDbServer) -> None:
    """Every fourth trade is ACC-0's, every third of those in S0; a second from each to the next."""
    with server.connect(configuration().database_name) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO trades (trade_id, client_order_id, account, symbol, side, quantity, price,"
            " currency, created_at) SELECT CONCAT('us-east-1-0', LPAD(seq, 25, '0')), seq,"
            " CONCAT('ACC-', seq % 4), CONCAT('S', seq DIV 4 % 3), IF(seq % 8, 'BUY', 'SELL'), 1, 1,"
            f" 'USD', '2025-01-31 12:00:00' + INTERVAL seq SECOND FROM seq_1_to_{ROWS}"
        )
        connection.commit()
        cursor.execute("ANALYZE TABLE trades")


@pytest.mark.parametrize("place", ["first page", "page far within"])
@pytest.mark.parametrize(
    ("query", "most"),
    [
        ({}, FEW),
        ({"symbol": "S0"}, FEW),
        ({"from": moment(6_000)}, FEW),
        ({"to": moment(6_000)}, FEW),
        ({"symbol": "S0", "from": moment(3_000), "to": moment(6_000)}, FEW),
        # No index has these, but no more is read than is needed, and nobody else's.
        ({"side": "SELL"}, 2 * FEW),
        ({"symbol": "S0", "side": "SELL", "status": "ACCEPTED"}, 2 * FEW),
        ({"status": "CANCELLED"}, MINE + 1),
        ({"symbol": "TSLA"}, FEW),
    ],
    ids=str,
)
@pytest.mark.usefixtures("crowded")
def test_a_page_reads_few_rows_and_none_of_other_accounts(
    query: dict[str, str], most: int, place: str
) -> None:
    """Counted by the server, so that a plan by another index shows, whatever its name."""
    database = workers.database()
    service = TradeService(configuration(), TradeRepository(database, Reads(database, database)))
    parameters = {"account": ["ACC-0"], "limit": ["10"], **{name: [query[name]] for name in query}}
    if place != "first page":
        for _ in range(20):
            cursor = service.page(parse_query(TradeQuery, parameters)).next_cursor
            parameters |= {"cursor": [cursor]} if cursor else {}

    def rows_read(cursor: TimedCursor) -> int:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        # The answer to this is a table, too, whose rows are read by `rnd_next`.
        return sum(int(row["Value"]) for row in cursor.fetchall())

    empty = database.run(rows_read)
    overhead = database.run(rows_read) - empty
    before = database.run(rows_read)
    service.page(parse_query(TradeQuery, parameters))
    assert database.run(rows_read) - before - overhead <= most
