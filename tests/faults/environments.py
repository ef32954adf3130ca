"""Lambda's part: execution environments, each of which answers one request at a time and is else frozen."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.faults.bootstrap import CLOCK, LAMBDA_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

MOST_ENVIRONMENTS = 512


class EnvironmentLostError(Exception):
    """The environment ended before it answered."""


class ExecutionEnvironment:
    """One process with the handler in it."""

    def __init__(self, path: str, number: int) -> None:
        self.number = number
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self.pid = int(self._exchange(number))
        self._signal(signal.SIGSTOP)

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The handler's answer.

        Raises:
            EnvironmentLostError: there is none, or not in time.
        """
        self._signal(signal.SIGCONT)
        # Lambda's own limit: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
        self._socket.settimeout(LAMBDA_TIMEOUT_SECONDS)
        answer: dict[str, Any] = self._exchange(event)
        self._signal(signal.SIGSTOP)
        return answer

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End it, and forget it."""
        self.kill()
        self._lines.close()
        self._socket.close()

    def connections(self, hosts: set[str]) -> int:
        """How many TCP connections it has to these addresses."""
        connections = psutil.Process(self.pid).net_connections("tcp")
        return sum(bool(one.raddr) and one.raddr.ip in hosts for one in connections)

    def _exchange(self, value: object) -> Any:
        try:
            self._socket.sendall(json.dumps(value).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise EnvironmentLostError from error
        if not line:
            raise EnvironmentLostError
        return json.loads(line)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


class Function:
    """The function: as many environments as there are requests at one time."""

    def __init__(
        self, folder: Path, code: Path, handler: str, variables: Mapping[str, str]
    ) -> None:
        folder.mkdir()
        self._path = str(folder / "function")
        self._clocks = folder / "clocks"
        self._clocks.write_bytes(bytes(CLOCK.size * MOST_ENVIRONMENTS))
        self._lock = threading.Lock()
        self._idle: list[ExecutionEnvironment] = []
        self._busy: list[ExecutionEnvironment] = []
        self._started = 0
        self._parent = self._start(folder, code, handler, variables)

    def _start(
        self, folder: Path, code: Path, handler: str, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        bootstrap = Path(__file__).with_name("bootstrap.py")
        # -P: as on Lambda, nothing is imported from where the bootstrap is.
        command = [sys.executable, "-P", str(bootstrap), self._path, str(self._clocks), handler]
        with (folder / "function.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**variables, "PYTHONPATH": str(code), "LAMBDA_TASK_ROOT": str(code)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not Path(self._path).exists():
            if process.poll() is not None:
                raise RuntimeError(f"the function did not start: {folder / 'function.log'}")
            time.sleep(0.02)
        return process

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an event in an environment that is free, or in a new one. Raises EnvironmentLostError."""
        environment = self._take()
        try:
            answer = environment.invoke(event)
        except EnvironmentLostError:
            environment.close()
            with self._lock:
                self._busy.remove(environment)
            raise
        with self._lock:
            self._busy.remove(environment)
            self._idle.append(environment)
        return answer

    def kill_one(self, random: Random) -> bool:
        """Kill an environment at its work; whether one was at work."""
        with self._lock:
            busy = list(self._busy)
            if busy:
                random.choice(busy).kill()
        return bool(busy)

    def step_clocks(self, random: Random, seconds: float) -> None:
        """Set the clocks of about half of all environments off by up to so many seconds, either way."""
        with self._clocks.open("r+b") as clocks:
            for number in range(MOST_ENVIRONMENTS):
                if random.random() < 0.5:
                    clocks.seek(number * CLOCK.size)
                    clocks.write(CLOCK.pack(random.uniform(-seconds, seconds)))

    def environments(self) -> list[ExecutionEnvironment]:
        """Those that wait for work."""
        with self._lock:
            return list(self._idle)

    def close(self) -> None:
        """End all of them."""
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(timeout=10)

    def _take(self) -> ExecutionEnvironment:
        with self._lock:
            if self._idle:
                # The last one used, so that the others idle for long.
                environment = self._idle.pop()
            else:
                self._started += 1
                environment = ExecutionEnvironment(self._path, self._started % MOST_ENVIRONMENTS)
            self._busy.append(environment)
            return environment
