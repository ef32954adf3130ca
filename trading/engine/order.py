"""What a run is to do: a step for each stack, and what must precede each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from trading.engine.events import Changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trading.engine.events import PlannedChange
    from trading.engine.graph import Stack


class Verb(StrEnum):
    """What is done to stacks."""

    PLAN = "plan"
    DEPLOY = "deploy"
    DESTROY = "destroy"
    KEEP = "keep"


@dataclass(frozen=True)
class SavedPlan:
    """A plan that Terraform has saved, and what it will change."""

    path: Path
    changes: tuple[PlannedChange, ...]
    outputs_change: bool = False
    restore: str = ""

    @property
    def counts(self) -> Changes:
        """How many resources are to change."""
        return Changes.planned(self.changes)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not self.changes and not self.outputs_change


# A deploy that brings nothing back though something was kept.
FRESH = "fresh"


@dataclass(frozen=True)
class Step:
    """One stack's part of a run. `arguments` are Terraform's, beyond what the verb gives; with a
    `plan`, exactly that is applied. `keep` says that what is destroyed is kept in the archive, and
    `restore` which generation of the archive is brought back, FRESH for none; `asked` is which of
    these the operator typed, if any.
    """

    stack: Stack
    verb: Verb
    arguments: tuple[str, ...] = ()
    plan: SavedPlan | None = None
    keep: bool = False
    restore: str = ""
    asked: str = ""

    @property
    def name(self) -> str:
        """The stack's name: a run has one step for a stack."""
        return self.stack.name

    @property
    def restoring(self) -> bool:
        """Whether a generation of the archive is brought back."""
        return self.restore not in {"", FRESH}

    @property
    def partial(self) -> bool:
        """Whether it leaves some of the stack as it was deployed before."""
        return targets(self.arguments)


def targets(arguments: Iterable[str]) -> bool:
    """Whether these arguments keep Terraform to a part of a stack."""
    return any(argument.startswith("-target=") for argument in arguments)


@dataclass(frozen=True)
class Order:
    """Steps in the order a run prefers them, and the names that must precede each."""

    verb: Verb
    steps: list[Step]
    predecessors: dict[str, set[str]]

    @property
    def count(self) -> int:
        """How many stacks the verb is done to; others only make way for that."""
        return sum(step.verb is self.verb for step in self.steps)

    def to_plan(self) -> Order:
        """The same stacks to be planned, with all that Terraform is given to apply them."""
        steps = [replace(step, verb=Verb.PLAN) for step in self.steps]
        return replace(self, verb=Verb.PLAN, steps=steps)

    def without(self, names: set[str]) -> Order:
        """The same order for the other stacks alone."""
        return Order(
            self.verb,
            [step for step in self.steps if step.name not in names],
            {
                name: before - names
                for name, before in self.predecessors.items()
                if name not in names
            },
        )

    def with_arguments(self, arguments: Mapping[str, tuple[str, ...]]) -> Order:
        """The same order with more arguments for Terraform, by stack."""
        steps = [
            replace(step, arguments=arguments.get(step.name, step.arguments)) for step in self.steps
        ]
        return replace(self, steps=steps)
