"""Show a run: a live table on a terminal, plain lines elsewhere. Both are fed by the run's events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trading.engine.events import (
    Changes,
    Event,
    Interrupted,
    ResourceFinished,
    ResourceStarted,
    StackFinished,
    StackPlanned,
    StackStarted,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console, RenderableType

_COLOURS = {"done": "green", "failed": "bold red", "skipped": "yellow", "waiting": "dim"}


@dataclass
class _Row:
    state: str = "waiting"
    started: float = 0.0
    seconds: float | None = None
    operations: int | None = None
    finished: int = 0
    active: dict[str, float] = field(default_factory=dict)
    remark: str = ""

    def elapsed(self) -> str:
        if not self.started:
            return ""
        seconds = time.monotonic() - self.started if self.seconds is None else self.seconds
        return f"{seconds:.0f} s"

    def progress(self) -> str:
        return "" if self.operations is None else f"{self.finished}/{self.operations}"

    def slowest(self) -> str:
        """The operation that has been under way longest."""
        return min(self.active, key=lambda address: self.active[address], default="")


class RunTable:
    """Every stack of a run in one table that follows the events."""

    def __init__(self, names: Sequence[str], working: str) -> None:
        self.rows = {name: _Row() for name in names}
        self.working = working
        self.notice = ""

    def update(self, event: Event) -> None:
        """Take one event in."""
        if isinstance(event, Interrupted):
            self.notice = interruption(event)
            return
        row = self.rows[event.stack]
        match event:
            case StackStarted():
                row.state, row.started = "planning", time.monotonic()
            case StackPlanned():
                row.state, row.operations = self.working, event.operations
                row.active.clear()
            case ResourceStarted():
                row.active[event.address] = time.monotonic()
            case ResourceFinished():
                row.active.pop(event.address, None)
                row.finished += event.planned
            case StackFinished():
                row.state, row.seconds, row.remark = event.state, event.seconds, remark(event)
                row.active.clear()

    def __rich__(self) -> RenderableType:
        table = Table(box=None, pad_edge=False)
        for heading in ("Stack", "State"):
            table.add_column(heading, no_wrap=True)
        for heading in ("Resources", "Time"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("", overflow="ellipsis", no_wrap=True, style="dim")
        for name, row in self.rows.items():
            state = Text(row.state, style=_COLOURS.get(row.state, "cyan"))
            table.add_row(name, state, row.progress(), row.elapsed(), row.remark or row.slowest())
        return Group(table, Text(self.notice)) if self.notice else table


class LiveDisplay:
    """The table, kept up to date in place."""

    def __init__(self, console: Console, names: Sequence[str], working: str) -> None:
        self._table = RunTable(names, working)
        self._live = Live(self._table, console=console, refresh_per_second=4)

    def __call__(self, event: Event) -> None:
        self._table.update(event)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)


class LineDisplay:
    """A line when a stack starts, is planned and ends: for logs and pipes."""

    def __init__(self, console: Console, names: Sequence[str], working: str) -> None:
        self._console = console
        self._width = max((len(name) for name in names), default=0)
        self._working = working
        self._begin = time.monotonic()

    def __call__(self, event: Event) -> None:
        match event:
            case StackStarted():
                self._say(event.stack, "planning")
            case StackPlanned() if event.operations:
                self._say(event.stack, f"{self._working} {event.operations} changes")
            case StackFinished():
                seconds = f" in {event.seconds:.0f} s" if event.seconds else ""
                self._say(event.stack, f"{event.state}{seconds}: {remark(event)}")
            case Interrupted():
                self._console.print(interruption(event), highlight=False, markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _say(self, stack: str, text: str) -> None:
        elapsed = time.monotonic() - self._begin
        line = f"{elapsed:5.0f} s  {stack:{self._width}}  {text}"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def display(console: Console, names: Sequence[str], working: str) -> LiveDisplay | LineDisplay:
    """What suits the console: the live table on a terminal, lines elsewhere."""
    kind = LiveDisplay if console.is_terminal else LineDisplay
    return kind(console, names, working)


def remark(result: StackFinished) -> str:
    """What to say of a stack beside how it ended."""
    if result.state is State.DONE:
        return str(result.changes) if result.changes.total else "up to date"
    return result.reason


def interruption(event: Interrupted) -> str:
    """What an interruption does."""
    running = ", ".join(event.running) or "nothing"
    if event.forced:
        return f"Killed: {running}. A state may be left locked."
    return f"Stopping: waiting for Terraform to finish cleanly in {running}. Ctrl-C again kills."


def plural(count: int) -> str:
    """So many stacks."""
    return f"{count} stack{'' if count == 1 else 's'}"


def summarize(console: Console, results: Sequence[StackFinished]) -> None:
    """After a run: what failed and why, what was skipped, and what changed in all."""
    for result in results:
        if result.state is State.FAILED:
            console.print(f"[bold red]failed[/] {result.stack}:", result.reason, soft_wrap=True)
            console.print(f"  log: {result.log}", highlight=False, soft_wrap=True)
    counts = {state: sum(result.state is state for result in results) for state in State}
    if counts[State.DONE] == len(results):
        changes = sum((result.changes for result in results), Changes())
        said = f"{changes} resources" if changes.total else "nothing changed"
        console.print(f"{plural(len(results))} done: {said}", highlight=False)
    else:
        console.print(
            ", ".join(f"{count} {state}" for state, count in counts.items() if count),
            highlight=False,
        )
