"""One verified connection to one endpoint of the cluster."""

from __future__ import annotations

import select
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from trade_service import request_context
from trade_service.data_access.transport import exchange, reach, tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trade_service.data_access.credentials import CredentialsProvider

# Small parts of the 29 seconds that API Gateway waits, so that a lost database becomes our own 503.
CONNECT_TIMEOUT_SECONDS = 3.0
STATEMENT_TIMEOUT_SECONDS = 5.0
# Below the statement's own, so that a wait for a lock ends with the server's word for it.
LOCK_WAIT_SECONDS = 3
# A host that is lost in the middle of a transaction tells nobody, and the server keeps its locks until the
# session has been silent for so long: eight hours by default, in which no trade of that account and symbol
# could be recorded.
SILENT_SECONDS = 60
# The server ends what is silent for longer; and security groups drop an idle connection after 350 seconds,
# without telling either end. Replace it before that.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
MAXIMUM_IDLE_SECONDS = 45

_SETTINGS = {
    # Aurora's default is not strict: it would cut what does not fit, silently.
    "sql_mode": "'TRADITIONAL'",
    # A table is waited for as briefly as a row: everybody else would wait behind a change of the schema.
    "innodb_lock_wait_timeout": LOCK_WAIT_SECONDS,
    "lock_wait_timeout": LOCK_WAIT_SECONDS,
    "wait_timeout": SILENT_SECONDS,
    "interactive_timeout": SILENT_SECONDS,
}
_SESSION = (
    f"SET SESSION {', '.join(f'{name} = {value}' for name, value in _SETTINGS.items())}",
    # No gap locks: concurrent inserts of neighbouring keys would deadlock.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
# What an exchange over a connection that broke ends with.
CONNECTION_LOST = {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST}


@dataclass(frozen=True)
class Endpoint:
    """An address of the cluster.

    ``database_name`` None connects to the server only, as a first migration must. One that is ``written``
    to leads to the writer, or to nobody.
    """

    host: str
    port: int
    database_name: str | None
    ca_bundle: Path
    written: bool
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS


class TimedCursor(DictCursor):
    """Rows as dictionaries. Every statement is timed, and ends with the request's time."""

    connection: Connection

    def execute(self, query: str, args: Any = None) -> int:
        """Run a statement; the number of rows found, or changed."""
        with self.connection.bounded():
            return super().execute(query, args)


if TYPE_CHECKING:
    _PyMySqlConnection = pymysql.Connection[TimedCursor]
else:
    _PyMySqlConnection = pymysql.Connection


class Connection(_PyMySqlConnection):
    """A connection whose every exchange is bounded by what is left of the request's time."""

    statement_timeout_seconds = STATEMENT_TIMEOUT_SECONDS

    def begin(self) -> None:
        """Begin a transaction."""
        with self.bounded():
            super().begin()

    def commit(self) -> None:
        """Commit. When this fails, nobody knows whether the transaction took effect."""
        with self.bounded():
            super().commit()

    def rollback(self) -> None:
        """Roll back."""
        with self.bounded():
            super().rollback()

    def select_db(self, db: str) -> None:
        """Go on in another database."""
        with self.bounded():
            super().select_db(db)

    def bounded(self) -> AbstractContextManager[None]:
        """The context of one exchange with the server: its wait is limited, and counted."""
        return exchange(self.statement_timeout_seconds)

    def is_silent(self) -> bool:
        """Whether the server has neither closed nor reset the connection, as far as this host knows.

        Costs no exchange: between two statements there is nothing to read but an end of the connection.
        """
        if not self.open or self._sock.pending():
            return False
        # Not `select`, which knows no file descriptor above 1023.
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def require_writable(self) -> None:
        """Raises pymysql.err.OperationalError when it leads to a reader, as after a failover by a name that
        some still remember: what is read there is behind, and nothing can be written.
        """
        with self.cursor() as cursor:
            cursor.execute("SELECT @@innodb_read_only OR @@read_only AS read_only")
            row = cursor.fetchone()
            if row and row["read_only"]:
                message = f"{self.host} leads to a reader"
                raise pymysql.err.OperationalError(ER.OPTION_PREVENTS_STATEMENT, message)

    def drop(self) -> None:
        """Close at once: `close` would first send a farewell, which can wait for a stalled server."""
        self._force_close()

    # Not in the stubs of PyMySQL; it has no public way to either.
    _sock: ssl.SSLSocket
    _force_close: Callable[[], None]


class Session:
    """The connection to an endpoint, kept from one invocation to the next."""

    def __init__(self, endpoint: Endpoint, credentials: CredentialsProvider) -> None:
        self.endpoint = endpoint
        self._credentials = credentials
        self._tls: ssl.SSLContext | None = None
        self._connection: Connection | None = None
        self._last_used = (0.0, 0.0)

    def connection(self) -> Connection:
        """The kept connection, or a new one where it is gone or was idle for too long.

        Raises:
            pymysql.err.Error, OSError: there is no connecting now.
            DatabaseUnavailableError: the credentials cannot be read.
        """
        if self._connection is not None and (self._was_idle() or not self._connection.is_silent()):
            self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def used(self) -> None:
        """Note that the connection has just worked."""
        self._last_used = (time.time(), time.monotonic())

    def close(self) -> None:
        """Drop the connection; the next use opens another, to where the name then leads."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.drop()

    def _was_idle(self) -> bool:
        # Both clocks: the monotonic one may stand still while Lambda has frozen the process, and the
        # time of day may be set back.
        wall, monotonic = self._last_used
        idle = max(abs(time.time() - wall), time.monotonic() - monotonic)
        return idle > MAXIMUM_IDLE_SECONDS

    def _connect(self) -> Connection:
        request_context.current().connections += 1
        try:
            return self._connect_once()
        except pymysql.err.OperationalError as error:
            if error.args[0] != ER.ACCESS_DENIED_ERROR:
                raise
            # The password was rotated after this process read it.
            self._credentials.forget()
            return self._connect_once()

    def _connect_once(self) -> Connection:
        credentials = self._credentials.current()
        endpoint = self.endpoint
        if self._tls is None:
            self._tls = tls_context(endpoint.ca_bundle)
        connection = Connection(
            host=endpoint.host,
            port=endpoint.port,
            user=credentials.username,
            # As bytes: PyMySQL would take text for Latin-1.
            password=credentials.password.encode(),
            database=endpoint.database_name,
            ssl=self._tls,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=TimedCursor,
            defer_connect=True,
        )
        connection.statement_timeout_seconds = endpoint.statement_timeout_seconds
        with exchange(CONNECT_TIMEOUT_SECONDS), _as_no_connection(endpoint.host):
            connection.connect(reach(endpoint.host, endpoint.port))
            for statement in _SESSION:
                connection.query(statement)
            if endpoint.written:
                connection.require_writable()
        self.used()
        return connection


@contextmanager
def _as_no_connection(host: str) -> Iterator[None]:
    """Tell a connection that breaks while it is made, which nobody need make again, from a kept one."""
    try:
        yield
    except (OSError, pymysql.err.OperationalError) as error:
        if isinstance(error, OSError) or error.args[0] in CONNECTION_LOST:
            message = f"cannot connect to {host}: {error.args[-1]}"
            raise pymysql.err.OperationalError(CR.CR_CONN_HOST_ERROR, message) from error
        raise
