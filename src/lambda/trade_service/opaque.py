"""Texts that clients hand back and do not build: cursors and consistency tokens."""

from __future__ import annotations

import base64

_SEPARATOR = "|"


def encode(*parts: str) -> str:
    """The parts as base64url without padding, safe in a query string and in a header."""
    return base64.urlsafe_b64encode(_SEPARATOR.join(parts).encode()).rstrip(b"=").decode()


def decode(text: str) -> tuple[str, ...]:
    """The parts that ``encode`` was given.

    Raises:
        ValueError: the text is none of ours. Several would decode to one (spare bits, other alphabets):
            only our own is taken.
    """
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    parts = tuple(
        base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(_SEPARATOR)
    )
    if encode(*parts) != text:
        raise ValueError("not as it was encoded")
    return parts
