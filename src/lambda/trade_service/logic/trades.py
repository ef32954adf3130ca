"""Accepting trades once, cancelling them, and finding them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from trade_service.errors import (
    ClientOrderConflictError,
    TradeInOtherRegionError,
    TradeNotFoundError,
)
from trade_service.logic.cursor import place_after_trade, trade_cursor
from trade_service.models import BatchError, BatchResult, Status, Trade, TradePage
from trade_service.trade_id import home_region, new_trade_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trade_service.configuration import Configuration
    from trade_service.data_access.trades import TradeRepository
    from trade_service.models import OrderKey, TradeQuery, TradeRequest


@dataclass(frozen=True)
class Acceptance:
    """The recorded trade, and whether this very request recorded it."""

    trade: Trade
    created: bool


@dataclass(frozen=True)
class Cancellation:
    """The cancelled trade, and whether this very request changed it."""

    trade: Trade
    changed: bool


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
        (outcome,) = self._accept([request])
        if isinstance(outcome, ClientOrderConflictError):
            raise outcome
        return outcome

    def accept_batch(self, requests: Sequence[TradeRequest]) -> tuple[BatchResult, ...]:
        """Record trades in one transaction; what became of each, in their order."""
        return tuple(map(_batch_result, self._accept(requests)))

    def cancel(self, trade_id: str) -> Cancellation:
        """Cancel a trade. One that is cancelled stays as it is, so the same call may come again.

        Raises: as ``get``.
        """
        self._require_home(trade_id, f"/trades/{trade_id}/cancel")
        now = datetime.now(UTC)

        changed = False

        def change(trade: Trade) -> Trade:
            nonlocal changed
            changed = trade.status is Status.ACCEPTED
            return trade.cancelled(now) if changed else trade.repeated()

        return Cancellation(_found(self._repository.change(trade_id, change)), changed)

    def get(self, trade_id: str) -> Trade:
        """The trade with this id.

        Raises:
            InvalidTradeIdError: it is no trade id.
            TradeInOtherRegionError: another region issued it; its details say where to ask.
            TradeNotFoundError: this region did not issue it.
        """
        self._require_home(trade_id, f"/trades/{trade_id}")
        return _found(self._repository.find(trade_id))

    def page(self, query: TradeQuery) -> TradePage:
        """A page of an account's trades in this region, newest first.

        Raises:
            InvalidCursorError: the cursor was not issued by this API.
        """
        after = place_after_trade(query.cursor) if query.cursor is not None else None
        # One more than asked for tells whether another page follows.
        trades = self._repository.newest(query, query.limit + 1, after)
        page = trades[: query.limit]
        more = len(trades) > query.limit
        return TradePage(trades=page, next_cursor=trade_cursor(page[-1]) if more else None)

    def url(self, trade: Trade) -> str:
        """The trade's own address."""
        return self._configuration.url(trade.region, f"/trades/{trade.trade_id}")

    def _accept(
        self, requests: Sequence[TradeRequest]
    ) -> list[Acceptance | ClientOrderConflictError]:
        now = datetime.now(UTC)
        region = self._configuration.region
        # The first of several with one key: the others repeat it, or conflict with it.
        wanted: dict[OrderKey, Trade] = {}
        for request in requests:
            if request.key not in wanted:
                wanted[request.key] = Trade(
                    **vars(request),
                    trade_id=new_trade_id(region, now),
                    region=region,
                    status=Status.ACCEPTED,
                    created_at=now,
                    cancelled_at=None,
                )
        recorded = self._repository.record(list(wanted.values()))
        created = {key for key, trade in recorded.items() if trade.trade_id == wanted[key].trade_id}
        outcomes: list[Acceptance | ClientOrderConflictError] = []
        for request in requests:
            trade = recorded[request.key]
            if trade.request != request:
                outcomes.append(_conflict(trade))
                continue
            outcomes.append(Acceptance(trade, created=request.key in created))
            created.discard(request.key)
        return outcomes

    def _require_home(self, trade_id: str, path: str) -> None:
        self.require_region(home_region(trade_id), path)

    def require_region(self, home: str, path: str) -> None:
        """Refuse what only another region can answer.

        Raises:
            TradeInOtherRegionError: it is not this one; the details say where to ask.
            TradeNotFoundError: it is no region of this API.
        """
        if home not in self._configuration.api_regions:
            raise TradeNotFoundError("no region of this API has issued this")
        if home != self._configuration.region:
            raise TradeInOtherRegionError(
                f"this is held in {home}",
                details={"home_region": home, "url": self._configuration.url(home, path)},
            )


def _conflict(recorded: Trade) -> ClientOrderConflictError:
    return ClientOrderConflictError(
        "this account has used this client_order_id for a different trade",
        details={"trade_id": recorded.trade_id},
    )


def _batch_result(outcome: Acceptance | ClientOrderConflictError) -> BatchResult:
    if isinstance(outcome, ClientOrderConflictError):
        error = BatchError(outcome.code, outcome.message)
        return BatchResult(int(outcome.status), trade=None, error=error)
    status = HTTPStatus.CREATED if outcome.created else HTTPStatus.OK
    return BatchResult(int(status), trade=outcome.trade, error=None)


def _found(trade: Trade | None) -> Trade:
    if trade is None:
        raise TradeNotFoundError("there is no trade with this id")
    return trade
