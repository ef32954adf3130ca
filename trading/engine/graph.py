"""The stacks of a workspace and what each needs: order, selection, and what must be refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """One Terraform root. `region` is None for a stack there is one of for all regions."""

    name: str
    layer: str
    region: str | None
    dependencies: tuple[str, ...]
    outputs: frozenset[str]
    directory: Path

    def as_json(self) -> dict[str, Any]:
        """What `trading stacks --json` says of it."""
        return {
            "name": self.name,
            "layer": self.layer,
            "region": self.region,
            "needs": list(self.dependencies),
        }


@dataclass(frozen=True)
class Selection:
    """Which stacks an operator asks for; nothing in it means all. What they need, and what is built
    upon them, is added on request.
    """

    names: Sequence[str] = ()
    layers: Sequence[str] = ()
    regions: Sequence[str] = ()
    with_dependencies: bool = False
    with_dependents: bool = False


class Graph:
    """The stacks in deploy order, and their dependencies in both directions."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        by_name = {stack.name: stack for stack in stacks}
        sorter = TopologicalSorter({name: stack.dependencies for name, stack in by_name.items()})
        self.stacks = {name: by_name[name] for name in sorter.static_order()}

    @classmethod
    def read(cls, synthesized: Path) -> Graph:
        """The graph of the stacks that a folder's `manifest.json` lists."""
        manifest = json.loads((synthesized / "manifest.json").read_text())
        return cls(_read_stack(synthesized, entry) for entry in manifest["stacks"].values())

    def select(self, selection: Selection) -> list[Stack]:
        """The selected stacks in deploy order. Raises OperatorError for what is not there."""
        stacks = list(self.stacks.values())
        _require_known("stack", selection.names, self.stacks)
        _require_known("layer", selection.layers, {stack.layer for stack in stacks})
        _require_known("region", selection.regions, {stack.region or "" for stack in stacks} - {""})
        asked = {
            stack.name
            for stack in stacks
            if (not selection.names or stack.name in selection.names)
            and (not selection.layers or stack.layer in selection.layers)
            and (not selection.regions or stack.region in selection.regions)
        }
        if not asked:
            raise OperatorError("no stack is of all the given names, layers and regions at once")
        return self._completed(asked, selection)

    def dependants(self, name: str) -> list[Stack]:
        """The stacks that read from a stack, in deploy order."""
        return [stack for stack in self.stacks.values() if name in stack.dependencies]

    def predecessors(self, stacks: Collection[Stack]) -> dict[str, set[str]]:
        """Which of the given stacks must precede each of them, also by way of others."""
        names = {stack.name for stack in stacks}
        return {name: self._ancestors[name] & names for name in names}

    def unselected_upstream(self, selected: Collection[Stack]) -> list[Stack]:
        """The stacks that selected ones need, also by way of others, and that are not selected."""
        names = {stack.name for stack in selected}
        needed: set[str] = set().union(*(self._ancestors[name] for name in names))
        return [stack for stack in self.stacks.values() if stack.name in needed - names]

    def unselected_dependants(self, selected: Collection[Stack]) -> list[Stack]:
        """The stacks that read from selected ones and are not selected."""
        names = {stack.name for stack in selected}
        return [
            stack
            for stack in self.stacks.values()
            if stack.name not in names and names & self._ancestors[stack.name]
        ]

    def depth_below(self, name: str) -> int:
        """How long the longest chain of stacks is that waits for this one."""
        return max((1 + self.depth_below(stack.name) for stack in self.dependants(name)), default=0)

    def _completed(self, asked: set[str], selection: Selection) -> list[Stack]:
        names = set(asked)
        if selection.with_dependents:
            names |= {name for name in self.stacks if self._ancestors[name] & asked}
        if selection.with_dependencies:
            names.update(*(self._ancestors[name] for name in names))
        return [stack for stack in self.stacks.values() if stack.name in names]

    @cached_property
    def _ancestors(self) -> Mapping[str, set[str]]:
        ancestors: dict[str, set[str]] = {}
        for name, stack in self.stacks.items():
            ancestors[name] = set(stack.dependencies).union(
                *(ancestors[dependency] for dependency in stack.dependencies)
            )
        return ancestors


def reverse(predecessors: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The order of tearing down: every stack after those that were built upon it."""
    return {
        name: {other for other, before in predecessors.items() if name in before}
        for name in predecessors
    }


def levels(predecessors: Mapping[str, set[str]]) -> list[list[str]]:
    """The same order in steps: no stack needs another one of its step."""
    sorter = TopologicalSorter(predecessors)
    sorter.prepare()
    steps: list[list[str]] = []
    while sorter.is_active():
        step = list(sorter.get_ready())
        sorter.done(*step)
        steps.append(sorted(step))
    return steps


def _read_stack(synthesized: Path, entry: Mapping[str, Any]) -> Stack:
    directory = synthesized / entry["workingDirectory"]
    configuration = json.loads((synthesized / entry["synthesizedStackPath"]).read_text())
    name = entry["name"]
    region = configuration["locals"]["region"]
    return Stack(
        name=name,
        layer=configuration["provider"]["aws"][0]["default_tags"][0]["tags"]["Layer"],
        region=region if name.endswith(f"-{region}") else None,
        dependencies=tuple(entry["dependencies"]),
        outputs=frozenset(configuration["output"]),
        directory=directory,
    )


def _require_known(kind: str, asked: Sequence[str], known: Collection[str]) -> None:
    unknown = [name for name in asked if name not in known]
    if unknown:
        allowed = ", ".join(sorted(known))
        raise OperatorError(f"there is no {kind} '{unknown[0]}': choose from {allowed}")
