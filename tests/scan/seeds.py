"""How a violation is put into a stack, and how a stack is told as a plan.

A path names a resource's argument as Terraform does: `aws_kms_key.platform_key.policy`. What is to be broken
must be there, so a violation of something that was renamed fails instead of guarding nothing.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Document = dict[str, Any]
What = TypeVar("What", Document, str)
Seed = Callable[[Document], Document]

# Stands in a document for what Terraform knows after it has applied.
UNKNOWN = "(known after apply)"


@dataclass(frozen=True)
class Violation(Generic[What]):
    """One change to something that is clean, which a gate must object to.

    `where` is the stack or the file, and `caught_by` the tool and its check, or the test of ours.
    """

    name: str
    where: str
    seed: Callable[[What], What]
    caught_by: str

    def __str__(self) -> str:
        return self.name

    def seeded(self, clean: What) -> What:
        """A copy of what is clean with the violation in it."""
        broken = self.seed(copy.deepcopy(clean))
        assert broken != clean, f"{self} is so already"
        return broken


def replaced(pattern: str, text: str) -> Callable[[str], str]:
    """Write something else where a file has what a pattern matches, the first time."""
    return lambda clean: re.sub(pattern, lambda _: text, clean, count=1)


def put(path: str, value: Any) -> Seed:
    """Give an argument, or a resource, another value."""

    def seed(document: Document) -> Document:
        parent, name = _parent(document, path)
        parent[name] = value
        return document

    return seed


def remove(path: str) -> Seed:
    """Take an argument, or a resource, away."""

    def seed(document: Document) -> Document:
        parent, name = _parent(document, path)
        del parent[name]
        return document

    return seed


def in_item(path: str, name: str, **members: Any) -> Seed:
    """Change one of a list of blocks that have names, such as the parameters of a group."""

    def seed(document: Document) -> Document:
        parent, argument = _parent(document, path)
        (block,) = [block for block in parent[argument] if block["name"] == name]
        block |= members
        return document

    return seed


def in_statement(path: str, sid: str, **members: Any) -> Seed:
    """Change members of one statement of a policy; None takes one away."""

    def change(statements: list[Document]) -> list[Document]:
        (statement,) = [each for each in statements if each["Sid"] == sid]
        changed = {**statement, **members}
        kept = {name: value for name, value in changed.items() if value is not None}
        return [kept if each is statement else each for each in statements]

    return _in_policy(path, change)


def without_statement(path: str, sid: str) -> Seed:
    """Take one statement out of a policy."""

    def change(statements: list[Document]) -> list[Document]:
        assert sid in [each["Sid"] for each in statements]
        return [each for each in statements if each["Sid"] != sid]

    return _in_policy(path, change)


def with_statement(path: str, **members: Any) -> Seed:
    """Put one more statement into a policy, which allows something."""

    def change(statements: list[Document]) -> list[Document]:
        return [*statements, {"Sid": "Seeded", "Effect": "Allow", **members}]

    return _in_policy(path, change)


def as_plan(document: Document) -> Document:
    """A stack as `terraform show -json` tells a plan of it before anything is there.

    https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
    """
    planned, changes = [], []
    for kind, named in document["resource"].items():
        for name, values in named.items():
            unknown = {argument: True for argument, value in values.items() if value == UNKNOWN}
            known = {argument: value for argument, value in values.items() if value != UNKNOWN}
            resource = {
                "address": f"{kind}.{name}",
                "mode": "managed",
                "type": kind,
                "name": name,
                "provider_name": "registry.terraform.io/hashicorp/aws",
            }
            planned.append({**resource, "schema_version": 0, "values": known})
            change = {"actions": ["create"], "before": None, "after": known}
            changes.append({**resource, "change": {**change, "after_unknown": unknown}})
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {}},
    }


def _in_policy(path: str, change: Callable[[list[Document]], list[Document]]) -> Seed:
    def seed(document: Document) -> Document:
        parent, argument = _parent(document, path)
        policy = json.loads(parent[argument])
        parent[argument] = json.dumps({**policy, "Statement": change(policy["Statement"])})
        return document

    return seed


def _parent(document: Document, path: str) -> tuple[Document, str]:
    *way, name = path.split(".")
    parent = document["resource"]
    for step in way:
        parent = parent[step]
    return parent, name
