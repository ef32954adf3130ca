"""The users of the database: each can do its work, and nothing else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from pymysql.constants import ER
from trade_service import services
from trade_service.data_access.database_users import GRANTS, ensure_users
from trade_service.handlers import schema_migrator

from tests.lambda_source.events import CONTEXT, trade_body
from tests.lambda_source.faults import set_password
from tests.lambda_source.servers import FIRST_PASSWORD, HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer, SecretsManagerServer

DENIED = {ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR}
DENIED |= {ER.ACCESS_DENIED_ERROR, ER.CANNOT_USER, ER.COLUMNACCESS_DENIED_ERROR}

READS = ("SELECT * FROM trades", "SELECT * FROM positions")
WRITES = (
    "INSERT INTO positions VALUES ('A', 'B', 0, 0, 0, NOW(6))",
    "UPDATE positions SET trades = 0",
    "UPDATE trades SET version = version + 1",
)
FOR_NOBODY = (
    "DELETE FROM trades",
    "DELETE FROM positions",
    "TRUNCATE trades",
    "CREATE TABLE more (id INT PRIMARY KEY)",
    "ALTER TABLE trades ADD COLUMN more INT",
    "CREATE INDEX more ON trades (price)",
    "DROP TABLE positions",
    "DROP DATABASE {database}",
    "CREATE DATABASE more",
    "RENAME TABLE trades TO more",
    "CREATE TRIGGER more BEFORE INSERT ON trades FOR EACH ROW SET NEW.version = 1",
    "GRANT SELECT ON trades TO '{user}'@'%'",
    "CREATE USER 'more'@'%'",
    "SET PASSWORD FOR 'trading_admin'@'%' = PASSWORD('more')",
    "SELECT * FROM mysql.user",
    "SELECT * FROM schema_migrations",
    "UPDATE schema_migrations SET checksum = ''",
    "SELECT '' INTO OUTFILE '/tmp/more'",
    "SET GLOBAL read_only = OFF",
)


@contextmanager
def as_user(
    user: str, environment: dict[str, str], password: str = FIRST_PASSWORD
) -> Iterator[pymysql.cursors.Cursor]:
    with (
        pymysql.connect(
            host=HOST,
            port=int(environment["DATABASE_PORT"]),
            user=user,
            password=password,
            database=environment["DATABASE_NAME"],
            ssl_ca=environment["DATABASE_CA_BUNDLE"],
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def denied(cursor: pymysql.cursors.Cursor, statement: str) -> bool:
    try:
        cursor.execute(statement)
    except pymysql.err.OperationalError as error:
        if error.args[0] not in DENIED:
            raise
        return True
    return False


@pytest.mark.parametrize("user", GRANTS)
def test_nobody_but_the_migrator_changes_the_schema_or_deletes(
    api: Call, environment: dict[str, str], user: str
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    with as_user(user, environment) as cursor:
        for statement in FOR_NOBODY:
            text = statement.replace("{user}", user)
            assert denied(cursor, text.replace("{database}", environment["DATABASE_NAME"])), text


def test_the_api_reads_and_writes_and_the_reporter_reads(
    api: Call, environment: dict[str, str]
) -> None:
    for user, may_write in (("trade_api", True), ("trade_reporter", False)):
        with as_user(user, environment) as cursor:
            assert not any(denied(cursor, statement) for statement in READS)
            for statement in WRITES:
                assert denied(cursor, statement) is not may_write, (user, statement)


def test_the_apis_user_can_do_all_that_the_api_does(api: Call, server: MariaDbServer) -> None:
    """`api` connects as that user; every route, and the deployment's second task, which does likewise."""
    written = api("POST", "/trades", body=trade_body())
    assert written.status == 201
    batch = [trade_body(client_order_id=f"order-{number}") for number in range(3)]
    assert api("POST", "/trades/batch", body={"trades": batch}).status == 200
    path = f"/trades/{written.body['trade_id']}"
    assert api("POST", f"{path}/cancel").status == 200
    for read in (path, "/positions/ACC-1", "/health"):
        assert api("GET", read).status == 200
    assert api("GET", "/trades", query={"account": "ACC-1"}).status == 200
    with server.connect(services.writer()._session.endpoint.database_name) as connection:
        connection.cursor().execute("UPDATE positions SET bought = 7")
        connection.commit()
    task = {"task": schema_migrator.RECONCILE_POSITIONS}
    assert schema_migrator.handler(task, CONTEXT) == {"positions_corrected": 1}
    # The server takes a moment to notice that the migrator's connection of before is closed.
    deadline = time.monotonic() + 20
    while connected(server) - {"trade_api", "system user"}:
        assert time.monotonic() < deadline, connected(server)
        time.sleep(0.1)


def connected(server: MariaDbServer) -> set[str]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT user FROM information_schema.processlist WHERE user <> 'root'"
        )
        return {row["user"] for row in cursor.fetchall()}


def assert_tls_is_required(server: MariaDbServer) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        for user in GRANTS:
            cursor.execute("SELECT ssl_type FROM mysql.user WHERE user = %s", (user,))
            assert [row["ssl_type"] for row in cursor.fetchall()] == ["ANY"]


def test_users_take_no_connection_without_tls(api: Call, server: MariaDbServer) -> None:
    assert_tls_is_required(server)


def test_a_run_brings_back_users_that_are_lost(
    environment: dict[str, str], server: MariaDbServer
) -> None:
    """A restored cluster may be without them, or have them with an earlier password."""
    schema_migrator.handler({}, CONTEXT)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP USER 'trade_api'@'%'")
        cursor.execute(
            "ALTER USER 'trade_reporter'@'%' IDENTIFIED BY 'of-another-time' REQUIRE NONE"
        )
    schema_migrator.handler({}, CONTEXT)
    for user in GRANTS:
        with as_user(user, environment) as cursor:
            assert not denied(cursor, "SELECT * FROM trades")
    assert_tls_is_required(server)


def test_a_run_after_a_rotation_gives_the_users_the_new_password(
    environment: dict[str, str], server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    schema_migrator.handler({}, CONTEXT)
    set_password(server, "second-Pa55word")
    try:
        secret.set_password("second-Pa55word")
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("ALTER USER 'trade_api'@'%' IDENTIFIED BY 'stale'")
        services.forget()
        schema_migrator.handler({}, CONTEXT)
        with as_user("trade_api", environment, "second-Pa55word") as cursor:
            assert not denied(cursor, "SELECT * FROM trades")
    finally:
        set_password(server, FIRST_PASSWORD)


class Statements:
    """In place of a cursor: MariaDB has no AWSAuthenticationPlugin."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def execute(self, query: str, args: Any = None) -> None:
        self.texts.append(query if args is None else query % args)


def test_on_aws_the_users_have_no_password() -> None:
    statements: Any = Statements()
    ensure_users(statements, "trading", "iam", "the-masters-own")
    user = "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL"
    assert statements.texts == [
        f"CREATE USER IF NOT EXISTS 'trade_api'@'%' {user}",
        f"ALTER USER 'trade_api'@'%' {user}",
        "GRANT SELECT, INSERT, UPDATE ON `trading`.`trades` TO 'trade_api'@'%'",
        "GRANT SELECT, INSERT, UPDATE ON `trading`.`positions` TO 'trade_api'@'%'",
        f"CREATE USER IF NOT EXISTS 'trade_reporter'@'%' {user}",
        f"ALTER USER 'trade_reporter'@'%' {user}",
        "GRANT SELECT ON `trading`.`trades` TO 'trade_reporter'@'%'",
        "GRANT SELECT ON `trading`.`positions` TO 'trade_reporter'@'%'",
    ]
