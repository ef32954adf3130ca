"""What happens during a run, for whoever shows or records it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class State(StrEnum):
    """How a stack's part in a run ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Action(StrEnum):
    """What Terraform plans for a resource, in the words of its JSON messages.

    https://developer.hashicorp.com/terraform/internals/machine-readable-ui#planned-change
    """

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True)
class PlannedChange:
    """One change of a plan; `reason` is Terraform's, such as `cannot_update`, or empty."""

    address: str
    resource_type: str
    action: Action
    reason: str = ""

    @property
    def operations(self) -> int:
        """How many operations on a resource it comes to."""
        return 2 if self.action is Action.REPLACE else 1


@dataclass(frozen=True)
class Changes:
    """How many resources are added, changed and removed; a replaced one is added and removed."""

    add: int = 0
    change: int = 0
    remove: int = 0

    @classmethod
    def planned(cls, changes: Iterable[PlannedChange]) -> Changes:
        """What planned changes come to."""
        return sum((_COUNTED.get(change.action, cls()) for change in changes), cls())

    @property
    def total(self) -> int:
        """All changes of whatever kind."""
        return self.add + self.change + self.remove

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.add + other.add, self.change + other.change, self.remove + other.remove)

    def __str__(self) -> str:
        return f"+{self.add} ~{self.change} -{self.remove}"


_COUNTED = {
    Action.CREATE: Changes(add=1),
    Action.UPDATE: Changes(change=1),
    Action.REPLACE: Changes(add=1, remove=1),
    Action.DELETE: Changes(remove=1),
}


@dataclass(frozen=True)
class StackStarted:
    """Terraform starts; `log` is for people, `transcript` has its messages as it wrote them."""

    stack: str
    log: Path
    transcript: Path


@dataclass(frozen=True)
class TerraformStarted:
    """The process that works on a stack; it is on its own should ours be killed."""

    stack: str
    process_id: int


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
class StackProgress:
    """What is done to a stack beside Terraform, such as `keeping` its data, and how far that is. A
    `milestone` is worth a line in a log; the others only replace each other.
    """

    stack: str
    doing: str
    text: str
    milestone: bool = False


@dataclass(frozen=True)
class StackFinished:
    """A stack's part in the run ended.

    `changes` were made, or by a plan only found: then `planned` names them, and `outputs_change` says
    that stacks which read from this one cannot be planned yet. `reason` is Terraform's own error for a
    failed stack, and for a skipped one why it was skipped.
    """

    stack: str
    state: State
    seconds: float = 0.0
    changes: Changes = field(default_factory=Changes)
    reason: str = ""
    log: Path | None = None
    planned: tuple[PlannedChange, ...] = ()
    outputs_change: bool = False


@dataclass(frozen=True)
class Interrupted:
    """The operator asked to stop. Terraform of `running` stops cleanly, or was killed if `forced`."""

    running: tuple[str, ...]
    forced: bool


Event = (
    StackStarted
    | TerraformStarted
    | StackPlanned
    | ResourceStarted
    | ResourceFinished
    | StackProgress
    | StackFinished
    | Interrupted
)
Observer = Callable[[Event], None]
