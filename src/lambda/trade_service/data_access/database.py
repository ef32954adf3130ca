"""One warm, verified connection per database endpoint."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import pymysql
from pymysql.constants import ER
from pymysql.cursors import DictCursor

from trade_service.errors import DatabaseUnavailableError, SchemaNotReadyError
from trade_service.observability import logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trade_service.data_access.credentials import CredentialsProvider

    Connection = pymysql.Connection[DictCursor]

# Small parts of the 29 seconds that API Gateway waits, so that a lost database becomes our own 503.
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_SECONDS = 5
# Security groups drop an idle tracked connection after 350 seconds on Nitro hosts, without telling
# either end; a ping on one would hang until its timeout. Replace it before that.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
MAXIMUM_IDLE_SECONDS = 240

_SCHEMA_MISSING = {ER.BAD_DB_ERROR, ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR}


@dataclass(frozen=True)
class Endpoint:
    """An address of the cluster.

    ``database_name`` None connects to the server only, as a first migration must.
    """

    host: str
    port: int
    database_name: str | None
    ca_bundle: Path
    statement_timeout_seconds: int = STATEMENT_TIMEOUT_SECONDS


class Database:
    """One endpoint's connection, over TLS with the server's certificate and name verified."""

    def __init__(self, endpoint: Endpoint, credentials: CredentialsProvider) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._tls = tls_context(endpoint.ca_bundle)
        self._connection: Connection | None = None
        self._last_used = 0.0

    @contextmanager
    def cursor(self) -> Iterator[DictCursor]:
        """A cursor whose every statement commits by itself; a single read needs no more.

        Raises:
            DatabaseUnavailableError: the database cannot be reached, or stopped answering.
            SchemaNotReadyError: it answers, but lacks the database or the table.
        """
        with self._translated_errors():
            connection = self._checked_out()
            with connection.cursor() as cursor:
                yield cursor
            self._last_used = time.time()

    @contextmanager
    def transaction(self) -> Iterator[DictCursor]:
        """A cursor in one transaction: committed at the end, rolled back on any exception.

        Raises: as ``cursor``.
        """
        with self.cursor() as cursor:
            cursor.connection.begin()
            try:
                yield cursor
            except BaseException:
                self._roll_back()
                raise
            cursor.connection.commit()

    def close(self) -> None:
        """Drop the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.close()

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.rollback()
        except pymysql.err.Error:
            self.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (pymysql.err.OperationalError, pymysql.err.ProgrammingError) as error:
            if error.args[0] in _SCHEMA_MISSING:
                raise SchemaNotReadyError("the schema has not been migrated yet") from error
            if isinstance(error, pymysql.err.ProgrammingError):
                raise
            # Also a failover: the kept connection leads to an instance that has become read-only.
            self._lost(error)
        except (pymysql.err.InterfaceError, OSError) as error:
            self._lost(error)

    def _lost(self, error: Exception) -> NoReturn:
        self.close()
        logger.exception("the database is unavailable", database_host=self._endpoint.host)
        raise DatabaseUnavailableError("the database is unavailable") from error

    def _checked_out(self) -> Connection:
        # The wall clock: a monotonic one may stand still while Lambda has frozen the process.
        if self._connection is not None and time.time() - self._last_used > MAXIMUM_IDLE_SECONDS:
            self.close()
        if self._connection is not None:
            try:
                self._connection.ping(reconnect=False)
            except (pymysql.err.Error, OSError):
                self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
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
        return pymysql.connect(
            host=self._endpoint.host,
            port=self._endpoint.port,
            user=credentials.username,
            password=credentials.password,
            database=self._endpoint.database_name,
            ssl=self._tls,
            charset="utf8mb4",
            # Aurora's default sql_mode is not strict: it would cut what does not fit, silently.
            sql_mode="TRADITIONAL",
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=self._endpoint.statement_timeout_seconds,
            write_timeout=self._endpoint.statement_timeout_seconds,
            cursorclass=DictCursor,
        )


def tls_context(ca_bundle: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer, trusting only the bundle's authorities, checking the host's name.

    Built bare rather than by ``ssl.create_default_context``: from Python 3.13 that adds
    VERIFY_X509_STRICT, and the function must behave alike on every runtime.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_bundle)
    return context
