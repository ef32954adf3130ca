"""The REST API. What its routes take and answer: trade_service/contract/operations.py."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from trade_service import request_context, services
from trade_service.configuration import configuration
from trade_service.consistency import CONSISTENCY_HEADER, ConsistencyToken
from trade_service.contract.documents import parse_value, to_document
from trade_service.data_access.health import database_status
from trade_service.data_access.reads import not_before
from trade_service.errors import (
    InternalError,
    RouteNotFoundError,
    TradeServiceError,
)
from trade_service.handlers.requests import Request
from trade_service.handlers.responses import Response, error_body, error_response, json_response
from trade_service.models import (
    BatchResults,
    DatabaseHealth,
    Health,
    HealthStatus,
    PositionPath,
    PositionQuery,
    TradeBatch,
    TradeQuery,
    TradeRequest,
)
from trade_service.observability import Metric, emit, logger, traced

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from trade_service.models import Trade
    from trade_service.request_context import RequestContext

# API Gateway waits 29 seconds, and an answer takes a moment to get there.
_LONGEST_SECONDS, _RESERVE_SECONDS = 26.0, 2.0


# Comes all day from everywhere, and would be most of what the latencies are about.
_PROBE = ("GET", "/health")


def get_health(request: Request) -> Response:
    database = DatabaseHealth(
        writer=database_status(services.writer()), reader=database_status(services.reader())
    )
    # Reads go to the writer when a reader is away, so the region serves while its writer does.
    healthy = {database.writer, database.reader} == {"ok"}
    serving = HealthStatus.OK if healthy else HealthStatus.DEGRADED
    status = serving if database.writer == "ok" else HealthStatus.UNAVAILABLE
    body = to_document(Health(status=status, region=configuration().region, database=database))
    if status is not HealthStatus.UNAVAILABLE:
        return json_response(HTTPStatus.OK, body)
    message = "the region cannot serve trades now"
    body |= error_body(database.writer, message, request.request_id)
    return json_response(HTTPStatus.SERVICE_UNAVAILABLE, body, {"Retry-After": "5"})


def post_trade(request: Request) -> Response:
    service = services.trade_service()
    acceptance = service.accept(request.body(TradeRequest))
    trade = acceptance.trade
    _count(Metric.TRADES_ACCEPTED if acceptance.created else Metric.TRADES_REPEATED)
    return _written(
        trade,
        to_document(trade),
        status=HTTPStatus.CREATED if acceptance.created else HTTPStatus.OK,
        headers={"Location": service.url(trade)},
    )


def post_trade_batch(request: Request) -> Response:
    results = services.trade_service().accept_batch(request.body(TradeBatch).trades)
    statuses = [result.status for result in results]
    _count(Metric.TRADES_ACCEPTED, statuses.count(HTTPStatus.CREATED))
    _count(Metric.TRADES_REPEATED, statuses.count(HTTPStatus.OK))
    # What was written last: the new ones, else all of them.
    last = max(reversed(results), key=lambda result: (result.trade is not None, result.status))
    return _written(last.trade, to_document(BatchResults(results)))


def list_trades(request: Request) -> Response:
    query = request.query(TradeQuery)
    with _at_least_as_new_as(request):
        return json_response(HTTPStatus.OK, to_document(services.trade_service().page(query)))


def get_trade(request: Request) -> Response:
    trade_id = request.parameter("trade_id")
    with _at_least_as_new_as(request):
        return json_response(HTTPStatus.OK, to_document(services.trade_service().get(trade_id)))


def cancel_trade(request: Request) -> Response:
    cancellation = services.trade_service().cancel(request.parameter("trade_id"))
    _count(Metric.TRADES_CANCELLED, int(cancellation.changed))
    return _written(cancellation.trade, to_document(cancellation.trade))


def list_positions(request: Request) -> Response:
    account = parse_value(PositionPath, "account", request.parameter("account"))
    query = request.query(PositionQuery)
    with _at_least_as_new_as(request):
        page = services.position_service().page(account, query)
        return json_response(HTTPStatus.OK, to_document(page))


ROUTES: dict[tuple[str, str], Callable[[Request], Response]] = {
    _PROBE: get_health,
    ("POST", "/trades"): post_trade,
    ("GET", "/trades"): list_trades,
    ("POST", "/trades/batch"): post_trade_batch,
    ("GET", "/trades/{trade_id}"): get_trade,
    ("POST", "/trades/{trade_id}/cancel"): cancel_trade,
    ("GET", "/positions/{account}"): list_positions,
}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Response:
    """Answer one API Gateway proxy event (REST API, payload format 1.0)."""
    remaining = context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
    with request_context.request(min(remaining, _LONGEST_SECONDS)) as measured:
        request = Request(event)
        logger.set_correlation_id(request.request_id)
        with traced("trade-api"):
            response = _answer(request)
        _account_for(request, response, measured)
    return response


def _answer(request: Request) -> Response:
    try:
        return ROUTES.get(request.route, _refuse_route)(request)
    except InternalError as error:
        return _answer_unexpected(error, request)
    except TradeServiceError as error:
        logger.append_keys(code=error.code)
        return error_response(error, request.request_id)
    except Exception as error:  # noqa: BLE001 - a client gets an answer in our form, whatever happens
        return _answer_unexpected(error, request)


def _refuse_route(request: Request) -> Response:
    raise RouteNotFoundError(f"there is no route {' '.join(request.route)}")


def _answer_unexpected(error: Exception, request: Request) -> Response:
    # The traceback is for the log only: it may quote hosts, statements and values.
    logger.exception("unexpected error", exc_info=error)
    return error_response(InternalError("the service failed unexpectedly"), request.request_id)


def _written(
    trade: Trade | None,
    body: dict[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer to a write, with what later reads can ask to see."""
    token = {CONSISTENCY_HEADER: str(ConsistencyToken.of(trade))} if trade else {}
    if trade:
        logger.append_keys(trade_id=trade.trade_id)
    return json_response(status, body, {**token, **(headers or {})})


def _at_least_as_new_as(request: Request) -> AbstractContextManager[None]:
    """Reads within see what the request's token names, which only the region that wrote it can show."""
    text = request.header(CONSISTENCY_HEADER)
    token = ConsistencyToken.parse(text) if text is not None else None
    if token is not None:
        services.trade_service().require_region(token.region, request.target)
    return not_before(token)


def _count(metric: Metric, value: int = 1) -> None:
    request_context.current().counts[metric] = value


def _account_for(request: Request, response: Response, measured: RequestContext) -> None:
    """One line and one set of metrics for each request: ids and times, nothing of what was traded."""
    method, resource = request.route
    total, database = measured.elapsed * 1000, measured.database_seconds * 1000
    logger.info(
        "request",
        method=method,
        route=resource,
        status=response["statusCode"],
        total_ms=round(total, 2),
        database_ms=round(database, 2),
        database_connections=measured.connections,
        database_retries=measured.retries,
    )
    if request.route == _PROBE:
        return
    emit(
        {
            Metric.REQUEST_LATENCY: total,
            Metric.DATABASE_LATENCY: database,
            Metric.DATABASE_CONNECTIONS: measured.connections,
            Metric.DATABASE_RETRIES: measured.retries,
            Metric.DATABASE_UNAVAILABLE: int(
                response["statusCode"] == HTTPStatus.SERVICE_UNAVAILABLE
            ),
            **measured.counts,
        }
    )
