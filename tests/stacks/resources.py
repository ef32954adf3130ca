"""Reading synthesized Terraform JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of one stack."""

    stack: str
    kind: str
    address: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.stack}: {self.kind}.{self.address}"


def resources(stacks: Mapping[str, Any], *kinds: str) -> Iterator[Resource]:
    """All resources of the stacks, or those of some kinds."""
    for stack, document in stacks.items():
        for kind, members in document.get("resource", {}).items():
            if not kinds or kind in kinds:
                for address, body in members.items():
                    yield Resource(stack, kind, address, body)


def all_of(stacks: Mapping[str, Any], *kinds: str) -> list[Resource]:
    """The resources of some kinds; a rule about none of them guards nothing."""
    found = list(resources(stacks, *kinds))
    assert found, f"no {kinds}"
    return found


def without_metadata(value: Any) -> Any:
    """A document without the `//` members that CDKTF adds for itself."""
    if isinstance(value, dict):
        return {name: without_metadata(member) for name, member in value.items() if name != "//"}
    if isinstance(value, list):
        return [without_metadata(member) for member in value]
    return value
