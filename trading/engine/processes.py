"""Terraform's processes: started together, stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class RunInterruptedError(OperatorError):
    """The operator stopped the run."""


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
    ) -> int:
        """Run a command to its end and give its exit code; each line of its output as it comes."""
        process = self._start(command, directory, environment)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                on_line(line.rstrip("\n"))
            return process.wait()
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
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self.stopping:
                raise RunInterruptedError("interrupted before it started")
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # A group of its own: Terraform gives up at once when it is interrupted twice, and
                # the terminal interrupts every process of our group.
                process_group=0,
            )
            self._running.add(process)
            return process
