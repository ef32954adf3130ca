"""Read your write: a token that a write answers with, and later reads bring back.

It names the last write, so a reader can be asked whether it has that one, and neither clocks nor a
guess at the replicas' lag decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trade_service.errors import InvalidConsistencyTokenError, InvalidTradeIdError
from trade_service.opaque import decode, encode
from trade_service.trade_id import home_region

if TYPE_CHECKING:
    from trade_service.models import Trade

CONSISTENCY_HEADER = "Consistency-Token"
_NOT_OURS = "the consistency token was not issued by this API"


@dataclass(frozen=True)
class ConsistencyToken:
    """A trade, and which of its writes."""

    trade_id: str
    version: int

    @classmethod
    def of(cls, trade: Trade) -> ConsistencyToken:
        """The token of a trade just written."""
        return cls(trade.trade_id, trade.version)

    @classmethod
    def parse(cls, text: str) -> ConsistencyToken:
        """The token in a request's header.

        Raises:
            InvalidConsistencyTokenError: this API did not issue it.
        """
        try:
            trade_id, version = decode(text)
            home_region(trade_id)
            token = cls(trade_id, int(version))
        except (ValueError, InvalidTradeIdError) as error:
            raise InvalidConsistencyTokenError(_NOT_OURS) from error
        # A number has several notations, of which a token has one; the first write is 1.
        if token.version < 1 or str(token) != text:
            raise InvalidConsistencyTokenError(_NOT_OURS)
        return token

    @property
    def region(self) -> str:
        """The region of the write."""
        return home_region(self.trade_id)

    def __str__(self) -> str:
        return encode(self.trade_id, str(self.version))
