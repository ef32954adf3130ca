"""What goes wrong between the function and its database, and how it looks from outside."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from trade_service.handlers import trade_api

from tests.lambda_source.events import Answer, InvocationContext, proxy_event, trade_body
from tests.lambda_source.servers import HOST, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

# What the handler keeps of the invocation's time for its own answer.
RESERVE_SECONDS = 2.0
FUNCTIONS_USERS = (USER, "trade_api", "trade_reporter")


class TcpProxy:
    """Stands between the function and a server; what goes through it can be cut, held and slowed."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        # Of what the server sends on one connection, so much gets through; the rest is kept back.
        self.answer_limit: int | None = None
        self.seconds_per_byte = 0.0
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection, at the client's end alone: the server goes on with what it was asked."""
        for client in self._open:
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Not by its number alone: the forwarding thread still waits on it.
                client.shutdown(socket.SHUT_RD)
                client.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                try:
                    server = socket.create_connection(self.target, timeout=5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                for forward in (self._forward_requests, self._forward_answers):
                    threading.Thread(target=forward, args=(client, server), daemon=True).start()

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)

    def _forward_answers(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                while data and self.answer_limit is not None and sent >= self.answer_limit:
                    time.sleep(0.01)
                room = len(data) if self.answer_limit is None else self.answer_limit - sent
                now, later = data[:room], data[room:]
                self._pass_on(client, now)
                sent += len(now)
                while later and self.answer_limit is not None:
                    time.sleep(0.01)
                self._pass_on(client, later)
                sent += len(later)
            client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, data: bytes) -> None:
        if not self.seconds_per_byte:
            client.sendall(data)
            return
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(self.seconds_per_byte)


@dataclass(frozen=True)
class ShortInvocation(InvocationContext):
    """An invocation with so much time left for the request itself."""

    seconds: float = 0.0

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds + RESERVE_SECONDS) * 1000)


@dataclass(frozen=True)
class Timed:
    """An answer, and how long it took."""

    answer: Answer
    seconds: float


def call_within(seconds: float, method: str, path: str, **parts: Any) -> Timed:
    """Call the API when so much time is left for it."""
    context = cast("LambdaContext", ShortInvocation(seconds=seconds))
    began = time.monotonic()
    response = trade_api.handler(proxy_event(method, path, **parts), context)
    return Timed(Answer.from_response(response), time.monotonic() - began)


@contextmanager
def stopped(server: MariaDbServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def frozen(server: MariaDbServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


def kill_connections(server: MariaDbServer) -> int:
    """End all connections of the functions' users; how many there were."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE user IN %s", (FUNCTIONS_USERS,)
        )
        rows = cursor.fetchall()
        for row in rows:
            cursor.execute(f"KILL CONNECTION {row['id']}")
    return len(rows)


def set_password(server: MariaDbServer, password: str) -> None:
    """Give all users another password, and end the connections made with the old one."""
    with server.connect() as connection, connection.cursor() as cursor:
        for user in FUNCTIONS_USERS:
            cursor.execute(f"ALTER USER IF EXISTS '{user}'@'%%' IDENTIFIED BY %s", (password,))
    kill_connections(server)


def assert_unavailable(api: Call, code: str = "database_unavailable") -> None:
    """Every route that needs the database answers 503, in form."""
    for method, path, parts in (
        ("POST", "/trades", {"body": trade_body()}),
        ("POST", "/trades/batch", {"body": {"trades": [trade_body()]}}),
        ("GET", "/trades", {"query": {"account": "ACC-1"}}),
        ("GET", "/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", {}),
        ("POST", "/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C/cancel", {}),
        ("GET", "/positions/ACC-1", {}),
        ("GET", "/health", {}),
    ):
        assert_refused(api(method, path, **parts), code)


def assert_refused(answer: Answer, code: str = "database_unavailable") -> None:
    assert (answer.status, answer.error_code) == (503, code)
    assert int(answer.headers["Retry-After"]) > 0
