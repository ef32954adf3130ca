"""Cursors: a position in a listing, made opaque so that clients do not build their own."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from trade_service.errors import InvalidCursorError, InvalidTradeIdError
from trade_service.models import Position, format_timestamp
from trade_service.trade_id import home_region

_SEPARATOR = "|"


def encode_cursor(position: Position) -> str:
    """The position as base64url without padding, safe in a query string."""
    text = f"{format_timestamp(position.created_at)}{_SEPARATOR}{position.trade_id}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """The position that ``encode_cursor`` was given.

    Raises:
        InvalidCursorError: the cursor did not come from ``encode_cursor``.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        timestamp, _, trade_id = text.partition(_SEPARATOR)
        moment = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        home_region(trade_id)
    except (ValueError, InvalidTradeIdError) as error:
        raise InvalidCursorError("the cursor was not issued by this API") from error
    position = Position(created_at=moment, trade_id=trade_id)
    # Several texts decode to one position (short fractions, spare bits): only our own is accepted.
    if encode_cursor(position) != cursor:
        raise InvalidCursorError("the cursor was not issued by this API")
    return position
