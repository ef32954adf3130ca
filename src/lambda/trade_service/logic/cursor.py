"""Cursors: a place in a listing, made opaque so that clients do not build their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trade_service.contract.documents import parse_value
from trade_service.contract.kinds import Timestamp
from trade_service.data_access.trades import ListingPlace
from trade_service.errors import InvalidCursorError, InvalidRequestError, InvalidTradeIdError
from trade_service.models import Position
from trade_service.opaque import decode, encode
from trade_service.trade_id import home_region

if TYPE_CHECKING:
    from trade_service.models import Trade

_MOMENT = Timestamp("When the trade was accepted.")


def trade_cursor(trade: Trade) -> str:
    """The cursor of what follows a trade."""
    return encode(_MOMENT.format(trade.created_at), trade.trade_id)


def place_after_trade(cursor: str) -> ListingPlace:
    """The place that ``trade_cursor`` was given.

    Raises:
        InvalidCursorError: the cursor did not come from ``trade_cursor``.
    """
    try:
        timestamp, trade_id = decode(cursor)
        place = ListingPlace(_MOMENT.parse(timestamp), trade_id)
        home_region(trade_id)
    except (ValueError, InvalidTradeIdError) as error:
        raise InvalidCursorError("the cursor was not issued by this API") from error
    # A moment has several notations, of which a cursor has one.
    if _MOMENT.format(place.created_at) != timestamp:
        raise InvalidCursorError("the cursor was not issued by this API")
    return place


def symbol_cursor(symbol: str) -> str:
    """The cursor of what follows a symbol."""
    return encode(symbol)


def symbol_after(cursor: str) -> str:
    """The symbol that ``symbol_cursor`` was given.

    Raises:
        InvalidCursorError: the cursor did not come from ``symbol_cursor``.
    """
    try:
        (text,) = decode(cursor)
        symbol: str = parse_value(Position, "symbol", text)
    except (ValueError, InvalidRequestError) as error:
        raise InvalidCursorError("the cursor was not issued by this API") from error
    return symbol
