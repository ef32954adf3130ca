"""Requests against the contract: the JSON Schema that API Gateway enforces as well.

API Gateway validates only what it recognizes as JSON by its content type, so the function does
not rely on it: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastjsonschema

from trade_service.errors import InvalidRequestError
from trade_service.models import TradeRequest

MAXIMUM_PAGE = 100
DEFAULT_PAGE = 50

_SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "trade.json").read_text("utf-8"))
_Validator = Callable[[Any], Any]
_validate_trade: _Validator = fastjsonschema.compile(_SCHEMA)
_validate_account: _Validator = fastjsonschema.compile(
    {"$schema": _SCHEMA["$schema"], **_SCHEMA["properties"]["account"]}
)


def parse_trade_request(body: str | None) -> TradeRequest:
    """The request in a body.

    Raises:
        InvalidRequestError: not JSON, not as the schema says, or an amount that is not above zero.
    """
    try:
        document = json.loads(body or "")
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the body is not valid JSON") from error
    _check(_validate_trade, document, "body")
    amounts = {name: Decimal(document[name]) for name in ("quantity", "price")}
    for name, amount in amounts.items():
        if not amount:
            raise InvalidRequestError(f"body.{name} must be above zero")
    return TradeRequest(**{**document, **amounts})


def parse_account(value: str | None) -> str:
    """The account in a query string.

    Raises:
        InvalidRequestError: it is missing, or no account could have this name.
    """
    if value is None:
        raise InvalidRequestError("the query parameter account is required")
    _check(_validate_account, value, "account")
    return value


def parse_limit(value: str | None) -> int:
    """The page size in a query string: 1 to 100, 50 when it is not given.

    Raises:
        InvalidRequestError: it is anything else.
    """
    if value is None:
        return DEFAULT_PAGE
    # int() alone would also take spaces, signs and the digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= MAXIMUM_PAGE:
        raise InvalidRequestError(f"limit must be a number from 1 to {MAXIMUM_PAGE}")
    return int(value)


def _check(validate: _Validator, value: object, name: str) -> None:
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValueException as error:
        # The message may quote a field's name as the client wrote it: keep it short and printable.
        message = error.message.replace("data", name, 1)
        printable = message.encode("ascii", "backslashreplace").decode()
        raise InvalidRequestError(printable[:300]) from error
