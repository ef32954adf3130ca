"""What is looked at: Terraform's JSON of every environment, as synthesized and as planned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stage(StrEnum):
    """When the JSON of a stack was made.

    A plan made before the stack is there knows what the stacks before it have published; one made after
    knows all, so only its policies can be read whole.
    """

    SYNTHESIZED = "synthesized"
    PLANNED = "planned"
    DEPLOYED = "deployed"


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. `values` are its arguments; in a plan, what is known of them."""

    stack: str
    type: str
    name: str
    values: dict[str, Any]

    @property
    def address(self) -> str:
        """Where an operator finds it: the stack, and Terraform's address in it."""
        return f"{self.stack}:{self.type}.{self.name}"


@dataclass(frozen=True)
class Evidence:
    """The stacks of one environment at one stage, each a file `{stack}.json` in a folder."""

    environment: str
    stage: Stage
    folder: Path

    @property
    def name(self) -> str:
        """How the evidence is called in what is recorded and shown."""
        return f"{self.environment} {self.stage}"

    @cached_property
    def stacks(self) -> dict[str, dict[str, Any]]:
        """Each stack's JSON, by the stack's name."""
        return {
            path.stem: json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))
        }

    def resources(self, *types: str) -> Iterator[Resource]:
        """Every managed resource, or those of the given types."""
        for stack, document in self.stacks.items():
            found = _synthesized if self.stage is Stage.SYNTHESIZED else _planned
            for resource in found(stack, document):
                if not types or resource.type in types:
                    yield resource


def _synthesized(stack: str, document: dict[str, Any]) -> Iterator[Resource]:
    for kind, resources in document.get("resource", {}).items():
        for name, values in resources.items():
            yield Resource(stack, kind, name, values)


def _planned(stack: str, document: dict[str, Any]) -> Iterator[Resource]:
    for resource in document["planned_values"]["root_module"].get("resources", []):
        if resource["mode"] == "managed":
            yield Resource(stack, resource["type"], resource["name"], resource["values"])
