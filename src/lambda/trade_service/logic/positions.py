"""What an account holds in this region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trade_service.logic.cursor import symbol_after, symbol_cursor
from trade_service.models import PositionPage

if TYPE_CHECKING:
    from trade_service.data_access.positions import PositionRepository
    from trade_service.models import PositionQuery


class PositionService:
    """The positions of one region."""

    def __init__(self, region: str, repository: PositionRepository) -> None:
        self._region = region
        self._repository = repository

    def page(self, account: str, query: PositionQuery) -> PositionPage:
        """A page of an account's positions, by symbol.

        Raises:
            InvalidCursorError: the cursor was not issued by this API.
        """
        after = symbol_after(query.cursor) if query.cursor is not None else None
        positions = self._repository.page(account, query.limit + 1, after)
        page = positions[: query.limit]
        more = len(positions) > query.limit
        return PositionPage(
            account=account,
            region=self._region,
            positions=page,
            next_cursor=symbol_cursor(page[-1].symbol) if more else None,
        )

    def differing(self) -> int:
        """How many positions are not the sum of their trades."""
        return len(self._repository.differing())

    def reconcile(self) -> int:
        """Make every position the sum of its trades; how many were not."""
        differing = self._repository.differing()
        for account, symbol in differing:
            self._repository.recompute(account, symbol)
        return len(differing)
