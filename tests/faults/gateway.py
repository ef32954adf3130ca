"""API Gateway's part: events to the function, answers to the clients, and an account of both."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults.environments import EnvironmentLostError
from tests.lambda_source.documented import assert_documented
from tests.lambda_source.events import Answer, proxy_event

if TYPE_CHECKING:
    from tests.faults.environments import Function

_MOST_AT_ONE_TIME = 64


@dataclass(frozen=True)
class Invocation:
    """A request as the function saw it; ``status`` None when the function was killed at it."""

    operation: str
    began: float
    ended: float
    status: int | None


class Gateway:
    """Takes the clients' requests, each in a thread of its own."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._pool = ThreadPoolExecutor(_MOST_AT_ONE_TIME)
        self._lock = threading.Lock()
        self.invocations: list[Invocation] = []
        self.violations: list[str] = []

    def send(self, method: str, path: str, **parts: Any) -> Future[Answer | None]:
        """The answer to come; None when the function was killed.

        A client that does not wait for it lets the function go on, as on AWS.
        """
        event = proxy_event(method, path, **parts)
        event["requestContext"]["requestId"] = str(uuid.uuid4())
        return self._pool.submit(self._answer, event)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _answer(self, event: dict[str, Any]) -> Answer | None:
        began = time.monotonic()
        try:
            response = self._function.invoke(event)
        except EnvironmentLostError:
            response = None
        ended = time.monotonic()
        wrong = response and _wrong_with(event, response)
        operation = f"{event['httpMethod']} {event['resource']}"
        status = response.get("statusCode") if response else None
        with self._lock:
            self.invocations.append(Invocation(operation, began, ended, status))
            if wrong:
                self.violations.append(
                    f"{operation} answered {wrong}: {json.dumps(response)[:400]}"
                )
        return Answer.from_response(response) if response and not wrong else None


def _wrong_with(event: dict[str, Any], response: dict[str, Any]) -> str | None:
    """What an answer has that none may have."""
    try:
        assert_documented(event, response)
        body = json.loads(response["body"])
        if "error" in body:
            assert body["error"]["request_id"] == event["requestContext"]["requestId"], (
                "another's id"
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer
        return f"what the document does not have ({type(error).__name__} {str(error)[:200]})"
    if response["statusCode"] == 503 and not int(response["headers"].get("Retry-After", 0)) > 0:
        return "a 503 without Retry-After"
    if response["statusCode"] not in {200, 201, 503}:
        return f"{response['statusCode']} to a correct request"
    return None
