"""What goes wrong between the function and its database, and how it looks from outside."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from trade_service import services
from trade_service.configuration import configuration
from trade_service.handlers import schema_migrator, trade_api

from tests.lambda_source.events import CONTEXT, Answer, InvocationContext, proxy_event, trade_body
from tests.lambda_source.servers import HOST, SECOND_HOST, USER

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    import pymysql
    import pytest
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pymysql.cursors import DictCursor

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer

# What the handler keeps of the invocation's time for its own answer.
RESERVE_SECONDS = 2.0
# A trade that another client is about to record.
HOLD_ORDER = (
    "INSERT INTO trades (trade_id, account, client_order_id, symbol, side, quantity, price, currency, "
    "created_at) VALUES ('held', 'ACC-1', 'order-1', 'AAPL', 'BUY', 1, 1, 'USD', NOW(6))"
)
FUNCTIONS_USERS = (USER, "trade_api", "trade_reporter")


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


def query(
    server: MariaDbServer, statement: str, database_name: str | None = None
) -> list[dict[str, Any]]:
    """The rows of a statement, past the code under test; by default of the test's own database."""
    with server.connect(database_name or configuration().database_name) as connection:
        connection.autocommit(True)
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


def count_trades(server: MariaDbServer, database_name: str) -> int:
    (row,) = query(server, "SELECT COUNT(*) AS trades FROM trades", database_name)
    return int(row["trades"])


def last_request(log: io.StringIO) -> dict[str, Any]:
    """The line of the last request."""
    lines = map(json.loads, log.getvalue().splitlines())
    *_, last = (line for line in lines if line["message"] == "request")
    found: dict[str, Any] = last
    return found


@contextmanager
def held(
    server: MariaDbServer, database_name: str, *statements: str
) -> Iterator[pymysql.Connection[DictCursor]]:
    """Another client's transaction, with the locks that its statements took."""
    with server.connect(database_name) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield connection
        connection.rollback()


def use_second_as_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with the schema, and the second server the reader."""
    monkeypatch.delenv("DATABASE_USER")
    monkeypatch.setenv("DATABASE_WRITER_HOST", SECOND_HOST)
    services.forget()
    schema_migrator.handler({}, CONTEXT)
    monkeypatch.setenv("DATABASE_USER", "trade_api")
    monkeypatch.setenv("DATABASE_WRITER_HOST", HOST)
    monkeypatch.setenv("DATABASE_READER_HOST", SECOND_HOST)
    services.forget()


@contextmanager
def read_only(server: MariaDbServer) -> Iterator[None]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only = ON")
        try:
            yield
        finally:
            cursor.execute("SET GLOBAL read_only = OFF")


def wait_for_statement(server: MariaDbServer, statement: str, state: str = "") -> None:
    deadline = time.monotonic() + 10
    with server.connect() as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT 1 FROM information_schema.processlist "
                "WHERE info LIKE %s AND state LIKE %s AND id <> CONNECTION_ID()",
                (f"%{statement}%", f"%{state}%"),
            )
            if cursor.fetchone():
                return
            time.sleep(0.01)
    raise AssertionError(f"{statement} is not waiting")
