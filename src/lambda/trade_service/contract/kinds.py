"""The kinds of values that the API takes and gives: each checks, reads, writes and describes one.

A model's field says its kind once (`Annotated[Decimal, Amount(...)]`). The function reads requests by
it, and the OpenAPI document, from which API Gateway gets its request validation, is made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from enum import StrEnum

Schema = dict[str, Any]


class KindError(ValueError):
    """A value is not of its kind; the message completes "account ...", for the client to read."""


class Kind(Protocol):
    """What can be asked of every kind."""

    def parse(self, value: Any) -> Any:
        """The value that a JSON value stands for. Raises KindError."""

    def format(self, value: Any) -> Any:
        """The JSON value that stands for a value."""

    def schema(self) -> Schema:
        """The JSON Schema of its JSON values, draft 4: API Gateway knows no later one."""


@dataclass(frozen=True)
class Text:
    """A string that a regular expression describes as a whole."""

    pattern: str
    description: str
    example: str

    def parse(self, value: Any) -> str:
        """The string itself. Raises KindError."""
        # Not `$`, which in Python also matches before a line's end.
        if not isinstance(value, str) or not self._expression.fullmatch(value):
            raise KindError(f"must be a string matching ^{self.pattern}$")
        return value

    def format(self, value: str) -> str:
        """The string itself."""
        return value

    def schema(self) -> Schema:
        """As a pattern."""
        return {
            "type": "string",
            "pattern": f"^{self.pattern}$",
            "description": self.description,
            "example": self.example,
        }

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


@dataclass(frozen=True)
class Amount:
    """An exact decimal, as a string: JSON numbers are binary floating point in most clients.

    `digits` before the point and `scale` after it, as the database column has them. What clients may
    send is above zero and unsigned; what the service computes may be anything (`signed`), zero too.
    """

    digits: int
    scale: int
    description: str
    example: str
    signed: bool = False

    def parse(self, value: Any) -> Decimal:
        """The decimal, unchanged in value. Raises KindError."""
        if not isinstance(value, str) or not self._expression.fullmatch(value):
            raise KindError(
                f"must be a string holding a decimal above zero, of at most {self.digits} digits"
                f" before the point and {self.scale} after it"
            )
        return Decimal(value)

    def format(self, value: Decimal) -> str:
        """The shortest plain notation: no exponent, no trailing zeros.

        Text work rather than ``Decimal.normalize``, which rounds to the context's precision.
        """
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text

    def schema(self) -> Schema:
        """As a pattern."""
        return {
            "type": "string",
            "pattern": f"^{self._pattern}$",
            "description": self.description,
            "example": self.example,
        }

    @property
    def _pattern(self) -> str:
        plain = f"(0|[1-9][0-9]{{0,{self.digits - 1}}})([.][0-9]{{1,{self.scale}}})?"
        # The first part refuses what is all zeros.
        return f"-?{plain}" if self.signed else f"(?![0.]*$){plain}"

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self._pattern)


@dataclass(frozen=True)
class Choice:
    """One name of an enumeration."""

    names: type[StrEnum]
    description: str

    def parse(self, value: Any) -> StrEnum:
        """The enumeration's member. Raises KindError."""
        try:
            return self.names(value)
        except ValueError as error:
            raise KindError(f"must be one of {', '.join(self.names)}") from error

    def format(self, value: StrEnum) -> str:
        """The member's name."""
        return value.value

    def schema(self) -> Schema:
        """As an enumeration."""
        return {
            "type": "string",
            "enum": [name.value for name in self.names],
            "description": self.description,
        }


@dataclass(frozen=True)
class Timestamp:
    """A moment in UTC, to the microsecond: 2025-01-31T12:00:00.000000Z. Clients may give fewer digits."""

    description: str

    # The days of the calendar only, so that whatever the document admits is a moment.
    _PATTERN = (
        "(?!0000)([0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
        "|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
        "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
        "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z"
    )

    def parse(self, value: Any) -> datetime:
        """An aware datetime in UTC. Raises KindError."""
        # The pattern, as Python alone would take other notations of ISO 8601, too.
        if not isinstance(value, str) or not re.fullmatch(self._PATTERN, value):
            raise KindError("must be a moment in UTC, such as 2025-01-31T12:00:00.000000Z")
        seconds, _, fraction = value.rstrip("Z").partition(".")
        moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
        return moment.replace(microsecond=int(fraction.ljust(6, "0")))

    def format(self, value: datetime) -> str:
        """ISO 8601 in UTC, always with microseconds."""
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def schema(self) -> Schema:
        """As a pattern, since `date-time` also admits offsets from UTC; it alone knows the months' days."""
        return {
            "type": "string",
            "format": "date-time",
            "pattern": f"^{self._PATTERN}$",
            "description": self.description,
            "example": "2025-01-31T12:00:00.000000Z",
        }


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds."""

    minimum: int
    maximum: int
    description: str

    def parse(self, value: Any) -> int:
        """The number, from JSON or from a query string. Raises KindError."""
        # int() alone would also take spaces, signs and the digits of other scripts.
        text = str(value) if type(value) in {int, str} else ""
        if not re.fullmatch(r"[0-9]{1,9}", text) or not self.minimum <= int(text) <= self.maximum:
            raise KindError(f"must be a number from {self.minimum} to {self.maximum}")
        return int(text)

    def format(self, value: int) -> int:
        """The number itself."""
        return value

    def schema(self) -> Schema:
        """As an integer."""
        return {
            "type": "integer",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "description": self.description,
        }
