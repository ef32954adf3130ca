"""The service's data: plain, immutable, and exact in every amount."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class TradeRequest:
    """What a client asks for. Equal when the values are: 1.0 and 1.00 are one quantity."""

    client_order_id: str
    account: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    currency: str


@dataclass(frozen=True)
class Trade:
    """A recorded trade. ``created_at`` is an aware datetime in UTC."""

    trade_id: str
    region: str
    request: TradeRequest
    created_at: datetime

    @property
    def position(self) -> Position:
        """Where the trade stands in its account's listing."""
        return Position(created_at=self.created_at, trade_id=self.trade_id)

    def to_json(self) -> dict[str, str]:
        """The trade as the API shows it: every amount a string, so none passes through a float."""
        fields = {
            name: format_decimal(value) if isinstance(value, Decimal) else value
            for name, value in asdict(self.request).items()
        }
        return {
            "trade_id": self.trade_id,
            "region": self.region,
            **fields,
            "created_at": format_timestamp(self.created_at),
        }


@dataclass(frozen=True)
class Position:
    """A place in a listing, newest first: time first, id to tell equal times apart."""

    created_at: datetime
    trade_id: str


@dataclass(frozen=True)
class TradePage:
    """Part of a listing, and the cursor of the part after it (None at the end)."""

    trades: tuple[Trade, ...]
    next_cursor: str | None


def format_decimal(value: Decimal) -> str:
    """The shortest plain notation: no exponent, no trailing zeros.

    Text work rather than ``Decimal.normalize``, which rounds to the context's precision.
    """
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds: 2025-01-31T12:00:00.000000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
