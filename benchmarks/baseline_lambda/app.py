"""Routes, validation, and documents."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

from . import database

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(utc=True)
metrics = Metrics(namespace="TradingPlatform")
tracer = Tracer()
app = APIGatewayRestResolver()

ORDER = {
    "client_order_id": re.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"),
    "account": re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
    "symbol": re.compile("[A-Z0-9][A-Z0-9./-]{0,31}"),
    "side": re.compile("BUY|SELL"),
    "quantity": re.compile("(?![0.]*$)(0|[1-9][0-9]{0,17})([.][0-9]{1,10})?"),
    "price": re.compile("(?![0.]*$)(0|[1-9][0-9]{0,17})([.][0-9]{1,10})?"),
    "currency": re.compile("[A-Z]{3}"),
}
CURSOR = re.compile("([0-9T:.-]{26})Z_([a-z0-9-]{1,64})")


@app.post("/trades")
@tracer.capture_method
def post_trade() -> Response[str]:
    order = _order(app.current_event.json_body)
    region = os.environ["AWS_REGION"]
    trade = {
        **order,
        # Ids that grow with time are inserted at the end of the clustered index.
        "trade_id": f"{region}-{time.time_ns():020}-{secrets.token_hex(8)}",
        "status": "ACCEPTED",
        "created_at": datetime.now(UTC).replace(tzinfo=None),
        "cancelled_at": None,
        "version": 1,
    }
    recorded, created = database.record(trade)
    if any(recorded[name] != value for name, value in order.items()):
        return _json(HTTPStatus.CONFLICT, {"error": "client_order_id names a different trade"})
    metrics.add_metric("TradesAccepted", MetricUnit.Count, int(created))
    logger.info("trade recorded", trade_id=recorded["trade_id"], first=created)
    return _json(HTTPStatus.CREATED if created else HTTPStatus.OK, _document(recorded))


@app.get("/trades/<trade_id>")
@tracer.capture_method
def get_trade(trade_id: str) -> Response[str]:
    trade = database.find(trade_id)
    if trade is None:
        raise NotFoundError("there is no trade with this id")
    metrics.add_metric("TradesRead", MetricUnit.Count, 1)
    logger.info("trade read", trade_id=trade_id)
    return _json(HTTPStatus.OK, _document(trade))


@app.get("/trades")
@tracer.capture_method
def list_trades() -> Response[str]:
    query = app.current_event.query_string_parameters
    account, limit = query.get("account", ""), query.get("limit", "50")
    place = CURSOR.fullmatch(query["cursor"]) if "cursor" in query else None
    if not ORDER["account"].fullmatch(account) or ("cursor" in query and place is None):
        raise BadRequestError("account or cursor is malformed")
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:
        raise BadRequestError("limit must be a number from 1 to 100")
    after = (datetime.fromisoformat(place[1]), place[2]) if place else None
    trades = database.newest(account, int(limit) + 1, after)
    page = trades[: int(limit)]
    last = page[-1] if len(trades) > len(page) else None
    metrics.add_metric("TradesListed", MetricUnit.Count, len(page))
    logger.info("trades listed", count=len(page))
    return _json(
        HTTPStatus.OK,
        {
            "trades": [_document(trade) for trade in page],
            "next_cursor": f"{_moment(last['created_at'])}_{last['trade_id']}" if last else None,
        },
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


def _order(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or body.keys() != ORDER.keys():
        raise BadRequestError(f"the body must have {', '.join(ORDER)}, and nothing else")
    for name, pattern in ORDER.items():
        if not isinstance(body[name], str) or not pattern.fullmatch(body[name]):
            raise BadRequestError(f"{name} is malformed")
    return {**body, "quantity": Decimal(body["quantity"]), "price": Decimal(body["price"])}


def _document(trade: dict[str, Any]) -> dict[str, Any]:
    cancelled_at = trade["cancelled_at"]
    return {
        **{name: trade[name] for name in (*ORDER, "trade_id", "status")},
        "region": os.environ["AWS_REGION"],
        "quantity": _plain(trade["quantity"]),
        "price": _plain(trade["price"]),
        "created_at": _moment(trade["created_at"]),
        "cancelled_at": _moment(cancelled_at) if cancelled_at else None,
    }


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="microseconds") + "Z"


def _json(status: HTTPStatus, body: dict[str, Any]) -> Response[str]:
    return Response(int(status), content_types.APPLICATION_JSON, json.dumps(body))
