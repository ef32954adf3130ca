"""What happens during a run, for whoever shows or records it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class State(StrEnum):
    """How a stack's part in a run ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Changes:
    """How many resources Terraform added, changed and removed."""

    add: int = 0
    change: int = 0
    remove: int = 0

    @property
    def total(self) -> int:
        """All changes of whatever kind."""
        return self.add + self.change + self.remove

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.add + other.add, self.change + other.change, self.remove + other.remove)

    def __str__(self) -> str:
        return f"+{self.add} ~{self.change} -{self.remove}"


@dataclass(frozen=True)
class StackStarted:
    """Terraform starts; all it says goes to the log."""

    stack: str
    log: Path


@dataclass(frozen=True)
class StackPlanned:
    """Terraform knows how many operations on resources it will make."""

    stack: str
    operations: int


@dataclass(frozen=True)
class ResourceStarted:
    """An operation on a resource began."""

    stack: str
    address: str


@dataclass(frozen=True)
class ResourceFinished:
    """An operation on a resource ended; `planned` is false for what is only read."""

    stack: str
    address: str
    planned: bool


@dataclass(frozen=True)
class StackFinished:
    """A stack's part in the run ended.

    `reason` is Terraform's own error for a failed stack, and for a skipped one why it was skipped.
    """

    stack: str
    state: State
    seconds: float = 0.0
    changes: Changes = field(default_factory=Changes)
    reason: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class Interrupted:
    """The operator asked to stop. Terraform of `running` stops cleanly, or was killed if `forced`."""

    running: tuple[str, ...]
    forced: bool


Event = (
    StackStarted | StackPlanned | ResourceStarted | ResourceFinished | StackFinished | Interrupted
)
Observer = Callable[[Event], None]
