"""The kinds of values: what the document admits is what the function reads, with nothing lost."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trade_service.contract.documents import parse, parse_json, parse_query, to_document
from trade_service.contract.kinds import Amount, Kind, Timestamp
from trade_service.contract.operations import OPERATIONS
from trade_service.errors import InvalidRequestError
from trade_service.models import Price, Quantity, Total, TradeBatch, TradeQuery, TradeRequest

from tests.lambda_source.documented import DOCUMENT, validator
from tests.lambda_source.events import trade_body

PROPERTIES: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]["TradeRequest"][
    "properties"
]
# Queries: by operation and parameter, the schema.
QUERIES = [
    (operation.query, parameter["name"], parameter["schema"])
    for operation in OPERATIONS
    for parameter in DOCUMENT["paths"][operation.path][operation.method.lower()]["parameters"]
    if operation.query and parameter["in"] == "query"
]
NUMERALS = "0123456789.-+eE_ \n\u0661\u0966\uff11"
STRANGE_JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.text(NUMERALS, max_size=32)
    | st.sampled_from(["NaN", "Infinity", "sNaN", "1E2", "0" * 18, "0." + "0" * 10, "9" * 18])
    | st.lists(st.text(max_size=3), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


def texts_near(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts that a schema describes; after some a line ends, which only Python's `$` lets pass."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return st.from_regex(schema["pattern"])


def texts_of(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts that a schema describes."""
    return texts_near(schema).filter(lambda text: not text.endswith("\n"))


TRADES = st.fixed_dictionaries({name: texts_of(schema) for name, schema in PROPERTIES.items()})
ANY_FIELD = st.sampled_from([*PROPERTIES, "extra", "trade_id", ""])


@st.composite
def nearly_trades(draw: st.DrawFn) -> dict[str, Any]:
    """A trade, changed in no more than two places."""
    trade: dict[str, Any] = dict(draw(TRADES))
    for name in draw(st.lists(ANY_FIELD, max_size=2)):
        if draw(st.booleans()):
            trade.pop(name, None)
        else:
            near = name in PROPERTIES and draw(st.booleans())
            trade[name] = draw(texts_near(PROPERTIES[name]) if near else STRANGE_JSON)
    return trade


def reads(model: type[Any], document: Any) -> bool:
    try:
        parse_json(model, json.dumps(document))
    except InvalidRequestError:
        return False
    return True


def admits(name: str, document: Any) -> bool:
    reference = {"$ref": f"#/components/schemas/{name}"}
    is_valid: bool = validator(json.dumps(reference)).is_valid(document)
    return is_valid


@given(document=nearly_trades())
def test_a_trade_is_read_exactly_when_the_document_admits_it(document: Any) -> None:
    assert reads(TradeRequest, document) is admits("TradeRequest", document)


@given(
    trades=st.lists(nearly_trades(), max_size=3)
    | st.integers(99, 101).map(lambda count: [trade_body()] * count),
    name=st.sampled_from(["trades", "trades", "trades", "trade"]),
)
def test_a_batch_is_read_exactly_when_the_document_admits_it(trades: Any, name: str) -> None:
    assert reads(TradeBatch, {name: trades}) is admits("TradeBatch", {name: trades})


@pytest.mark.parametrize(("model", "name", "schema"), QUERIES, ids=lambda part: str(part)[:60])
def test_a_parameter_is_read_exactly_when_the_document_admits_it(
    model: type[Any], name: str, schema: dict[str, Any]
) -> None:
    whole = schema["type"] == "integer"
    bounds = (
        [schema[end] + step for end in ("minimum", "maximum") for step in (-1, 0, 1)]
        if whole
        else []
    )
    near = st.sampled_from(bounds).map(str) if whole else texts_near(schema)

    @given(text=near | st.text(max_size=70) | st.text(NUMERALS, max_size=32))
    def agree(text: str) -> None:
        # A number in a query string is its digits.
        value = int(text) if whole and re.fullmatch("[0-9]{1,9}", text, re.ASCII) else text
        query = {"account": ["ACC-1"], name: [text]} if model is TradeQuery else {name: [text]}
        try:
            parse_query(model, query)
        except InvalidRequestError:
            read = False
        else:
            read = True
        assert read is validator(json.dumps(schema)).is_valid(value)

    agree()


