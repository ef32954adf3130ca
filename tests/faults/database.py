"""The cluster: a writer, and a replica of it as its reader."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql

from tests.lambda_source.servers import FIRST_PASSWORD, HOST, USER, MariaDbServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pymysql.cursors import DictCursor

    from tests.lambda_source.servers import CertificateAuthority

DATABASE_NAME = "trading"
API_USER = "trade_api"
START_SECONDS = 30


class Server(MariaDbServer):
    """A server that can be killed, frozen and asked, each by one at a time."""

    def __init__(self, folder: Path, authority: CertificateAuthority, name: str) -> None:
        super().__init__(folder, authority, name)
        self.one_at_a_time = threading.Lock()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        super().start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                # Its port takes connections before it has recovered.
                self.connect().close()
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._process is not None

    @contextmanager
    def session(self) -> Iterator[DictCursor]:
        """A session of the administrator; what it has not committed in the end is rolled back."""
        with self.connect() as connection, connection.cursor() as cursor:
            yield cursor

    def query(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """The rows of one statement, done and committed."""
        with self.session() as cursor:
            cursor.execute(statement, arguments or None)
            cursor.connection.commit()
            return list(cursor.fetchall())

    def sessions_of_api(self) -> list[int]:
        """The ids of the functions' sessions."""
        rows = self.query("SELECT id FROM information_schema.processlist WHERE user = %s", API_USER)
        return [row["id"] for row in rows]


class Writer(Server):
    """The writer; what it commits goes to its binary log."""

    options = ("--server-id=1", "--log-bin=changes", "--sync-binlog=0")


class Replica(Server):
    """A replica, which applies what the writer committed, in its order."""

    options = ("--server-id=2", "--read-only=ON", "--slave-net-timeout=5")

    def follow(self, writer: Writer) -> None:
        """Apply all that the writer has ever done, and go on so, after every restart of either."""
        source = f"MASTER_HOST='{HOST}', MASTER_PORT={writer.port}, MASTER_USER='{USER}'"
        password = (
            f"MASTER_PASSWORD='{FIRST_PASSWORD}', MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=0"
        )
        position = "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1"
        self.query(f"CHANGE MASTER TO {source}, {password}, {position}")
        self.query("START SLAVE")

    def catch_up(self, writer: Writer) -> None:
        """Wait until it has all that the writer has now."""
        (row,) = writer.query("SELECT @@gtid_binlog_pos AS position")
        (row,) = self.query("SELECT MASTER_GTID_WAIT(%s, 30) AS late", row["position"])
        if row["late"]:
            (status,) = self.query("SHOW SLAVE STATUS")
            raise RuntimeError(f"the replica does not follow: {status['Last_Error']}")


class Cluster:
    """The two, and what the functions' user is called and knows."""

    def __init__(self, folder: Path, authority: CertificateAuthority, name: str) -> None:
        self.writer = Writer(folder / "writer", authority, name)
        self.replica = Replica(folder / "replica", authority, name)
        self._passwords = 0

    def start(self) -> None:
        """Install and start both."""
        servers = (self.writer, self.replica)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Server.install, servers))
        for server in servers:
            server.start()
        self.replica.follow(self.writer)

    def prepare(self) -> None:
        """Make what faults need there: a table whose changes make a transaction weigh more."""
        self.writer.query("CREATE DATABASE faults")
        self.writer.query("CREATE TABLE faults.ballast (number INT)")
        self.replica.catch_up(self.writer)

    def stop(self) -> None:
        """End both; nobody needs what is in them."""
        for server in (self.replica, self.writer):
            if server.running:
                server.kill()

    def change_password(self) -> str:
        """Give the functions' user another password; which one."""
        self._passwords += 1
        password = f"rotated-{self._passwords}-which-no-log-may-show"
        self.writer.query(f"ALTER USER '{API_USER}'@'%%' IDENTIFIED BY %s", password)
        return password
