"""Requests that break the contract: each is refused in one form, which says where and why.

Most meet a database without a schema, so any that were not refused before it is asked would be a 503.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from trade_service.configuration import configuration
from trade_service.handlers import trade_api

from tests.lambda_source.documented import assert_documented
from tests.lambda_source.events import CONTEXT, Answer, proxy_event, trade_body

if TYPE_CHECKING:
    import io

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

ULID = "01JD8X6Y3Q4Z7M0V9T2K5B8N1C"
TRADE_ID = f"us-east-1-{ULID}"


def answer_to(event: dict[str, Any]) -> Answer:
    response = trade_api.handler(event, CONTEXT)
    assert_documented(event, response)
    return Answer.from_response(response)


def refusal(answer: Answer, code: str = "invalid_request") -> str:
    """What the client is told."""
    assert (answer.status, answer.error_code) == (400, code)
    message: str = answer.body["error"]["message"]
    assert "\n" not in message
    return message


BROKEN_FIELDS: list[dict[str, Any]] = [
    *({"quantity": value} for value in (10.5, 10, True, None)),
    *({"quantity": text} for text in ("", "0", "1 ", "+1")),
    *({"quantity": []}, {"quantity": {}}, {"quantity": ["1"]}),
    *({"price": text} for text in ("0.00", "-1", "1e3", "01", ".5", "1.", "NaN", "Infinity")),
    *({"price": text} for text in ("1.5\n", "\u0661", "1\u0660", "1,5", "0x1", "1_0")),
    *({"price": text} for text in ("1234567890123456789", "0.12345678901", "1" * 100_000)),
    *({"side": value} for value in ("buy", "HOLD", "", None, ["BUY"], {"BUY": 1}, 1)),
    *({"currency": text} for text in ("usd", "US", "USDT", "USD\n", "\u00dcSD")),
    *({"account": value} for value in ("", "a b", None, "-a", "x" * 65, "a\n", "caf\u00e9", 7)),
    *({"client_order_id": value} for value in ("", "x" * 65, ".a", "a/b", "\ud800", "a\x00")),
    *({"symbol": value} for value in ("", "aapl", "AAPL\n", "A" * 33, "/A", "\uff21")),
]


@pytest.mark.parametrize("change", BROKEN_FIELDS, ids=lambda change: ascii(change)[:40])
def test_a_field_that_breaks_the_contract_is_named(
    unmigrated: Call, change: dict[str, Any]
) -> None:
    (field,) = change
    answer = unmigrated("POST", "/trades", body=trade_body(**change))
    assert refusal(answer).startswith(f"body.{field} must be ")


@pytest.mark.parametrize("place", [0, 3])
def test_a_broken_field_in_a_batch_is_named_with_its_place(api: Call, place: int) -> None:
    trades = [trade_body(client_order_id=f"o-{number}") for number in range(5)]
    trades[place]["price"] = "0"
    answer = api("POST", "/trades/batch", body={"trades": trades})
    assert refusal(answer).startswith(f"body.trades[{place}].price must be a string holding")
    assert api("GET", "/trades", query={"account": "ACC-1"}).body["trades"] == []


@pytest.mark.parametrize("name", sorted(trade_body()))
def test_every_field_is_required(unmigrated: Call, name: str) -> None:
    body = trade_body()
    del body[name]
    assert refusal(unmigrated("POST", "/trades", body=body)) == f"body.{name} is required"
    batch = {"trades": [trade_body(), body]}
    answer = unmigrated("POST", "/trades/batch", body=batch)
    assert refusal(answer) == f"body.trades[1].{name} is required"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("extra", "extra"),
        ("trade_id", "trade_id"),
        ("_version", "_version"),
        ("", ""),
        ("\ud800\n\u0661", r"\ud800\n\u0661"),
        ("x" * 100, "x" * 64),
    ],
    ids=ascii,
)
def test_a_field_that_is_not_known_is_refused(unmigrated: Call, name: str, shown: str) -> None:
    answer = unmigrated("POST", "/trades", body=trade_body(**{name: "value"}))
    assert refusal(answer) == f"body.{shown} is not known here"


@pytest.mark.parametrize(
    "trades", [None, [], {}, "x", [trade_body()] * 101, {"0": trade_body()}], ids=lambda _: ""
)
def test_a_batch_holds_from_one_to_a_hundred_trades(unmigrated: Call, trades: object) -> None:
    answer = unmigrated("POST", "/trades/batch", body={"trades": trades})
    assert refusal(answer) == "body.trades must be a list of 1 to 100 items"


@pytest.mark.parametrize("item", [None, 1, "x", [], [trade_body()]], ids=ascii)
def test_an_item_of_a_batch_is_an_object(unmigrated: Call, item: object) -> None:
    answer = unmigrated("POST", "/trades/batch", body={"trades": [trade_body(), item]})
    assert refusal(answer) == "body.trades[1] must be a JSON object"


@pytest.mark.parametrize("path", ["/trades", "/trades/batch"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, "the body is not valid JSON") for text in ("", "{", "'", "\ufeff{}", "{} {}")),
        ("[" * 100_000, "the body is not valid JSON"),
        ('{"trades":' * 100_000, "the body is not valid JSON"),
        ("1" * 10_000, "the body is not valid JSON"),
        ('{"price": NaN}', "the body is not valid JSON"),
        ('{"price": -Infinity}', "the body is not valid JSON"),
        *((text, "body must be a JSON object") for text in ("[]", "null", "1e999999999", '"x"')),
        ('{"price": "1", "price": "2"}', "price is given more than once"),
        ('{"trades": [{"a": {"b": 1, "b": 1}}]}', "b is given more than once"),
    ],
    ids=lambda text: text[:24],
)
def test_a_body_that_is_no_document_at_all_is_refused(
    unmigrated: Call, path: str, text: str, message: str
) -> None:
    assert refusal(unmigrated("POST", path, raw_body=text)) == message


def test_a_body_may_come_as_base64(api: Call) -> None:
    text = base64.b64encode(json.dumps(trade_body()).encode()).decode()
    event = {**proxy_event("POST", "/trades", raw_body=text), "isBase64Encoded": True}
    assert answer_to(event).status == 201


@pytest.mark.parametrize("text", ["!", "e30", "e 30=", base64.b64encode(b"\xff\xfe").decode()])
def test_a_binary_body_that_is_no_text_is_refused(unmigrated: Call, text: str) -> None:
    event = {**proxy_event("POST", "/trades", raw_body=text), "isBase64Encoded": True}
    assert refusal(answer_to(event)) == "the body is not valid base64 or UTF-8"


def test_a_request_without_a_body_is_refused(unmigrated: Call) -> None:
    assert refusal(unmigrated("POST", "/trades")) == "the body is not valid JSON"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (None, "account is required"),
        ({"limit": "5"}, "account is required"),
        ({"account": "a b"}, "account must be a string matching "),
        ({"account": "A", "colour": "red"}, "colour is not known here"),
        ({"account": "A", "from_": "2025-01-01T00:00:00Z"}, "from_ is not known here"),
        *(
            ({"account": "A", "limit": text}, "limit must be a number from 1 to 100")
            for text in ("0", "101", "-1", "x", "", " 5", "+5", "\u0665", "5.0", "5\n", "1" * 5000)
        ),
        *(
            ({"account": "A", "from": text}, "from must be a moment in UTC")
            for text in ("2025-01-31", "2025-02-30T00:00:00Z", "2025-01-31T00:00:00+00:00")
        ),
        *(
            ({"account": "A", "to": text}, "to must be a moment in UTC")
            for text in ("2025-01-31T24:00:00Z", "2025-01-31T00:00:00.0000001Z", "now", "0000")
        ),
        ({"account": "A", "status": "accepted"}, "status must be one of ACCEPTED, CANCELLED"),
        ({"account": "A", "side": "B"}, "side must be one of BUY, SELL"),
        ({"account": "A", "symbol": "a"}, "symbol must be a string matching "),
        *(({"account": "A", "cursor": text}, "cursor must be ") for text in ("", "\u00e9", "==")),
    ],
    ids=lambda part: ascii(part)[:50],
)
def test_a_query_that_breaks_the_contract_is_refused(
    unmigrated: Call, query: dict[str, str] | None, message: str
) -> None:
    assert refusal(unmigrated("GET", "/trades", query=query)).startswith(message)


@pytest.mark.parametrize("path", ["/trades", "/positions/A"])
def test_a_parameter_that_is_given_twice_is_refused(unmigrated: Call, path: str) -> None:
    for values in (["5", "5"], ["5", "6"], []):
        event = proxy_event("GET", path, query={"account": "A"} if path == "/trades" else None)
        several = {**(event["multiValueQueryStringParameters"] or {}), "limit": values}
        answer = answer_to({**event, "multiValueQueryStringParameters": several})
        assert refusal(answer) == "limit is given more than once"


@pytest.mark.parametrize("account", ["a b", "-", "x" * 65, "caf\u00e9", "a\n"], ids=ascii)
def test_an_account_in_a_path_is_held_to_the_same_pattern(unmigrated: Call, account: str) -> None:
    answer = unmigrated("GET", f"/positions/{account}")
    assert refusal(answer).startswith("account must be a string matching ")


@pytest.mark.parametrize(
    "text",
    [
        *(f"us-east-1-{ULID.lower()}", f"us-east-1-8{ULID[1:]}", f"{TRADE_ID}0", f"{TRADE_ID}\n"),
        *(f"evil.example.com-{ULID}", "1 OR 1=1", ULID, "\u00e9"),
    ],
    ids=ascii,
)
def test_what_no_region_could_have_issued_is_no_trade_id(unmigrated: Call, text: str) -> None:
    refusal(unmigrated("GET", f"/trades/{text}"), "invalid_trade_id")
    refusal(unmigrated("POST", f"/trades/{text}/cancel"), "invalid_trade_id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/", "/trade", "/trades/a/b", "/health/x")),
        *(("DELETE", "/trades"), ("PUT", f"/trades/{TRADE_ID}"), ("OPTIONS", "/trades")),
    ],
)
def test_a_route_that_is_not_there_is_not_found(unmigrated: Call, method: str, path: str) -> None:
    answer = unmigrated(method, path)
    assert (answer.status, answer.error_code) == (404, "route_not_found")


def test_an_unexpected_error_shows_its_traceback_to_the_log_only(
    api: Call, server: MariaDbServer, log: io.StringIO
) -> None:
    trade_id = api("POST", "/trades", body=trade_body()).body["trade_id"]
    with server.connect(configuration().database_name) as connection:
        connection.cursor().execute("UPDATE trades SET status = 'LOST'")
        connection.commit()
    answer = api("GET", f"/trades/{trade_id}")
    assert (answer.status, answer.error_code) == (500, "internal_error")
    assert "LOST" not in json.dumps(answer.body)
    assert "ValueError: 'LOST' is not a valid Status" in log.getvalue()
