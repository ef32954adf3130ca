"""The REST API: POST /trades, GET /trades, GET /trades/{trade_id}, GET /health."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.logging import correlation_paths

from trade_service import services
from trade_service.configuration import configuration
from trade_service.data_access.health import database_status
from trade_service.errors import (
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    RouteNotFoundError,
    TradeServiceError,
)
from trade_service.handlers.responses import error_body, error_response, json_response
from trade_service.logic.validation import parse_account, parse_limit, parse_trade_request
from trade_service.observability import count, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.event_handler.exceptions import NotFoundError
    from aws_lambda_powertools.utilities.typing import LambdaContext

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ALLOWED_METHODS = {
    "/trades": ("GET", "POST"),
    "/trades/<trade_id>": ("GET",),
    "/health": ("GET",),
}

app = APIGatewayRestResolver()


@app.post("/trades")
def post_trade() -> Response[str]:
    acceptance = services.trade_service().accept(parse_trade_request(_body()))
    trade = acceptance.trade
    count("TradeAccepted" if acceptance.created else "TradeRepeated")
    logger.info(
        "trade accepted" if acceptance.created else "trade repeated", trade_id=trade.trade_id
    )
    return json_response(
        HTTPStatus.CREATED if acceptance.created else HTTPStatus.OK,
        trade.to_json(),
        {"Location": services.trade_service().url(trade)},
    )


@app.get("/trades")
def list_trades() -> Response[str]:
    query = app.current_event.query_string_parameters
    page = services.trade_service().list(
        account=parse_account(query.get("account")),
        limit=parse_limit(query.get("limit")),
        cursor=query.get("cursor"),
    )
    return json_response(
        HTTPStatus.OK,
        {"trades": [trade.to_json() for trade in page.trades], "next_cursor": page.next_cursor},
    )


@app.get("/trades/<trade_id>")
def get_trade(trade_id: str) -> Response[str]:
    return json_response(HTTPStatus.OK, services.trade_service().get(trade_id).to_json())


@app.get("/health")
def get_health() -> Response[str]:
    endpoints = {"writer": services.writer(), "reader": services.reader()}
    statuses = {name: database_status(database) for name, database in endpoints.items()}
    body: dict[str, Any] = {"region": configuration().region, "database": statuses}
    failures = [status for status in statuses.values() if status != "ok"]
    if not failures:
        return json_response(HTTPStatus.OK, {"status": "ok", **body})
    error = error_body(failures[0], "the region cannot serve trades now", _request_id())
    return json_response(
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"status": "unavailable", **body, **error},
        {"Retry-After": "5"},
    )


def _answer_failure(error: TradeServiceError) -> Response[str]:
    if isinstance(error, InternalError):
        return _answer_unexpected(error)
    logger.info("request refused", code=error.code, status=error.status)
    return error_response(error, _request_id())


def _answer_unexpected(error: Exception) -> Response[str]:
    # The traceback is for the log only: it may quote hosts, statements and values.
    logger.exception("unexpected error", exc_info=error)
    return error_response(InternalError("the service failed unexpectedly"), _request_id())


def _answer_unknown_route(_: NotFoundError) -> Response[str]:
    return _answer_failure(RouteNotFoundError("there is no such route"))


def _refuse_method(allowed: tuple[str, ...]) -> Callable[..., Response[str]]:
    def refuse(**_: str) -> Response[str]:
        raise MethodNotAllowedError(
            f"this route answers {', '.join(allowed)}", headers={"Allow": ", ".join(allowed)}
        )

    return refuse


app.exception_handler(TradeServiceError)(_answer_failure)
app.exception_handler(Exception)(_answer_unexpected)
app.not_found(_answer_unknown_route)
for _path, _allowed in _ALLOWED_METHODS.items():
    app.route(_path, method=[method for method in _METHODS if method not in _allowed])(
        _refuse_method(_allowed)
    )


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True
)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway proxy event (REST API, payload format 1.0)."""
    return app.resolve(event, context)


def _body() -> str | None:
    try:
        return app.current_event.decoded_body
    except ValueError as error:
        raise InvalidRequestError("the body is not valid base64 or UTF-8") from error


def _request_id() -> str:
    """API Gateway's request id: clients see it in x-amzn-RequestId, operators in the access log."""
    return app.current_event.request_context.request_id or app.lambda_context.aws_request_id
