"""Decides as IAM does, of policies that are attached to one role, what a request may do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import eq, ne
from typing import Any

Context = Mapping[str, str | list[str]]
Statement = Mapping[str, Any]

# Each operator: how it compares, and whether an absent key fulfils it.
_COMPARED: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (eq, False),
    "StringNotEquals": (ne, True),
    "StringLike": (fnmatchcase, False),
    "ArnEquals": (fnmatchcase, False),
    "ArnLike": (fnmatchcase, False),
}


@dataclass(frozen=True)
class Role:
    """The statements of all policies of a role."""

    statements: tuple[Statement, ...]

    def may(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Whether something is allowed, and nothing denies it."""
        effects = {
            statement["Effect"]
            for statement in self.statements
            if _matches(statement, action, resource, context or {})
        }
        return effects == {"Allow"}

    def names(self, action: str) -> bool:
        """Whether any statement allows an action, be it under conditions."""
        return any(
            statement["Effect"] == "Allow" and _is_any(action, statement["Action"])
            for statement in self.statements
        )


def _matches(statement: Statement, action: str, resource: str, context: Context) -> bool:
    return (
        _is_any(action, statement["Action"])
        and _is_any(resource, statement["Resource"])
        and all(
            _holds(operator, key, wanted, context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _is_any(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _holds(operator: str, key: str, wanted: str | list[str], context: Context) -> bool:
    value = context.get(key)
    if operator == "Null":
        return (value is None) == (wanted == "true")
    every, _, plain = operator.rpartition(":")
    compare, absent = _COMPARED[plain]
    allowed = [wanted] if isinstance(wanted, str) else wanted
    if every:
        assert every == "ForAllValues", operator
        return all(any(compare(one, other) for other in allowed) for one in value or [])
    if value is None:
        return absent
    assert isinstance(value, str), key
    # A negated operator wants that no value is met.
    return (all if absent else any)(compare(value, other) for other in allowed)
