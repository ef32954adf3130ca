"""Every policy document that a workspace makes, wherever in a resource it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.stacks.resources import Resource, resources

ACCOUNT = "${data.aws_caller_identity.current.account_id}"


def account_root(statement: Statement) -> bool:
    """Whether a statement is for this account's root alone, which is how IAM comes to decide."""
    return statement.principals == {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}


@dataclass(frozen=True)
class Statement:
    """One statement: each member that IAM takes as one value or several is a list here."""

    resource: Resource
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.resource}: {self.body.get('Sid')}"

    @property
    def allows(self) -> bool:
        return bool(self.body["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        return _listed(self.body["Action"])

    @property
    def targets(self) -> list[str]:
        """What may be acted on; nothing in a trust policy, which is of its role."""
        return _listed(self.body.get("Resource", []))

    @property
    def principals(self) -> dict[str, list[str]]:
        """Names by type, `AWS` for anyone; nothing in a policy of a role, which is the principal."""
        named = self.body.get("Principal", {})
        by_type = {"AWS": named} if isinstance(named, str) else named
        return {kind: _listed(names) for kind, names in by_type.items()}

    @property
    def conditions(self) -> dict[str, dict[str, list[str]]]:
        """Values by operator and key."""
        return {
            operator: {key: _listed(values) for key, values in keys.items()}
            for operator, keys in self.body.get("Condition", {}).items()
        }

    def required(self, key: str) -> list[str]:
        """The values that a key must have, one of them; nothing where it may be absent or anything.

        Not with a negated operator, and not with `IfExists`, which is met by what is not there.
        """
        positive = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool")
        return [
            value
            for operator in positive
            for value in self.conditions.get(operator, {}).get(key, [])
        ]


def statements(stacks: Mapping[str, Any], *kinds: str) -> list[Statement]:
    """Every statement of every policy of the stacks, or of resources of some kinds; never none."""
    found = [
        Statement(resource, statement)
        for resource in resources(stacks, *kinds)
        for text in _texts(resource.body)
        # What looks like a policy and cannot be read must not pass for none.
        if '"Statement"' in text
        for statement in json.loads(text)["Statement"]
    ]
    assert found, f"no policies of {kinds}"
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
