"""Who holds a lock: a process of some operator on some machine, and whether it still lives."""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from stacks.paths import PROJECT_ROOT

# The system's clock may be set between two reckonings of when a process started.
_START_TOLERANCE_SECONDS = 2


@dataclass(frozen=True)
class Holder:
    """A run of `trading`. Process ids are used again, so the process's start (seconds since the epoch)
    belongs to it, and so does all of `this_machine`. What is not known of it stays as it is here.
    """

    operator: str = "somebody"
    machine: str = ""
    process_id: int = 0
    process_started: float = 0.0
    since: str = ""
    verb: str = "a run"
    folder: str = "an unknown folder"

    @classmethod
    def this_process(cls, verb: str) -> Holder:
        """This process, about to hold a lock for a verb."""
        return cls(
            operator=operator(),
            machine=this_machine(),
            process_id=os.getpid(),
            process_started=psutil.Process().create_time(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            verb=verb,
            folder=str(PROJECT_ROOT),
        )

    @classmethod
    def parse(cls, text: str) -> Holder:
        """A holder from its JSON, as far as it can be read: another version of `trading` may have
        written it, and a power failure may have cut it off.
        """
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        known = told if isinstance(told, dict) else {}
        return cls(
            **{
                field.name: known[field.name]
                for field in fields(cls)
                if isinstance(known.get(field.name), type(field.default))
            }
        )

    @property
    def began(self) -> datetime | None:
        """The moment of `since`."""
        try:
            return datetime.fromisoformat(self.since).astimezone(UTC)
        except ValueError:
            return None

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def written(self) -> str:
        """What `parse` reads."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    def is_alive(self) -> bool | None:
        """Whether the process lives; None when it is another machine's or container's, or not known."""
        known = self.process_id > 0 and self.process_started > 0
        if self.machine != this_machine() or not known:
            return None
        try:
            process = psutil.Process(self.process_id)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return abs(process.create_time() - self.process_started) < _START_TOLERANCE_SECONDS
        except psutil.NoSuchProcess:
            return False

    def __str__(self) -> str:
        since = describe_since(self.began) if self.began else "since nobody knows when"
        process = self.process_id or "unknown"
        return f"{self.verb} by {self.operator} {since}, process {process} in {self.folder}"


def operator() -> str:
    """The person at this machine, as Terraform names its lock holders: `alice@laptop`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())  # A container's user may have no name.
    return f"{name}@{socket.gethostname()}"


def this_machine() -> str:
    """What a process id is good for: it tells this machine from another one of the same name, and from
    a container that has both its name and its network card's number.
    """
    parts = [socket.gethostname(), f"{uuid.getnode():012x}"]
    boot, processes = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if boot.is_file() and processes.exists():  # Linux: see pid_namespaces(7) and namespaces(7).
        parts += [boot.read_text().strip(), str(processes.stat().st_ino)]
    return "/".join(parts)


def describe_since(moment: datetime, now: datetime | None = None) -> str:
    """Such as `since 12:03 UTC (7 min)`; with the date, unless it is today's."""
    now = now or datetime.now(UTC)
    moment = moment.astimezone(UTC)
    form = "%H:%M UTC" if moment.date() == now.date() else "%Y-%m-%d %H:%M UTC"
    return f"since {moment.strftime(form)} ({describe_age(moment, now)})"


def describe_age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that says something: `40 s`, `7 min`, `5 h`, `3 days`."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds / 86400)} days"
