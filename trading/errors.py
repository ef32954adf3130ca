"""What an operator can act on."""

from __future__ import annotations


class OperatorError(Exception):
    """Something the operator can put right; the message says in one line what to do."""
