"""Trade ids: the home region, then a ULID (https://github.com/ulid/spec).

``us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C``. Regions hold independent databases, so an id must say
where it lives; a ULID sorts by time, which keeps inserts at the end of the clustered index.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from trade_service.errors import InvalidTradeIdError

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80
# The first character of a ULID carries 3 bits only: 26 characters of 5 bits hold 128.
ULID_PATTERN = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
REGION_PATTERN = "[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}"
TRADE_ID_PATTERN = f"{REGION_PATTERN}-{ULID_PATTERN}"

_TRADE_ID = re.compile(f"({REGION_PATTERN})-{ULID_PATTERN}")


def new_trade_id(region: str, moment: datetime) -> str:
    """An id for a trade accepted in ``region`` at ``moment`` (an aware datetime)."""
    milliseconds = int(moment.timestamp() * 1000)
    number = milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    digits = (_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return f"{region}-{''.join(digits)}"


def home_region(trade_id: str) -> str:
    """The region that issued ``trade_id``.

    Raises:
        InvalidTradeIdError: no region could have issued it.
    """
    match = _TRADE_ID.fullmatch(trade_id)
    if match is None:
        raise InvalidTradeIdError("a trade id is a region and a ULID, such as us-east-1-01J...")
    return match[1]
