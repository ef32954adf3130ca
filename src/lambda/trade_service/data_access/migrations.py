"""Applies the numbered SQL migrations, each once, in order.

MySQL commits every DDL statement by itself, so a statement and its entry in ``schema_migrations``
cannot be one transaction. Instead a migration is one statement in one file, entered as started
before it runs and as applied after. A statement either takes effect wholly or not at all (DDL is
atomic: https://dev.mysql.com/doc/refman/8.0/en/atomic-ddl.html), so when a run died in between,
the next one runs the same statement again and takes "it already exists" for its success.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymysql.constants import ER
from pymysql.err import MySQLError

from trade_service.errors import MigrationError
from trade_service.observability import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trade_service.data_access.connection import TimedCursor

MIGRATIONS_FOLDER = Path(__file__).parents[1] / "migrations"
# Shorter than the function's 30 seconds, so that a run that waits in vain can still say so.
LOCK_TIMEOUT_SECONDS = 15

_FILE_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+")
_ALREADY_IN_EFFECT = {
    ER.TABLE_EXISTS_ERROR,
    ER.BAD_TABLE_ERROR,
    ER.DUP_FIELDNAME,
    ER.DUP_KEYNAME,
    ER.CANT_DROP_FIELD_OR_KEY,
}
_CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  version    INT          NOT NULL PRIMARY KEY,
  name       VARCHAR(255) NOT NULL,
  checksum   CHAR(64)     NOT NULL,
  started_at DATETIME(6)  NOT NULL,
  applied_at DATETIME(6)  NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    version: int
    name: str
    statement: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the statement, in hexadecimal."""
        return hashlib.sha256(self.statement.encode()).hexdigest()


@dataclass(frozen=True)
class MigrationResult:
    """The names of the migrations just applied, and the version that the schema is at.

    The version is above the newest file's when older code is deployed to a newer schema.
    """

    applied: tuple[str, ...]
    current: int


def load_migrations(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder, in order.

    Raises:
        MigrationError: a file's name is malformed, or the numbers are not 1, 2, 3 ...
    """
    migrations = []
    for expected, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = _FILE_NAME.fullmatch(path.stem)
        if match is None or int(match[1]) != expected:
            raise MigrationError(f"{path.name} should be named {expected:04}_what_it_does.sql")
        migrations.append(Migration(expected, path.stem, path.read_text("utf-8").strip()))
    return tuple(migrations)


def migrate(
    cursor: TimedCursor, database_name: str, migrations: tuple[Migration, ...]
) -> MigrationResult:
    """Bring a database up to date, creating it if it is absent.

    Args:
        cursor: of a connection to the writer, in autocommit mode.
        database_name: letters, digits and underscores (it cannot be a query parameter).
        migrations: all of them, in order.

    Raises:
        MigrationError: an applied migration was changed, another run holds the lock, or a
            statement failed; nothing after it was run.
    """
    with _lock(cursor, f"{database_name}.migrations"):
        cursor.execute(
            f"CREATE DATABASE IF NOT EXISTS `{database_name}` "
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
        cursor.connection.select_db(database_name)
        cursor.execute(_CREATE_HISTORY)
        history = _history(cursor)
        _refuse_changed(history, migrations)
        pending = [
            migration
            for migration in migrations
            if history.get(migration.version, {}).get("applied_at") is None
        ]
        for migration in pending:
            _apply(cursor, migration, history.get(migration.version))
        versions = history.keys() | {migration.version for migration in migrations}
        current = max(versions, default=0)
    return MigrationResult(tuple(migration.name for migration in pending), current)


@contextmanager
def _lock(cursor: TimedCursor, name: str) -> Iterator[None]:
    """A server-wide advisory lock, which also ends with the connection."""
    cursor.execute("SELECT GET_LOCK(%s, %s) AS granted", (name, LOCK_TIMEOUT_SECONDS))
    row = cursor.fetchone()
    if row is None or row["granted"] != 1:
        raise MigrationError("another migration run holds the lock: try again when it has ended")
    try:
        yield
    finally:
        # If the connection is gone, so is the lock; what went wrong is told already.
        with suppress(MySQLError, OSError):
            cursor.execute("SELECT RELEASE_LOCK(%s)", (name,))


def _history(cursor: TimedCursor) -> dict[int, dict[str, Any]]:
    cursor.execute("SELECT version, name, checksum, applied_at FROM schema_migrations")
    return {row["version"]: row for row in cursor.fetchall()}


def _refuse_changed(history: dict[int, dict[str, Any]], migrations: tuple[Migration, ...]) -> None:
    for migration in migrations:
        row = history.get(migration.version)
        if row and row["applied_at"] is not None and row["checksum"] != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was changed after it was applied as {row['name']}: "
                "restore it and write the change as a new migration"
            )


def _apply(cursor: TimedCursor, migration: Migration, earlier: dict[str, Any] | None) -> None:
    cursor.execute(
        "REPLACE INTO schema_migrations (version, name, checksum, started_at) "
        "VALUES (%s, %s, %s, %s)",
        (migration.version, migration.name, migration.checksum, datetime.now(UTC)),
    )
    interrupted = earlier is not None and earlier["checksum"] == migration.checksum
    try:
        cursor.execute(migration.statement)
    except MySQLError as error:
        if not (interrupted and error.args[0] in _ALREADY_IN_EFFECT):
            raise MigrationError(f"migration {migration.name} failed: {error}") from error
        logger.warning("migration had taken effect in an earlier run", migration=migration.name)
    cursor.execute(
        "UPDATE schema_migrations SET applied_at = %s WHERE version = %s",
        (datetime.now(UTC), migration.version),
    )
    logger.info("migration applied", migration=migration.name)
