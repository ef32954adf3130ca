"""What a handler is asked to do in its execution environment, and how long that takes it."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from pymysql.connections import Connection

from benchmarks.lambda_requests import EXPECTED, MIX, POST, Client

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class DatabaseClock:
    """Counts the time that PyMySQL waits for and talks with the server, whoever calls it."""

    _METHODS = ("connect", "close", "query", "begin", "commit", "rollback", "ping")

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def watch(self, connection: type[Any]) -> None:
        """Measure all connections of a class from now on."""
        for name in self._METHODS:
            setattr(connection, name, self._timed(getattr(connection, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            if self._inside:
                return method(*arguments, **keywords)
            self._inside, began = True, time.perf_counter()
            try:
                return method(*arguments, **keywords)
            finally:
                self.seconds += time.perf_counter() - began
                self._inside = False

        return timed


@dataclass(frozen=True)
class InvocationContext:
    """What Lambda passes as the second argument."""

    aws_request_id: str
    function_name: str = "trade-api"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:trade-api"

    def get_remaining_time_in_millis(self) -> int:
        """As long as a function has at most behind API Gateway."""
        return 30_000


class Worker:
    """Answers commands. Times are in seconds, of one request each: in all, and the database's."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._clock = DatabaseClock()
        self._clock.watch(Connection)
        self._client = Client()

    def serve(self, first_answer: object) -> None:
        """Do what the lines of standard input ask for, and answer each on standard output.

        What the handler itself prints goes nowhere.
        """
        answers = os.fdopen(os.dup(1), "w")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        answer = first_answer
        while True:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
            line = sys.stdin.readline()
            if not line:
                return
            command = json.loads(line)
            answer = getattr(self, command.pop("do"))(**command)

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the handler returns for an event of any kind."""
        return self._handler(event, InvocationContext(str(uuid.uuid4())))

    def requests(self, endpoint: str, count: int) -> dict[str, Any]:
        """Requests of one endpoint, and how long each took."""
        times = [self._request(endpoint) for _ in range(count)]
        return {"times": times}

    def load(self, at: float, seconds: float, hot: bool) -> dict[str, Any]:
        """Requests without a pause, from a moment of the monotonic clock on; hot: all to one position."""
        self._client.accounts, self._client.symbols = (1, 1) if hot else (400, 25)
        mix = {POST: 1} if hot else MIX
        plan = self._client.random.choices(list(mix), list(mix.values()), k=10_000)
        times: list[tuple[float, float]] = []
        time.sleep(max(0, at - time.monotonic()))
        began, processor = time.monotonic(), time.process_time()
        while time.monotonic() < at + seconds:
            times.append(self._request(plan[len(times) % len(plan)]))
        elapsed, used = time.monotonic() - began, time.process_time() - processor
        return {"times": times, "elapsed": elapsed, "processor": used}

    def _request(self, endpoint: str) -> tuple[float, float]:
        event = self._client.event(endpoint)
        before, began = self._clock.seconds, time.perf_counter()
        response = self.invoke(event)
        total = time.perf_counter() - began
        if response["statusCode"] != EXPECTED[endpoint]:
            raise RuntimeError(f"{endpoint} was answered with {response}")
        if endpoint == POST:
            self._client.trade_ids.append(json.loads(response["body"])["trade_id"])
        return total, self._clock.seconds - before
