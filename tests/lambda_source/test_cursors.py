"""What clients hand back and do not build: cursors and consistency tokens have one spelling, ours."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trade_service.consistency import ConsistencyToken
from trade_service.contract.documents import parse_value
from trade_service.contract.operations import OPERATIONS
from trade_service.data_access.trades import ListingPlace
from trade_service.errors import InvalidConsistencyTokenError, InvalidCursorError
from trade_service.logic.cursor import place_after_trade, symbol_after, symbol_cursor, trade_cursor
from trade_service.models import Status, Trade, TradeQuery
from trade_service.opaque import decode, encode

from tests.lambda_source.events import trade_body
from tests.lambda_source.workers import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lambda_source.conftest import Call

TRADE_ID = "us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C"
LONGEST_ID = "ap-southeast-10-01JD8X6Y3Q4Z7M0V9T2K5B8N1C"
MOMENT = "2025-01-02T03:04:05.500000Z"
# By what reads them.
READERS: dict[Callable[[str], Any], type[Exception]] = {
    place_after_trade: InvalidCursorError,
    symbol_after: InvalidCursorError,
    ConsistencyToken.parse: InvalidConsistencyTokenError,
}


def recorded(moment: datetime, trade_id: str = TRADE_ID) -> Trade:
    return Trade(
        **vars(request()),
        trade_id=trade_id,
        region="us-east-1",
        status=Status.ACCEPTED,
        created_at=moment,
        cancelled_at=None,
    )


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@given(
    moment=st.datetimes(timezones=st.just(UTC)), trade_id=st.sampled_from([TRADE_ID, LONGEST_ID])
)
def test_a_trades_cursor_survives_its_journey(moment: datetime, trade_id: str) -> None:
    cursor = trade_cursor(recorded(moment, trade_id))
    assert parse_value(TradeQuery, "cursor", cursor) == cursor
    assert place_after_trade(cursor) == ListingPlace(moment, trade_id)


@given(symbol=st.from_regex(r"\A[A-Z0-9][A-Z0-9./-]{0,31}\Z"))
def test_a_symbols_cursor_survives_its_journey(symbol: str) -> None:
    assert symbol_after(symbol_cursor(symbol)) == symbol


@given(version=st.integers(1, 2**32 - 1))
def test_a_token_survives_its_journey(version: int) -> None:
    token = ConsistencyToken(TRADE_ID, version)
    assert ConsistencyToken.parse(str(token)) == token
    assert token.region == "us-east-1"


@given(parts=st.lists(st.from_regex(r"\A[ -{}~]*\Z"), min_size=1))
def test_parts_of_a_text_are_told_apart_again(parts: list[str]) -> None:
    assert decode(encode(*parts)) == tuple(parts)


def other_spellings(text: str) -> list[str]:
    """What a lenient decoder takes for the same."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last character of most texts carries some bits that stand for nothing.
    spare_bits = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    padded = text + "=" * (-len(text) % 4)
    spaced = [f"{text}\n", f" {text}", f"{text[:8]}\n{text[8:]}", f"{text[:4]}!{text[4:]}"]
    others = [spare_bits, padded, f"{text}====", *spaced, text.swapcase(), f"{text}A"]
    return [other for other in others if other != text]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (place_after_trade, f"{MOMENT}|{TRADE_ID}"),
        (symbol_after, "AAPL"),
        (ConsistencyToken.parse, f"{TRADE_ID}|1"),
    ],
    ids=["trade", "symbol", "token"],
)
def test_another_spelling_of_our_text_is_refused(read: Callable[[str], Any], text: str) -> None:
    assert read(encoded(text))
    for other in other_spellings(encoded(text)):
        with pytest.raises(READERS[read]):
            read(other)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *(
            (place_after_trade, text)
            for text in (
                f"2025-01-02T03:04:05.5Z|{TRADE_ID}",
                f"2025-01-02T03:04:05Z|{TRADE_ID}",
                f"2025-02-29T03:04:05.500000Z|{TRADE_ID}",
                f"2025-01-02T03:04:05.500000+00:00|{TRADE_ID}",
                f"{MOMENT}|{TRADE_ID.lower()}",
                f"{MOMENT}|{TRADE_ID}|1",
                f"{MOMENT}|",
                f"|{TRADE_ID}",
                MOMENT,
                "AAPL",
                "",
            )
        ),
        *((symbol_after, text) for text in ("", "aapl", "A\n", "A|B", "A" * 33, "'; --", "\u0661")),
        *((symbol_after, text) for text in (f"{MOMENT}|{TRADE_ID}", "A ", "A\x00")),
        *(
            (ConsistencyToken.parse, f"{TRADE_ID}|{version}")
            for version in (
                "",
                "0",
                "-1",
                "01",
                "1.0",
                "1_0",
                " 1",
                "+1",
                "1e3",
                "x",
                "\u0661",
                "1|1",
            )
        ),
        (ConsistencyToken.parse, "1"),
        (ConsistencyToken.parse, f"{TRADE_ID.upper()}|1"),
        (ConsistencyToken.parse, f"{TRADE_ID}|{'9' * 5000}"),
    ],
    ids=lambda part: ascii(part)[:50] if isinstance(part, str) else part.__qualname__,
)
def test_what_we_would_not_have_written_is_refused(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(READERS[read]):
        read(encoded(text))


def written(read: Callable[[str], Any], found: Any) -> str:
    if isinstance(found, ListingPlace):
        return trade_cursor(recorded(found.created_at, found.trade_id))
    return symbol_cursor(found) if read is symbol_after else str(found)


@pytest.mark.parametrize(
    ("read", "ours"),
    list(zip(READERS, (f"{MOMENT}|{TRADE_ID}", "AAPL.X", f"{TRADE_ID}|17"), strict=True)),
    ids=["trade", "symbol", "token"],
)
def test_no_text_but_our_own_is_taken(read: Callable[[str], Any], ours: str) -> None:
    places = st.integers(0, len(ours) - 1)
    changed = st.builds(
        lambda text, place, character: f"{text[:place]}{character}{text[place + 1 :]}",
        st.just(ours),
        places,
        st.sampled_from(f"019aZ|-. :\n\u0661{ours}") | st.just(""),
    )

    @given(text=st.text() | st.text().map(encoded) | changed.map(encoded))
    def refuses_or_reads(text: str) -> None:
        try:
            found = read(text)
        except READERS[read]:
            return
        assert written(read, found) == text

    refuses_or_reads()


def test_the_cursor_of_one_listing_is_none_of_the_other(unmigrated: Call) -> None:
    of_trades, of_positions = encoded(f"{MOMENT}|{TRADE_ID}"), encoded("AAPL")
    listing = {"account": "ACC-1", "cursor": of_positions}
    for answer in (
        unmigrated("GET", "/trades", query=listing),
        unmigrated("GET", "/positions/ACC-1", query={"cursor": of_trades}),
    ):
        assert (answer.status, answer.error_code) == (400, "invalid_cursor")


def test_every_read_refuses_a_token_that_is_none(unmigrated: Call) -> None:
    reads = {operation.path for operation in OPERATIONS if operation.reads}
    assert reads == {"/trades", "/trades/{trade_id}", "/positions/{account}"}
    for path in ("/trades", f"/trades/{TRADE_ID}", "/positions/ACC-1"):
        query = {"account": "ACC-1"} if path == "/trades" else None
        for token in ("x", encoded(f"{TRADE_ID}|0")):
            headers = {"consistency-token": token}
            answer = unmigrated("GET", path, query=query, headers=headers)
            assert (answer.status, answer.error_code) == (400, "invalid_consistency_token")


def test_a_token_of_another_region_is_referred_there(unmigrated: Call) -> None:
    token = str(ConsistencyToken(TRADE_ID.replace("east-1", "west-2"), 1))
    answer = unmigrated("GET", "/positions/ACC-1", headers={"Consistency-Token": token})
    assert (answer.status, answer.error_code) == (421, "trade_in_other_region")
    assert answer.body["error"]["url"] == (
        "https://us-west-2.api.dev.trading.example.com/positions/ACC-1"
    )


def test_a_cursor_may_be_used_again(api: Call) -> None:
    trades = [trade_body(client_order_id=f"o-{each}", symbol=f"S{each}") for each in range(3)]
    api("POST", "/trades/batch", body={"trades": trades})
    for path, query in (("/trades", {"account": "ACC-1"}), ("/positions/ACC-1", {})):
        first = api("GET", path, query={**query, "limit": "1"}).body
        again = {**query, "cursor": first["next_cursor"]}
        pages = [api("GET", path, query=again).body for _ in range(2)]
        assert pages[0] == pages[1]
