"""Every failure the service answers with: one hierarchy, one stable code each.

Clients act on ``code``; ``message`` is for people and may change.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class TradeServiceError(Exception):
    """A failure with an answer for the client.

    Attributes:
        status: the HTTP status of the answer.
        code: the stable name of the failure.
        message: one sentence for the reader, free of internals.
        details: further fields of the error body.
        headers: further headers of the response.
    """

    status: ClassVar[HTTPStatus]
    code: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.headers = headers or {}


class InternalError(TradeServiceError):
    """Something failed that no client can do anything about."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"


class ConfigurationError(InternalError):
    """The function was deployed with a missing or malformed environment variable."""


class InvalidRequestError(TradeServiceError):
    """The body or a query parameter breaks the contract."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"


class InvalidConsistencyTokenError(TradeServiceError):
    """The consistency token was not issued by this API."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_consistency_token"


class InvalidTradeIdError(TradeServiceError):
    """The path holds something that no region could have issued as a trade id."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_trade_id"


class InvalidCursorError(TradeServiceError):
    """The cursor was not issued by this API."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_cursor"


class TradeNotFoundError(TradeServiceError):
    """This region issued no such trade id."""

    status = HTTPStatus.NOT_FOUND
    code = "trade_not_found"


class RouteNotFoundError(TradeServiceError):
    """No route has this path."""

    status = HTTPStatus.NOT_FOUND
    code = "route_not_found"


class ClientOrderConflictError(TradeServiceError):
    """The account has used this client order id for a different trade."""

    status = HTTPStatus.CONFLICT
    code = "client_order_conflict"


class TradeInOtherRegionError(TradeServiceError):
    """The trade id belongs to another region, which alone can answer for it.

    Not a redirect: SigV4 signs the host name, so a request that follows a ``Location`` to
    another host arrives with a signature that cannot match
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
    The client signs anew, for the ``url`` given.
    """

    status = HTTPStatus.MISDIRECTED_REQUEST
    code = "trade_in_other_region"


class DatabaseUnavailableError(TradeServiceError):
    """The database, or the secret that opens it, cannot be reached now. Safe to try again:
    a trade is idempotent by account and client order id, even if its commit went unanswered.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "database_unavailable"

    retry_after_seconds: ClassVar[int] = 5

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Retry-After": str(self.retry_after_seconds)})


class DatabaseBusyError(DatabaseUnavailableError):
    """Others held the locks that this request needs for longer than it can wait."""

    code = "database_busy"
    retry_after_seconds = 1


class SchemaNotReadyError(DatabaseUnavailableError):
    """The database answers, but its migrations have not been applied yet."""

    code = "schema_not_ready"


class MigrationError(Exception):
    """The schema migrations cannot go on; the message says what an operator must do."""
