"""Terraform's processes: started together, stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


_POLL_SECONDS = 0.05


class RunInterruptedError(OperatorError):
    """The operator stopped the run."""


@dataclass(frozen=True)
class Outliving:
    """How a process ends its work by itself should we be killed: a pipe would break, and take it
    along in the middle. So it writes to a file, which is followed; `started` is told its id.
    """

    transcript: Path
    started: Callable[[int], None]


class Processes:
    """The processes that run now. They get no signal of the terminal, only ours."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopping = False

    def run(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        outliving: Outliving | None = None,
        errors: TextIO | None = None,
    ) -> int:
        """Run a command to its end and give its exit code; each line of its output as it comes.
        `errors` is for what it writes to standard error, which is output too otherwise.
        """
        if outliving is None:
            process = self._start(command, directory, environment, subprocess.PIPE, errors)
            assert process.stdout is not None
            lines: Iterable[str] = process.stdout
        else:
            with outliving.transcript.open("a") as output:
                begin = output.tell()
                process = self._start(command, directory, environment, output, errors)
            outliving.started(process.pid)
            lines = _follow(outliving.transcript, begin, process)
        try:
            for line in lines:
                on_line(line.rstrip("\n"))
            return process.wait()
        except BaseException:
            # Such as Ctrl-C: alone, it would work on behind whoever thinks it has stopped.
            _end(process)
            raise
        finally:
            with self._lock:
                self._running.discard(process)

    def interrupt(self) -> None:
        """Ask every process to stop cleanly, and let none start."""
        with self._lock:
            self.stopping = True
            for process in self._running:
                # To Terraform alone: it lets its provider finish what is under way.
                process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End every process and its providers at once; state may be left locked."""
        with self._lock:
            self.stopping = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _start(
        self,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        output: TextIO | int,
        errors: TextIO | None,
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self.stopping:
                raise RunInterruptedError("interrupted before it started")
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors or subprocess.STDOUT,
                text=True,
                # A group of its own: Terraform gives up at once when it is interrupted twice, and
                # the terminal interrupts every process of our group.
                process_group=0,
            )
            self._running.add(process)
            return process


def _end(process: subprocess.Popen[str]) -> None:
    """Wait until a process has stopped cleanly; a second Ctrl-C kills it."""
    try:
        process.send_signal(signal.SIGINT)
        process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise


def _follow(transcript: Path, begin: int, process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that a process writes to a file, until it has ended."""
    with transcript.open() as source:
        source.seek(begin)
        partial = ""
        while True:
            ended = process.poll() is not None
            *lines, partial = (partial + source.read()).split("\n")
            yield from lines
            if ended:
                yield from [partial] if partial else []
                return
            time.sleep(_POLL_SECONDS)
