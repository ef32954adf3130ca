"""What a run did, on disk as it happens, so that another command can go on where it was cut off."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from trading.engine.events import Event, StackFinished, StackStarted, State, TerraformStarted
from trading.engine.order import Order, Verb, targets
from trading.state.holder import operator, this_machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_START_TOLERANCE_SECONDS = 2

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TerraformProcess:
    """A process by its id and the moment it started: ids are used again, the pair is not. Only on its
    machine do they say anything.
    """

    process_id: int
    created: float
    machine: str

    @property
    def is_of_this_machine(self) -> bool:
        """Whether what is not seen here is dead."""
        return self.machine == this_machine()

    def living(self) -> psutil.Process | None:
        """The process, while it lives."""
        try:
            process = psutil.Process(self.process_id)
            # The system's clock may have been set in between.
            same = abs(process.create_time() - self.created) < _START_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass
class RecordedStep:
    """What the journal says of one stack. `state` is None while it had not ended, `keep` where nobody
    was asked about data yet.
    """

    stack: str
    arguments: tuple[str, ...] = ()
    verb: Verb = Verb.DEPLOY
    keep: bool | None = None
    asked: str = ""
    state: State | None = None
    transcript: Path | None = None
    terraform: TerraformProcess | None = None


@dataclass
class RecordedRun:
    """A run as its journal tells it, whether or not it came to its end."""

    name: str
    started: datetime
    verb: Verb
    target: str
    allow_replace: frozenset[str] = frozenset()
    steps: dict[str, RecordedStep] = field(default_factory=dict)

    @property
    def left(self) -> list[RecordedStep]:
        """The steps that are not done."""
        return [step for step in self.steps.values() if step.state is not State.DONE]

    @property
    def partial(self) -> bool:
        """Whether it left all its stacks but for a part as they were, as a drain does."""
        return all(targets(step.arguments) for step in self.steps.values())


class Journal:
    """Writes a run's journal, a line of JSON for each event; observes the run."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"{name}.jsonl").open("a")

    def begin(self, order: Order, target: str, allow_replace: frozenset[str]) -> None:
        """Record what is to be done before any of it is."""
        self._write(
            "run",
            verb=order.verb,
            target=target,
            allow_replace=sorted(allow_replace),
            operator=operator(),
            process_id=os.getpid(),
            steps=[
                {
                    "stack": step.name,
                    "verb": step.verb,
                    "arguments": step.arguments,
                    "keep": step.keep,
                    "asked": step.asked,
                }
                for step in order.steps
            ],
        )

    def __call__(self, event: Event) -> None:
        """Record an event that a later run must know of."""
        match event:
            case StackStarted():
                self._write("started", stack=event.stack, transcript=str(event.transcript))
            case TerraformStarted():
                try:
                    created = psutil.Process(event.process_id).create_time()
                except psutil.NoSuchProcess:
                    return  # It has ended already.
                self._write(
                    "terraform",
                    stack=event.stack,
                    process_id=event.process_id,
                    created=created,
                    machine=this_machine(),
                )
            case StackFinished():
                self._write("finished", stack=event.stack, state=event.state, reason=event.reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _write(self, kind: str, **what: Any) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"event": kind, "at": moment, **what}) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def last_run(folder: Path) -> RecordedRun | None:
    """The newest run of a workspace, or the one before when it was partial and came to its end: that
    settles nothing of what another one left, but for other partial ones.
    """
    newest, settled = None, False
    for run in runs(folder):
        newest = newest or run
        if not run.partial or (run.left and not settled):
            return run
        settled = True
    return newest


def runs(folder: Path) -> Iterator[RecordedRun]:
    """All runs of a workspace that began and can be read, the newest first."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        if run := read_run(path):
            yield run


def read_run(path: Path) -> RecordedRun | None:
    """A journal; None when the run was cut off before it began, or it is none that we write: then
    that is said.
    """
    try:
        entries = list(_entries(path))
        return _run(path.stem, entries[0], entries[1:]) if entries else None
    except (LookupError, TypeError, ValueError):
        _say_unreadable(path)
        return None


@cache
def _say_unreadable(path: Path) -> None:
    """Once, for every stack looks into all journals."""
    _logger.warning("%s cannot be read: left out", path)


def _run(name: str, first: dict[str, Any], entries: Sequence[dict[str, Any]]) -> RecordedRun:
    run = RecordedRun(
        name,
        datetime.fromisoformat(first["at"]),
        Verb(first["verb"]),
        first["target"],
        frozenset(first["allow_replace"]),
        {
            step["stack"]: RecordedStep(
                step["stack"],
                tuple(step["arguments"]),
                Verb(step["verb"]),
                step.get("keep"),
                step.get("asked", ""),
            )
            for step in first["steps"]
        },
    )
    for entry in entries:
        _take(run.steps[entry["stack"]], entry)
    return run


def _take(step: RecordedStep, entry: dict[str, Any]) -> None:
    match entry["event"]:
        case "started":
            step.transcript = Path(entry["transcript"])
        case "terraform":
            machine = entry.get("machine", "")
            step.terraform = TerraformProcess(entry["process_id"], entry["created"], machine)
        case "finished":
            step.state = State(entry["state"])


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return  # The last line, cut off.
