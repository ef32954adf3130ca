"""What the API promises about requests it refuses, and about its one JSON Schema."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trade_service import services
from trade_service.errors import InvalidCursorError, InvalidRequestError, InvalidTradeIdError
from trade_service.handlers import trade_api
from trade_service.logic.cursor import decode_cursor, encode_cursor
from trade_service.logic.validation import parse_trade_request
from trade_service.models import Position, format_decimal
from trade_service.trade_id import home_region, new_trade_id

from stacks.api.lambda_package import TRADE_SCHEMA_FILE
from tests.lambda_source.events import CONTEXT, Answer, proxy_event, trade_body

if TYPE_CHECKING:
    import io

    from tests.lambda_source.conftest import Call

DECIMALS = st.from_regex(r"\A(0|[1-9][0-9]{0,17})([.][0-9]{1,10})?\Z")
FIRST_YEAR_WRITTEN_IN_FOUR_DIGITS = datetime(1000, 1, 1)  # noqa: DTZ001 (Hypothesis takes naive bounds)
ULID_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (likewise)
ULID = "01JD8X6Y3Q4Z7M0V9T2K5B8N1C"


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 10.5},
        {"quantity": "0"},
        {"price": "0.00"},
        {"price": "-1"},
        {"price": "1e3"},
        {"price": "01"},
        {"price": ".5"},
        {"price": "1."},
        {"price": "NaN"},
        {"price": "1.5\n"},
        {"price": "\u0661"},
        {"price": "1234567890123456789"},
        {"price": "0.12345678901"},
        {"side": "buy"},
        {"currency": "usd"},
        {"account": ""},
        {"account": "a b"},
        {"account": None},
        {"client_order_id": "x" * 65},
        {"symbol": "AAPL\n"},
        {"\ud800": "an unpaired surrogate"},
        {"extra": "field"},
    ],
    ids=repr,
)
def test_a_body_that_breaks_the_contract_is_refused(api: Call, change: dict[str, Any]) -> None:
    answer = api("POST", "/trades", body=trade_body(**change))
    assert (answer.status, answer.error_code) == (400, "invalid_request")


@pytest.mark.parametrize("name", sorted(trade_body()))
def test_every_field_is_required(api: Call, name: str) -> None:
    body = trade_body()
    del body[name]
    answer = api("POST", "/trades", body=body)
    assert (answer.status, answer.error_code) == (400, "invalid_request")
    assert name in answer.body["error"]["message"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, "1" * 10_000, '{"price": 1e999}'], ids=len
)
def test_a_body_that_is_no_trade_at_all_is_refused(api: Call, text: str) -> None:
    answer = api("POST", "/trades", raw_body=text)
    assert (answer.status, answer.error_code) == (400, "invalid_request")


@pytest.mark.parametrize("text", ["!", base64.b64encode(b"\xff\xfe").decode()])
def test_a_binary_body_that_is_no_text_is_refused(api: Call, text: str) -> None:
    event = {**proxy_event("POST", "/trades", raw_body=text), "isBase64Encoded": True}
    answer = Answer.from_response(trade_api.handler(event, CONTEXT))
    assert (answer.status, answer.error_code) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (None, "invalid_request"),
        ({"limit": "5"}, "invalid_request"),
        ({"account": "a b"}, "invalid_request"),
        *(({"account": "A", "limit": text}, "invalid_request") for text in ("0", "101", "-1", "x")),
        *(
            ({"account": "A", "limit": text}, "invalid_request")
            for text in ("", " 5", "+5", "\u0665")
        ),
        *(({"account": "A", "cursor": text}, "invalid_cursor") for text in ("", "x", "é", "====")),
    ],
)
def test_a_malformed_query_is_refused(api: Call, query: dict[str, str] | None, code: str) -> None:
    answer = api("GET", "/trades", query=query)
    assert (answer.status, answer.error_code) == (400, code)


@pytest.mark.parametrize(
    ("trade_id", "status", "code"),
    [
        (f"us-east-1-{ULID}", 404, "trade_not_found"),
        (f"eu-central-1-{ULID}", 421, "trade_in_other_region"),
        (f"us-east-1-{ULID.lower()}", 400, "invalid_trade_id"),
        (f"us-east-1-8{ULID[1:]}", 400, "invalid_trade_id"),
        (f"us-east-1-{ULID}0", 400, "invalid_trade_id"),
        (f"evil.example.com-{ULID}", 400, "invalid_trade_id"),
        ("1 OR 1=1", 400, "invalid_trade_id"),
    ],
)
def test_a_trade_id_that_is_not_here(api: Call, trade_id: str, status: int, code: str) -> None:
    answer = api("GET", f"/trades/{trade_id}")
    assert (answer.status, answer.error_code) == (status, code)


@pytest.mark.parametrize("path", ["/", "/trade", "/trades/a/b", "/health/x"])
def test_an_unknown_path_is_not_found(api: Call, path: str) -> None:
    answer = api("GET", path)
    assert (answer.status, answer.error_code) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/trades", "GET, POST"),
        ("PUT", f"/trades/us-east-1-{ULID}", "GET"),
        ("POST", "/health", "GET"),
        ("OPTIONS", "/trades", "GET, POST"),
    ],
)
def test_a_method_that_the_path_lacks_is_refused(
    api: Call, method: str, path: str, allowed: str
) -> None:
    answer = api(method, path)
    assert (answer.status, answer.error_code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


def test_an_unexpected_error_shows_its_traceback_to_the_log_only(
    api: Call, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("something internal")

    monkeypatch.setattr(services, "trade_service", fail)
    answer = api("POST", "/trades", body=trade_body())
    assert (answer.status, answer.error_code) == (500, "internal_error")
    assert "something internal" not in json.dumps(answer.body)
    assert "ZeroDivisionError: something internal" in log.getvalue()


@pytest.mark.parametrize("name", ["DATABASE_WRITER_HOST", "API_DOMAIN", "DATABASE_PORT"])
def test_a_missing_variable_is_named_in_the_log(
    unmigrated: Call, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    answer = unmigrated("POST", "/trades", body=trade_body())
    assert (answer.status, answer.error_code) == (500, "internal_error")
    assert f"{name} is not set" in log.getvalue()


def test_every_log_line_carries_both_request_ids(api: Call, log: io.StringIO) -> None:
    api("POST", "/trades", body=trade_body())
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert lines
    for line in lines:
        assert line["correlation_id"] == proxy_event("GET", "/")["requestContext"]["requestId"]
        assert line["function_request_id"] == CONTEXT.aws_request_id


def test_accepted_and_repeated_trades_are_counted(
    api: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api("POST", "/trades", body=trade_body())
    api("POST", "/trades", body=trade_body())
    entries = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    ]
    assert [entry.get("TradeAccepted") for entry in entries] == [[1.0], None]
    assert [entry.get("TradeRepeated") for entry in entries] == [None, [1.0]]
    assert {entry["FunctionName"] for entry in entries} == {"trade-api-test"}


@given(text=DECIMALS)
def test_decimals_survive_parsing_and_formatting_exactly(text: str) -> None:
    body = json.dumps(trade_body(price=text))
    if not Decimal(text):
        with pytest.raises(InvalidRequestError):
            parse_trade_request(body)
        return
    shown = format_decimal(parse_trade_request(body).price)
    assert Decimal(shown) == Decimal(text)
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", shown)
    assert format_decimal(Decimal(f"{text}{'' if '.' in text else '.'}000")) == shown


@given(texts=st.lists(DECIMALS.filter(lambda text: Decimal(text) > 0), min_size=2, max_size=2))
def test_bodies_are_equal_exactly_when_their_values_are(texts: list[str]) -> None:
    left, right = (parse_trade_request(json.dumps(trade_body(quantity=text))) for text in texts)
    assert (left == right) is (Decimal(texts[0]) == Decimal(texts[1]))


def test_the_widest_decimals_survive_the_database(api: Call) -> None:
    widest = {"quantity": "999999999999999999.9999999999", "price": "0.0000000001"}
    posted = api("POST", "/trades", body=trade_body(**widest))
    found = api("GET", f"/trades/{posted.body['trade_id']}")
    assert {name: found.body[name] for name in widest} == widest


@given(moment=st.datetimes(min_value=FIRST_YEAR_WRITTEN_IN_FOUR_DIGITS, timezones=st.just(UTC)))
def test_cursors_survive_their_journey(moment: datetime) -> None:
    position = Position(moment, f"us-east-1-{ULID}")
    assert decode_cursor(encode_cursor(position)) == position


def test_a_cursor_has_one_spelling_only() -> None:
    position = Position(datetime(2025, 1, 2, 3, 4, 5, 500_000, UTC), f"us-east-1-{ULID}")
    cursor = encode_cursor(position)
    short_fraction = base64.urlsafe_b64encode(f"2025-01-02T03:04:05.5Z|us-east-1-{ULID}".encode())
    # The last character carries two bits of the text; the other four are spare.
    spare_bits = cursor[:-1] + chr(ord(cursor[-1]) + 1)
    for other in (f"{cursor}==", spare_bits, short_fraction.rstrip(b"=").decode()):
        with pytest.raises(InvalidCursorError):
            decode_cursor(other)


@given(text=st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_but_our_own_is_a_cursor(text: str) -> None:
    try:
        position = decode_cursor(text)
    except InvalidCursorError:
        return
    assert encode_cursor(position) == text


@given(moment=st.datetimes(min_value=ULID_EPOCH, max_value=ULID_EPOCH + timedelta(days=365_000)))
def test_trade_ids_name_their_region_and_sort_by_time(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    first = new_trade_id("us-west-2", aware)
    assert home_region(first) == "us-west-2"
    assert first < new_trade_id("us-west-2", aware + timedelta(milliseconds=2))


@given(text=st.text())
def test_no_text_makes_the_trade_id_parser_fail_otherwise(text: str) -> None:
    with pytest.raises(InvalidTradeIdError):
        home_region(text)


def test_the_schema_keeps_to_what_api_gateway_validates() -> None:
    """Draft 4, no ``$ref``, no ``format`` and none of the keywords of later drafts."""
    schema = json.loads(TRADE_SCHEMA_FILE.read_text())
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == sorted(schema["properties"])
    keywords = {name for part in schema["properties"].values() for name in part}
    assert keywords <= {"type", "description", "pattern", "enum"}
    # Java's and Python's regular expressions agree on these; look-around and \d are not among them.
    for part in schema["properties"].values():
        assert not re.search(r"\\|\(\?", part.get("pattern", ""))
