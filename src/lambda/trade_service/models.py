"""The service's data: plain, immutable, and exact in every amount."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime  # noqa: TC003 - the fields' kinds are read at run time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from trade_service.contract.documents import Items
from trade_service.contract.kinds import Amount, Choice, Text, Timestamp, Whole
from trade_service.trade_id import REGION_PATTERN, TRADE_ID_PATTERN

# What the columns of the amounts hold: DECIMAL(28,10).
DIGITS, SCALE = 18, 10
MAXIMUM_PAGE = 100
DEFAULT_PAGE = 50
MAXIMUM_BATCH = 100


class Side(StrEnum):
    """Which way a trade goes."""

    BUY = "BUY"
    SELL = "SELL"


class Status(StrEnum):
    """What has become of a trade. A trade counts in its position while it is accepted."""

    ACCEPTED = "ACCEPTED"
    CANCELLED = "CANCELLED"


ClientOrderId = Annotated[
    str,
    Text(
        pattern="[A-Za-z0-9][A-Za-z0-9._:-]{0,63}",
        description="The client's own name for the order: with the account, the idempotency key.",
        example="order-2025-01-31-0001",
    ),
]
Account = Annotated[
    str, Text("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", description="The account.", example="ACC-1")
]
Symbol = Annotated[
    str, Text("[A-Z0-9][A-Z0-9./-]{0,31}", description="What is traded.", example="AAPL")
]
Currency = Annotated[
    str, Text("[A-Z]{3}", description="The price's currency: an ISO 4217 code.", example="USD")
]
Quantity = Annotated[
    Decimal, Amount(DIGITS, SCALE, description="How much: a decimal above zero.", example="10.5")
]
Price = Annotated[
    Decimal,
    Amount(DIGITS, SCALE, description="Of one unit: a decimal above zero.", example="187.25"),
]
TradeId = Annotated[
    str,
    Text(
        pattern=TRADE_ID_PATTERN,
        description="The region that holds the trade, and a ULID.",
        example="us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C",
    ),
]
RegionName = Annotated[
    str,
    Text(
        pattern=REGION_PATTERN,
        description="The AWS region that answers, and holds what it answers with.",
        example="us-east-1",
    ),
]
AnySide = Annotated[Side, Choice(Side, description="Which way the trade goes.")]
EndpointStatus = Annotated[
    str,
    Text("[a-z_]+", description="`ok`, or the code that requests would meet.", example="ok"),
]
AnyStatus = Annotated[
    Status,
    Choice(Status, description="An accepted trade can be cancelled; a cancelled one stays so."),
]
# What a position can add up to has room for ten thousand million trades of the largest quantity.
Total = Annotated[
    Decimal,
    Amount(
        DIGITS + SCALE,
        SCALE,
        description="The quantities of the accepted trades of this side, summed up.",
        example="1200.5",
        signed=True,
    ),
]
Cursor = Annotated[
    str,
    Text(
        pattern="[A-Za-z0-9_-]{1,200}",
        description="Where to go on: `next_cursor` of the page before. Not to be made up.",
        example="MjAyNS0wMS0zMVQxMjowMDowMC4wMDAwMDBafHVzLWVhc3QtMS0wMUpEOFg2WTNRNFo3TTBWOVQySzVCOE4xQw",
    ),
]
Limit = Annotated[
    int, Whole(1, MAXIMUM_PAGE, description=f"How many at most; {DEFAULT_PAGE} if it is not given.")
]


@dataclass(frozen=True)
class TradeRequest:
    """What a client asks for. Equal when the values are: 1.0 and 1.00 are one quantity."""

    client_order_id: ClientOrderId
    account: Account
    symbol: Symbol
    side: AnySide
    quantity: Quantity
    price: Price
    currency: Currency

    @property
    def key(self) -> OrderKey:
        """What may be accepted once."""
        return (self.account, self.client_order_id)


OrderKey = tuple[str, str]


@dataclass(frozen=True)
class Trade(TradeRequest):
    """A recorded trade. Times are aware datetimes in UTC; `_version` counts its changes, from 1."""

    trade_id: TradeId
    region: RegionName
    status: AnyStatus
    created_at: Annotated[datetime, Timestamp("When the trade was accepted.")]
    cancelled_at: Annotated[datetime, Timestamp("When it was cancelled; null before.")] | None
    _version: int = 1

    @property
    def request(self) -> TradeRequest:
        """What was asked for."""
        return TradeRequest(**{name: getattr(self, name) for name in REQUEST_FIELDS})

    @property
    def version(self) -> int:
        """How many times the trade was written."""
        return self._version

    def repeated(self) -> Trade:
        """The trade as it is, written once more: as a mark that all before has been committed."""
        return replace(self, _version=self._version + 1)

    def cancelled(self, now: datetime) -> Trade:
        """The trade, cancelled now; a clock that went back does not put that before its beginning."""
        return replace(
            self,
            status=Status.CANCELLED,
            cancelled_at=max(now, self.created_at),
            _version=self._version + 1,
        )


REQUEST_FIELDS = tuple(field.name for field in fields(TradeRequest))


@dataclass(frozen=True)
class TradeBatch:
    """Trades to record together: all that can be are, in one transaction."""

    trades: Annotated[
        tuple[TradeRequest, ...], Items(1, MAXIMUM_BATCH, "The trades, of any accounts.")
    ]


@dataclass(frozen=True)
class BatchError:
    """Why one trade of a batch was not recorded."""

    code: Annotated[
        str,
        Text("[a-z_]+", description="The stable name.", example="client_order_conflict"),
    ]
    message: Annotated[str, Text("[^\n]+", description="For people.", example="this account ...")]


@dataclass(frozen=True)
class BatchResult:
    """What became of one trade of a batch: `trade` as it is recorded, or `error`."""

    status: Annotated[
        int,
        Whole(200, 599, description="As `POST /trades` would have answered: 201, 200 or 409."),
    ]
    trade: Trade | None
    error: BatchError | None


@dataclass(frozen=True)
class BatchResults:
    """One result for each trade of the batch, in its order."""

    results: Annotated[tuple[BatchResult, ...], Items(1, MAXIMUM_BATCH, "One for each trade.")]


@dataclass(frozen=True)
class TradeQuery:
    """Which trades of an account to list."""

    account: Account
    symbol: Symbol | None = None
    side: AnySide | None = None
    status: AnyStatus | None = None
    from_: Annotated[datetime, Timestamp("Accepted at this moment or later.")] | None = None
    to: Annotated[datetime, Timestamp("Accepted before this moment.")] | None = None
    limit: Limit = DEFAULT_PAGE
    cursor: Cursor | None = None


@dataclass(frozen=True)
class TradePage:
    """Part of a listing, newest first."""

    trades: Annotated[tuple[Trade, ...], Items(0, MAXIMUM_PAGE, "The trades, newest first.")]
    next_cursor: Cursor | None


@dataclass(frozen=True)
class Position:
    """What the accepted trades of an account in one symbol add up to, in this region."""

    symbol: Symbol
    quantity: Annotated[
        Decimal,
        Amount(
            DIGITS + SCALE,
            SCALE,
            description="What is held: bought less sold.",
            example="-20.5",
            signed=True,
        ),
    ]
    bought: Total
    sold: Total
    trades: Annotated[int, Whole(0, 10**9 - 1, description="How many accepted trades there are.")]
    updated_at: Annotated[datetime, Timestamp("When a trade last changed it.")]


@dataclass(frozen=True)
class PositionPath:
    """Whose positions."""

    account: Account


@dataclass(frozen=True)
class TradePath:
    """Which trade."""

    trade_id: TradeId


@dataclass(frozen=True)
class PositionQuery:
    """Which positions of an account to list."""

    limit: Limit = DEFAULT_PAGE
    cursor: Cursor | None = None


@dataclass(frozen=True)
class PositionPage:
    """Part of an account's positions in one region, by symbol."""

    account: Account
    region: RegionName
    positions: Annotated[tuple[Position, ...], Items(0, MAXIMUM_PAGE, "In the symbols' order.")]
    next_cursor: Cursor | None


class HealthStatus(StrEnum):
    """Whether a region serves: `DEGRADED` is without its readers, so the writer does all."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class DatabaseHealth:
    """The two endpoints of the region's cluster."""

    writer: EndpointStatus
    reader: EndpointStatus


@dataclass(frozen=True)
class Health:
    """Whether the region can serve trades now."""

    status: Annotated[
        HealthStatus,
        Choice(HealthStatus, description="`degraded`: without readers, the writer does it all."),
    ]
    region: RegionName
    database: DatabaseHealth