@given(document=TRADES)
def test_what_was_read_is_shown_with_the_same_values(document: dict[str, str]) -> None:
    request = parse(TradeRequest, document)
    shown = to_document(request)
    amounts = ("quantity", "price")
    for name in amounts:
        assert Decimal(shown[name]) == Decimal(document[name])
    exact = {name: text for name, text in document.items() if name not in amounts}
    assert {name: text for name, text in shown.items() if name not in amounts} == exact
    assert parse(TradeRequest, shown) == request
    assert to_document(parse(TradeRequest, shown)) == shown


def amount(annotated: Any) -> Amount:
    kind = annotated.__metadata__[0]
    assert isinstance(kind, Amount)
    return kind


@pytest.mark.parametrize("kind", [amount(Quantity), amount(Price)])
def test_an_amount_has_the_digits_of_its_column_and_no_more(kind: Amount) -> None:
    widest = f"{'9' * kind.digits}.{'9' * kind.scale}"
    smallest = f"0.{'0' * (kind.scale - 1)}1"
    for text in (widest, smallest, "1", "0.1"):
        assert kind.format(kind.parse(text)) == text
    for text in (f"1{widest}", f"{widest}0", "0", "0.0", f"0.{'0' * kind.scale}"):
        assert not reads(TradeRequest, trade_body(quantity=text))


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=10))
def test_a_computed_amount_is_shown_in_its_shortest_plain_form(value: Decimal) -> None:
    kind = amount(Total)
    shown = kind.format(value)
    assert Decimal(shown) == value
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)([.][0-9]*[1-9])?", shown)
    padded = shown if "." in shown else f"{shown}."
    assert kind.format(Decimal(f"{padded}000")) == shown


@given(
    pair=st.tuples(texts_of(PROPERTIES["quantity"]), texts_of(PROPERTIES["quantity"]))
    | texts_of(PROPERTIES["quantity"]).map(lambda text: (text, text)),
    padded=st.booleans(),
)
def test_requests_are_equal_exactly_when_their_values_are(
    pair: tuple[str, str], padded: bool
) -> None:
    one, other = pair
    if padded and len(other.partition(".")[2]) < 10:
        other += "0" if "." in other else ".0"
    left, right = (parse(TradeRequest, trade_body(quantity=text)) for text in (one, other))
    assert (left == right) is (Decimal(one) == Decimal(other))


MOMENTS: Kind = Timestamp("Any.")


@given(moment=st.datetimes(timezones=st.just(UTC)), digits=st.integers(0, 6))
def test_a_moment_may_be_given_to_any_digit_and_is_shown_to_the_microsecond(
    moment: datetime, digits: int
) -> None:
    text = moment.isoformat(timespec="microseconds").removesuffix("+00:00")
    assert MOMENTS.format(moment) == f"{text}Z"
    assert MOMENTS.parse(f"{text}Z") == moment
    cut = text[: -6 + digits or None].removesuffix(".")
    rounded = moment.replace(
        microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits)
    )
    assert MOMENTS.parse(f"{cut}Z") == rounded


def test_every_day_of_the_calendar_is_a_moment_and_no_other() -> None:
    pattern = re.compile(MOMENTS.schema()["pattern"].replace("$", r"\Z"))
    for year in (0, 1, 4, 100, 400, 1900, 2000, 2023, 2024, 2100, 9996, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                try:
                    datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
                except ValueError:
                    known = False
                else:
                    known = True
                assert bool(pattern.match(f"{text}T00:00:00Z")) is known, text
