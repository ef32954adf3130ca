"""Accepting trades once, and finding them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trade_service.errors import (
    ClientOrderConflictError,
    TradeInOtherRegionError,
    TradeNotFoundError,
)
from trade_service.logic.cursor import decode_cursor, encode_cursor
from trade_service.models import Trade, TradePage, TradeRequest
from trade_service.trade_id import home_region, new_trade_id

if TYPE_CHECKING:
    from trade_service.configuration import Configuration
    from trade_service.data_access.trades import TradeRepository


@dataclass(frozen=True)
class Acceptance:
    """The recorded trade, and whether this very request recorded it."""

    trade: Trade
    created: bool


class TradeService:
    """The trading operations of one region."""

    def __init__(self, configuration: Configuration, repository: TradeRepository) -> None:
        self._configuration = configuration
        self._repository = repository

    def accept(self, request: TradeRequest) -> Acceptance:
        """Record a trade, once for each account and client order id.

        Raises:
            ClientOrderConflictError: that client order id already names a different trade.
        """
        now = datetime.now(UTC)
        region = self._configuration.region
        trade = Trade(
            trade_id=new_trade_id(region, now), region=region, request=request, created_at=now
        )
        recorded = self._repository.record(trade)
        if recorded.request != request:
            raise ClientOrderConflictError(
                "this account has used this client_order_id for a different trade",
                details={"trade_id": recorded.trade_id},
            )
        return Acceptance(trade=recorded, created=recorded is trade)

    def get(self, trade_id: str) -> Trade:
        """The trade with this id.

        Raises:
            InvalidTradeIdError: it is no trade id.
            TradeInOtherRegionError: another region issued it; its details say where to ask.
            TradeNotFoundError: this region did not issue it.
        """
        home = home_region(trade_id)
        if home != self._configuration.region:
            raise TradeInOtherRegionError(
                f"this trade is held in {home}",
                details={
                    "home_region": home,
                    "url": self._configuration.trade_url(trade_id, home),
                },
            )
        trade = self._repository.find(trade_id)
        if trade is None:
            raise TradeNotFoundError("there is no trade with this id")
        return trade

    def list(self, account: str, limit: int, cursor: str | None) -> TradePage:
        """A page of an account's trades in this region, newest first.

        Raises:
            InvalidCursorError: the cursor was not issued by this API.
        """
        after = decode_cursor(cursor) if cursor is not None else None
        # One more than asked for tells whether another page follows.
        trades = self._repository.newest(account, limit + 1, after)
        page = trades[:limit]
        next_cursor = encode_cursor(page[-1].position) if len(trades) > limit else None
        return TradePage(trades=page, next_cursor=next_cursor)

    def url(self, trade: Trade) -> str:
        """The trade's own address."""
        return self._configuration.trade_url(trade.trade_id, trade.region)
