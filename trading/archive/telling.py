"""What a keep or a restore says of itself while it runs, and how it is stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading.archive.wording import size
from trading.engine.events import StackProgress
from trading.engine.processes import RunInterruptedError

if TYPE_CHECKING:
    from trading.archive.objects import Progress
    from trading.engine.processes import Processes
    from trading.engine.report import Report

_POLL_SECONDS = 1.0
_BETWEEN_DETAILS_SECONDS = 0.5


@dataclass
class Telling:
    """For one stack. `doing` is the word for it, such as `keeping`."""

    doing: str
    report: Report
    processes: Processes
    _last: float = field(default=0.0)

    def milestone(self, text: str) -> None:
        """Something that belongs in the log."""
        self.report.progress(StackProgress(self.report.stack, self.doing, text, milestone=True))

    def detail(self, text: str) -> None:
        """How far it is; soon replaced by the next."""
        if time.monotonic() - self._last > _BETWEEN_DETAILS_SECONDS:
            self._last = time.monotonic()
            self.report.progress(StackProgress(self.report.stack, self.doing, text))

    def counting(self, table: str) -> None:
        """Whose rows are counted. Raises RunInterruptedError when the operator wants to stop."""
        self.require_going_on()
        self.detail(f"counting the rows of {table}")

    def copied(self, progress: Progress) -> None:
        """How many objects are copied."""
        self.detail(
            f"{progress.versions_done:,} of {progress.versions:,} versions of objects,"
            f" {size(progress.bytes_done)} of {size(progress.bytes)}"
        )

    def pause(self) -> None:
        """Wait a little. Raises RunInterruptedError when the operator wants to stop."""
        self.require_going_on()
        time.sleep(_POLL_SECONDS)

    def require_going_on(self) -> None:
        """Raises RunInterruptedError when the operator wants to stop."""
        if self.processes.stopping:
            raise RunInterruptedError("interrupted")
