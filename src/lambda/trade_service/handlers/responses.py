"""JSON responses, of success and of failure, in the form that API Gateway's proxy integration expects.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http import HTTPStatus

    from trade_service.errors import TradeServiceError

Response = dict[str, Any]


def json_response(
    status: HTTPStatus, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """A JSON response. Trades are private and health is momentary, so nothing may be cached."""
    return {
        "statusCode": int(status),
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
        "body": json.dumps(body, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def error_body(code: str, message: str, request_id: str, **details: str) -> dict[str, Any]:
    """The one form of every error body."""
    return {"error": {"code": code, "message": message, "request_id": request_id, **details}}


def error_response(error: TradeServiceError, request_id: str) -> Response:
    """The response to a failed request."""
    body = error_body(error.code, error.message, request_id, **error.details)
    return json_response(error.status, body, error.headers)
