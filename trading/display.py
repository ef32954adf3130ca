"""Show a run: a live table on a terminal, plain lines elsewhere, JSON for machines.

All are fed by the run's events, and none knows how the run is made.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trading.engine.events import (
    Event,
    Interrupted,
    ResourceFinished,
    ResourceStarted,
    StackFinished,
    StackPlanned,
    StackProgress,
    StackStarted,
)
from trading.engine.order import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.console import Console, RenderableType

    from trading.engine.order import Order

COLOURS = {"done": "green", "failed": "bold red", "skipped": "yellow", "waiting": "dim"}

_WORKING = {
    Verb.PLAN: "planned",
    Verb.DEPLOY: "applying",
    Verb.DESTROY: "destroying",
    Verb.KEEP: "keeping",
}


@dataclass(frozen=True)
class Showing:
    """How much the operator wants to see, and whether a machine reads it."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def silent(self) -> bool:
        """Whether nothing is to be said beside the result."""
        return self.json or self.quiet


@dataclass
class _Row:
    state: str = "waiting"
    started: float = 0.0
    seconds: float | None = None
    operations: int | None = None
    finished: int = 0
    active: dict[str, float] = field(default_factory=dict)
    beside: str = ""
    remark: str = ""

    def elapsed(self) -> str:
        if not self.started:
            return ""
        seconds = time.monotonic() - self.started if self.seconds is None else self.seconds
        return f"{seconds:.0f} s"

    def progress(self) -> str:
        return "" if self.operations is None else f"{self.finished}/{self.operations}"

    def slowest(self) -> str:
        """The operation that has been under way longest, and for how long; or what is done beside
        Terraform.
        """
        if not self.active:
            return self.beside
        address = min(self.active, key=lambda address: self.active[address])
        return f"{address} {time.monotonic() - self.active[address]:.0f} s"


class RunTable:
    """Every stack of a run in one table that follows the events; `working` says what is done to each."""

    def __init__(self, working: Mapping[str, str]) -> None:
        self.rows = {name: _Row() for name in working}
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
                row.state, row.operations = self.working[event.stack], event.operations
                row.active.clear()
                row.beside = ""
            case StackProgress():
                row.state, row.beside = event.doing, event.text
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
            state = Text(row.state, style=COLOURS.get(row.state, "cyan"))
            table.add_row(name, state, row.progress(), row.elapsed(), row.remark or row.slowest())
        return Group(table, Text(self.notice)) if self.notice else table


class LiveDisplay:
    """The table, kept up to date in place; a summary takes its place at the end."""

    def __init__(self, console: Console, working: Mapping[str, str]) -> None:
        self._table = RunTable(working)
        self._live = Live(self._table, console=console, refresh_per_second=4, transient=True)

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


class _PlainDisplay:
    """What needs no tidying up at the end."""

    def __init__(self, console: Console, working: Mapping[str, str]) -> None:
        self._console = console
        self._width = max(map(len, working), default=0)
        self._working = working
        self._begin = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Only an interruption is told."""
        if isinstance(event, Interrupted):
            self._console.print(interruption(event), highlight=False, markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class QuietDisplay(_PlainDisplay):
    """Nothing while it runs."""


class LineDisplay(_PlainDisplay):
    """A line when a stack starts, is planned and ends, and for what is done beside: for logs and pipes."""

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        match event:
            case StackStarted():
                self._say(event.stack, "planning")
            case StackPlanned() if event.operations:
                changes = plural(event.operations, "change")
                self._say(event.stack, f"{self._working[event.stack]} {changes}")
            case StackProgress() if event.milestone:
                self._say(event.stack, f"{event.doing}: {event.text}")
            case StackFinished():
                seconds = f" in {event.seconds:.0f} s" if event.seconds else ""
                self._say(event.stack, f"{event.state}{seconds}: {remark(event)}")

    def _say(self, stack: str, text: str) -> None:
        elapsed = time.monotonic() - self._begin
        line = f"{elapsed:5.0f} s  {stack:{self._width}}  {text}"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class VerboseDisplay(LineDisplay):
    """A line for every resource, too."""

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        match event:
            case ResourceStarted():
                self._say(event.stack, f"  {event.address} ...")
            case ResourceFinished():
                self._say(event.stack, f"  {event.address} done")


class JsonDisplay(_PlainDisplay):
    """A JSON object on a line of its own for every event, named by its kind."""

    def __call__(self, event: Event) -> None:
        write_event(self._console, type(event).__name__, **asdict(event))


def write_event(console: Console, kind: str, **what: object) -> None:
    """One event for machines, on one line that rich neither folds nor colours."""
    console.file.write(json.dumps({"event": _snake_case(kind), **what}, default=str) + "\n")
    console.file.flush()


def display(console: Console, order: Order, showing: Showing) -> LiveDisplay | _PlainDisplay:
    """What was asked for; else what suits the console: live on a terminal, lines elsewhere."""
    kind: type[LiveDisplay | _PlainDisplay] = (
        LiveDisplay if console.is_terminal and not showing.verbose else LineDisplay
    )
    if showing.verbose:
        kind = VerboseDisplay
    if showing.quiet:
        kind = QuietDisplay
    if showing.json:
        kind = JsonDisplay
    return kind(console, {step.name: _WORKING[step.verb] for step in order.steps})


def remark(result: StackFinished) -> str:
    """What to say of a stack beside how it ended."""
    if result.reason:
        return result.reason
    if result.changes.total:
        return str(result.changes)
    return "outputs change" if result.outputs_change else "up to date"


def interruption(event: Interrupted) -> str:
    """What an interruption does."""
    running = ", ".join(event.running) or "nothing"
    if event.forced:
        return f"Killed: {running}. A state may be left locked."
    return f"Stopping: waiting for Terraform to finish cleanly in {running}. Ctrl-C again kills."


def plural(count: int, what: str = "stack") -> str:
    """So many stacks, or whatever."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip(
        "_"
    )
