"""JSON responses, of success and of failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response, content_types

if TYPE_CHECKING:
    from http import HTTPStatus

    from trade_service.errors import TradeServiceError


def json_response(
    status: HTTPStatus, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response[str]:
    """A JSON response. Trades are private and health is momentary, so nothing may be cached."""
    return Response(
        status_code=int(status),
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(body),
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def error_body(code: str, message: str, request_id: str, **details: str) -> dict[str, Any]:
    """The one form of every error body."""
    return {"error": {"code": code, "message": message, "request_id": request_id, **details}}


def error_response(error: TradeServiceError, request_id: str) -> Response[str]:
    """The response to a failed request."""
    body = error_body(error.code, error.message, request_id, **error.details)
    return json_response(error.status, body, error.headers)
