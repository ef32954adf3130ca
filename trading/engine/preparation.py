"""Initialise the stacks that wait for others in the time that those spend waiting for AWS."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from trading.engine.events import StackFinished, StackPlanned, StackStarted
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trading.engine.events import Event
    from trading.engine.terraform import Terraform


class Preparation:
    """Observes a run, and prepares one folder at a time while no stack is being planned.

    Planning takes the processor whole, and an apply hardly any: so nothing is held up. A stack whose
    turn comes sooner prepares its folder itself, as it does after a failure here.
    """

    def __init__(self, terraform: Terraform, directories: Sequence[Path]) -> None:
        self._terraform = terraform
        self._directories = directories
        self._planning: set[str] = set()
        self._idle = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._prepare, name="preparation", daemon=True)

    def __call__(self, event: Event) -> None:
        """Take note of what a stack does."""
        match event:
            case StackStarted():
                self._planning.add(event.stack)
                self._idle.clear()
            case StackPlanned() | StackFinished():
                self._planning.discard(event.stack)
                if not self._planning:
                    self._idle.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._idle.set()
        self._thread.join()

    def _prepare(self) -> None:
        for directory in self._directories:
            self._idle.wait()
            if self._ended:
                return
            try:
                self._terraform.initialise(directory, lambda _: None)
            except (OperatorError, OSError):
                return  # The run was interrupted, or the stack itself will tell.
