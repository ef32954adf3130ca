"""Work on one endpoint of the cluster, tried again where that can help."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

import pymysql
from pymysql.constants import CR, ER

from trade_service import request_context
from trade_service.data_access.connection import CONNECTION_LOST, Session
from trade_service.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    SchemaNotReadyError,
    TradeServiceError,
)
from trade_service.observability import logger, traced

if TYPE_CHECKING:
    from collections.abc import Callable

    from trade_service.data_access.connection import Endpoint, TimedCursor
    from trade_service.data_access.credentials import CredentialsProvider

Result = TypeVar("Result")

# The transaction was rolled back and may succeed when others have ended.
_CONTENTION = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT}
_CONTENTION_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5
# A failover: the kept connection leads to what is a reader now (--read-only, then --super-read-only).
_READ_ONLY = {ER.OPTION_PREVENTS_STATEMENT, 1836}
_LOST = CONNECTION_LOST | {
    ER.SERVER_SHUTDOWN,
    ER.NORMAL_SHUTDOWN,
    1927,  # MariaDB: the connection was killed
    3169,  # MySQL: the session was killed
}
# Without a number of the server's: there is no connection, or what was read on it makes no sense.
_BROKEN = (pymysql.err.InterfaceError, pymysql.err.InternalError, OSError)
# The server ended a read that took too long: MySQL's number, and MariaDB's.
_TOO_SLOW = {ER.QUERY_TIMEOUT, 1969}
_SCHEMA_MISSING = {ER.BAD_DB_ERROR, ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR}
# How long an endpoint that did not answer is left alone by those who can ask another one.
_AWAY_SECONDS = 2.0


class Database:
    """One endpoint of the cluster.

    Work is a function of a cursor, so that it can be done again from its beginning: after a deadlock or
    a long wait for a lock, after a pause; over a new connection, at once and once, when the kept one
    broke or has become read-only. A read that timed out is not tried again: it may just be slow. A lost
    connection leaves unknown whether a commit took effect, so all work must be safe to repeat.

    Raises, from all ways to work:
        DatabaseUnavailableError: the endpoint cannot be reached, or stopped answering.
        DatabaseBusyError: others held its locks for too long.
        SchemaNotReadyError: it answers, but lacks the database, a table or a column.
    """

    def __init__(self, endpoint: Endpoint, credentials: CredentialsProvider) -> None:
        self._session = Session(endpoint, credentials)
        self._away_until = 0.0

    def run(self, work: Callable[[TimedCursor], Result]) -> Result:
        """Do work whose every statement commits by itself; reading needs no more."""
        return self._insist(lambda: self._in_session(work), after_timeout=False)

    def transact(self, work: Callable[[TimedCursor], Result]) -> Result:
        """Do work in one transaction, which is rolled back on any exception."""
        return self._insist(
            lambda: self._in_session(lambda cursor: _transaction(work, cursor)), after_timeout=True
        )

    def snapshot(self, work: Callable[[TimedCursor], Result]) -> Result:
        """Do work that only reads, however many statements, all of it as of one moment."""

        def of_one_moment(cursor: TimedCursor) -> Result:
            # For the next transaction alone.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return _transaction(work, cursor)

        return self._insist(lambda: self._in_session(of_one_moment), after_timeout=False)

    def require_writable(self) -> None:
        """Look whether it can be written to, also after this connection was made."""
        self.run(lambda cursor: cursor.connection.require_writable())

    @property
    def seems_away(self) -> bool:
        """Whether it failed to answer just now."""
        return time.monotonic() < self._away_until

    def close(self) -> None:
        """Drop the connection; the next use opens another."""
        self._session.close()

    def _in_session(self, work: Callable[[TimedCursor], Result]) -> Result:
        try:
            with traced("database"), self._session.connection().cursor() as cursor:
                result = work(cursor)
        except BaseException as error:
            if not _leaves_connection_usable(error):
                # Half an exchange may be left behind on it.
                self._session.close()
            raise
        self._session.used()
        return result

    @property
    def written(self) -> bool:
        """Whether this is the writer."""
        return self._session.endpoint.written

    def _insist(self, attempt: Callable[[], Result], *, after_timeout: bool) -> Result:
        contended, reconnected = 0, False
        while True:
            try:
                return attempt()
            except (pymysql.err.MySQLError, OSError) as error:
                if _is(error, _CONTENTION):
                    contended += 1
                    self._pause(error, contended)
                elif (
                    _is_lost(error)
                    and not reconnected
                    and (after_timeout or not _is_timeout(error))
                    and _time_is_left()
                ):
                    reconnected = True
                else:
                    self._give_up(error)
            request_context.current().retries += 1

    def _pause(self, error: Exception, attempts: int) -> None:
        """Wait a random time, so that those who met do not meet again."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempts)
        pause = random.uniform(0, longest)
        if attempts >= _CONTENTION_ATTEMPTS or not _time_is_left(pause):
            raise DatabaseBusyError("the database is busy") from error
        time.sleep(pause)

    def _give_up(self, error: Exception) -> None:
        if _is(error, _SCHEMA_MISSING):
            raise SchemaNotReadyError("the schema has not been migrated yet") from error
        if _is(error, _TOO_SLOW):
            raise DatabaseBusyError("the database takes too long for this") from error
        if not isinstance(error, (pymysql.err.OperationalError, *_BROKEN)):
            raise error
        # A request without time of its own left says nothing about the endpoint.
        if request_context.current().remaining > 0:
            self._away_until = time.monotonic() + _AWAY_SECONDS
        host = self._session.endpoint.host
        logger.warning("the database is unavailable", database_host=host, reason=_reason(error))
        raise DatabaseUnavailableError("the database is unavailable") from error


def _transaction(work: Callable[[TimedCursor], Result], cursor: TimedCursor) -> Result:
    connection = cursor.connection
    connection.begin()
    try:
        result = work(cursor)
    except BaseException as error:
        if _leaves_connection_usable(error):
            connection.rollback()
        raise
    connection.commit()
    return result


def _leaves_connection_usable(error: BaseException) -> bool:
    """Whether the server is known to have answered: an answer for the client, or a statement refused."""
    refused = (TradeServiceError, pymysql.err.IntegrityError, pymysql.err.DataError)
    return isinstance(error, refused) or _is(error, _CONTENTION | _TOO_SLOW)


def _is(error: BaseException, numbers: set[int]) -> bool:
    return (
        isinstance(error, pymysql.err.MySQLError) and bool(error.args) and error.args[0] in numbers
    )


def _is_lost(error: Exception) -> bool:
    return isinstance(error, _BROKEN) or _is(error, _LOST | _READ_ONLY)


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _time_is_left(seconds: float = 0.0) -> bool:
    # What is begun with less than this to go can only end as a timeout.
    return request_context.current().remaining > seconds + 1


def _reason(error: Exception) -> str:
    """The error without what a server's message may quote: statements and values."""
    number = error.args[0] if error.args else ""
    ours = not isinstance(number, int) or CR.CR_ERROR_FIRST <= number <= CR.CR_ERROR_LAST
    return f"{type(error).__name__} {error if ours else number}"
