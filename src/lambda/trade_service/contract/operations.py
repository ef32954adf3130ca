"""What every route of the API takes and answers. The OpenAPI document is made from this table.

The handler does not import it: a function's cold start pays for every line it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from trade_service.errors import (
    ClientOrderConflictError,
    DatabaseBusyError,
    DatabaseUnavailableError,
    InternalError,
    InvalidConsistencyTokenError,
    InvalidCursorError,
    InvalidRequestError,
    InvalidTradeIdError,
    SchemaNotReadyError,
    TradeInOtherRegionError,
    TradeNotFoundError,
    TradeServiceError,
)
from trade_service.models import (
    BatchResults,
    Health,
    PositionPage,
    PositionPath,
    PositionQuery,
    Trade,
    TradeBatch,
    TradePage,
    TradePath,
    TradeQuery,
    TradeRequest,
)

UNAVAILABLE = (DatabaseUnavailableError, DatabaseBusyError, SchemaNotReadyError)
ALWAYS = (*UNAVAILABLE, InternalError)


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `answers` holds the statuses of success and what each means; all of them answer with `answer`.
    `reads` takes a consistency token, and `writes` answers with one. `signed` is for callers who sign
    with their AWS credentials.
    """

    identifier: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    description: str
    answers: dict[HTTPStatus, str]
    answer: type
    parameters: type | None = None
    query: type | None = None
    body: type | None = None
    errors: tuple[type[TradeServiceError], ...] = ()
    reads: bool = False
    writes: bool = False
    signed: bool = True


OPERATIONS = (
    Operation(
        identifier="recordTrade",
        method="POST",
        path="/trades",
        summary="Record a trade",
        description="Once for each account and client_order_id, however often it is sent. After no answer,"
        " a 503 or a 504, send the same trade again, to the same regional name.",
        body=TradeRequest,
        answers={
            HTTPStatus.CREATED: "Recorded now.",
            HTTPStatus.OK: "Recorded by an earlier request, as it is now.",
        },
        answer=Trade,
        errors=(InvalidRequestError, ClientOrderConflictError),
        writes=True,
    ),
    Operation(
        identifier="listTrades",
        method="GET",
        path="/trades",
        summary="List an account's trades",
        description="Newest first, in this region. A page's next_cursor leads to the next page; trades that"
        " arrive meanwhile shift nothing.",
        query=TradeQuery,
        answers={HTTPStatus.OK: "A page of them."},
        answer=TradePage,
        errors=(InvalidRequestError, InvalidCursorError),
        reads=True,
    ),
    Operation(
        identifier="recordTrades",
        method="POST",
        path="/trades/batch",
        summary="Record up to 100 trades",
        description="In one transaction, each as by itself: created (201), repeated (200), or refused as a"
        " conflict (409) without any effect on the others. A batch with a malformed trade is refused as a"
        " whole. It is safe to send again.",
        body=TradeBatch,
        answers={HTTPStatus.OK: "What became of each, in the batch's order."},
        answer=BatchResults,
        errors=(InvalidRequestError,),
        writes=True,
    ),
    Operation(
        identifier="getTrade",
        method="GET",
        path="/trades/{trade_id}",
        summary="Read a trade",
        description="From the region that holds it; another one answers 421 and where to ask.",
        parameters=TradePath,
        answers={HTTPStatus.OK: "The trade."},
        answer=Trade,
        errors=(InvalidTradeIdError, TradeNotFoundError, TradeInOtherRegionError),
        reads=True,
    ),
    Operation(
        identifier="cancelTrade",
        method="POST",
        path="/trades/{trade_id}/cancel",
        summary="Cancel a trade",
        description="Takes it out of its position. A trade that is cancelled stays as it is, so this is safe"
        " to send again.",
        parameters=TradePath,
        answers={HTTPStatus.OK: "The trade, cancelled."},
        answer=Trade,
        errors=(InvalidTradeIdError, TradeNotFoundError, TradeInOtherRegionError),
        writes=True,
    ),
    Operation(
        identifier="listPositions",
        method="GET",
        path="/positions/{account}",
        summary="List an account's positions",
        description="What its accepted trades in this region add up to, by symbol.",
        parameters=PositionPath,
        query=PositionQuery,
        answers={HTTPStatus.OK: "A page of them; none for an account without trades."},
        answer=PositionPage,
        errors=(InvalidRequestError, InvalidCursorError),
        reads=True,
    ),
    Operation(
        identifier="getHealth",
        method="GET",
        path="/health",
        summary="Whether the region can serve trades now",
        description="For Route 53, which takes a region out of the shared name while this is not 200.",
        answers={HTTPStatus.OK: "It can."},
        answer=Health,
        signed=False,
    ),
)


def errors_of(operation: Operation) -> tuple[type[TradeServiceError], ...]:
    """All errors that an operation answers with."""
    of_token = (InvalidConsistencyTokenError, TradeInOtherRegionError, TradeNotFoundError)
    token = of_token if operation.reads else ()
    return tuple(dict.fromkeys((*operation.errors, *token, *ALWAYS)))
