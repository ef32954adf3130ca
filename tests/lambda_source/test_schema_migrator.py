"""The migrator: each migration once, in order, by one run at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from trade_service import services
from trade_service.configuration import configuration
from trade_service.data_access import migrations
from trade_service.data_access.migrations import (
    MIGRATIONS_FOLDER,
    Migration,
    MigrationResult,
    load_migrations,
    migrate,
)
from trade_service.errors import DatabaseUnavailableError, MigrationError
from trade_service.handlers import schema_migrator

from tests.lambda_source.events import CONTEXT
from tests.lambda_source.faults import kill_connections, query, wait_for_statement

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lambda_source.servers import MariaDbServer

CREATE = "CREATE TABLE notes (id INT PRIMARY KEY)"
ALTER = "ALTER TABLE notes ADD COLUMN text VARCHAR(10)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_create_notes.sql").write_text(CREATE)
    (tmp_path / "0002_add_text.sql").write_text(ALTER)
    return tmp_path


def run(folder: Path) -> MigrationResult:
    settings = configuration()
    server = services.database(settings.database_writer_host, None)
    migrations = load_migrations(folder)
    try:
        return server.run(lambda cursor: migrate(cursor, settings.database_name, migrations))
    finally:
        server.close()


@pytest.mark.parametrize("event", [{}, None, [], "text", {"digest": "x", "tf": {"action": "c"}}])
def test_the_handler_creates_everything_and_says_so(
    environment: dict[str, str], event: object
) -> None:
    name = environment["DATABASE_NAME"]
    expected = [path.stem for path in sorted(MIGRATIONS_FOLDER.glob("*.sql"))]
    first = schema_migrator.handler(event, CONTEXT)
    assert first == {"applied": expected, "current": len(expected), "database": name}
    second = schema_migrator.handler(event, CONTEXT)
    assert second == {"applied": [], "current": len(expected), "database": name}


def test_the_new_database_speaks_utf8mb4(
    environment: dict[str, str], server: MariaDbServer
) -> None:
    schema_migrator.handler({}, CONTEXT)
    (row,) = query(server, "SELECT @@character_set_database AS s, @@collation_database AS c")
    assert row == {"s": "utf8mb4", "c": "utf8mb4_bin"}


def test_a_new_migration_is_applied_alone(environment: dict[str, str], folder: Path) -> None:
    assert run(folder).applied == ("0001_create_notes", "0002_add_text")
    (folder / "0003_drop_text.sql").write_text("ALTER TABLE notes DROP COLUMN text")
    assert run(folder) == MigrationResult(("0003_drop_text",), 3)


def test_older_code_leaves_a_newer_schema_alone(environment: dict[str, str], folder: Path) -> None:
    run(folder)
    (folder / "0002_add_text.sql").unlink()
    assert run(folder) == MigrationResult((), 2)


def test_a_changed_migration_is_refused_before_anything_runs(
    environment: dict[str, str], folder: Path, server: MariaDbServer
) -> None:
    run(folder)
    (folder / "0001_create_notes.sql").write_text(CREATE + " ")
    assert run(folder).applied == ()
    (folder / "0001_create_notes.sql").write_text(CREATE + " ENGINE = InnoDB")
    (folder / "0003_create_more.sql").write_text("CREATE TABLE more (id INT PRIMARY KEY)")
    with pytest.raises(MigrationError, match="0001_create_notes was changed"):
        run(folder)
    assert query(server, "SHOW TABLES LIKE 'more'") == []


def test_runs_at_one_time_apply_each_migration_once(
    environment: dict[str, str], folder: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, [folder] * 4))
    assert sorted(result.applied for result in results) == [
        (),
        (),
        (),
        ("0001_create_notes", "0002_add_text"),
    ]
    assert {result.current for result in results} == {2}


def test_a_run_that_cannot_get_the_lock_says_so(
    environment: dict[str, str],
    folder: Path,
    server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_SECONDS", 0)
    with server.connect() as holder, holder.cursor() as cursor:
        cursor.execute(f"SELECT GET_LOCK('{configuration().database_name}.migrations', 0)")
        with pytest.raises(MigrationError, match="another migration run"):
            run(folder)
    assert run(folder).current == 2


def test_a_failing_statement_stops_the_run_and_a_corrected_file_goes_on(
    environment: dict[str, str], folder: Path
) -> None:
    (folder / "0002_add_text.sql").write_text("ALTER TABLE notes ADD COLUMN text NO_SUCH_TYPE")
    with pytest.raises(MigrationError, match="0002_add_text failed"):
        run(folder)
    (folder / "0002_add_text.sql").write_text(ALTER)
    assert run(folder) == MigrationResult(("0002_add_text",), 2)


def test_a_run_that_died_after_its_statement_is_completed(
    environment: dict[str, str], folder: Path, server: MariaDbServer
) -> None:
    run(folder)
    query(server, "UPDATE schema_migrations SET applied_at = NULL")
    assert run(folder).applied == ("0001_create_notes", "0002_add_text")
    (row,) = query(server, "SELECT COUNT(applied_at) AS applied FROM schema_migrations")
    assert row["applied"] == 2


def test_something_in_the_way_of_a_new_migration_is_an_error(
    environment: dict[str, str], folder: Path, server: MariaDbServer
) -> None:
    run(folder)
    (folder / "0003_create_more.sql").write_text("CREATE TABLE more (id INT PRIMARY KEY)")
    query(server, "CREATE TABLE more (id INT PRIMARY KEY)")
    with pytest.raises(MigrationError, match=r"0003_create_more failed: .*already exists"):
        run(folder)


def test_a_file_with_two_statements_is_refused(
    environment: dict[str, str], folder: Path, server: MariaDbServer
) -> None:
    (folder / "0002_add_text.sql").write_text(f"{ALTER}; DROP TABLE notes")
    with pytest.raises(MigrationError, match="0002_add_text failed"):
        run(folder)
    assert query(server, "SHOW TABLES LIKE 'notes'")


@pytest.mark.parametrize("name", ["0004_gap.sql", "3_short.sql", "0002_twice.sql", "0003-x.sql"])
def test_misnumbered_files_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="should be named"):
        load_migrations(folder)


def test_a_database_that_is_away_fails_the_invocation(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_WRITER_HOST", "127.0.0.99")
    with pytest.raises(DatabaseUnavailableError):
        schema_migrator.handler({}, CONTEXT)


SHIPPED = load_migrations(MIGRATIONS_FOLDER)


@pytest.mark.parametrize("migration", SHIPPED, ids=[migration.name for migration in SHIPPED])
def test_each_shipped_migration_may_be_interrupted_and_run_again(
    environment: dict[str, str], server: MariaDbServer, migration: Migration
) -> None:
    """Between its statement and the entry that says so, or before the statement."""
    number = migration.version
    schema_migrator.handler({}, CONTEXT)
    query(server, f"UPDATE schema_migrations SET applied_at = NULL WHERE version = {number}")
    assert schema_migrator.handler({}, CONTEXT)["applied"] == [migration.name]
    expected = schema(server)
    query(server, f"DROP DATABASE {environment['DATABASE_NAME']}", "mysql")
    apply_up_to(number - 1)
    query(
        server,
        "INSERT INTO schema_migrations VALUES "
        f"({number}, '{migration.name}', '{migration.checksum}', NOW(), NULL)",
    )
    later = [other.name for other in SHIPPED if other.version >= number]
    assert schema_migrator.handler({}, CONTEXT)["applied"] == later
    assert schema(server) == expected


def apply_up_to(number: int) -> None:
    settings = configuration()
    database = services.database(settings.database_writer_host, None)
    database.run(lambda cursor: migrate(cursor, settings.database_name, SHIPPED[:number]))
    database.close()


def schema(server: MariaDbServer) -> list[str]:
    tables = [next(iter(row.values())) for row in query(server, "SHOW TABLES")]
    return [query(server, f"SHOW CREATE TABLE {table}")[0]["Create Table"] for table in tables]


FIRST_ROW = (
    "INSERT INTO trades (trade_id, client_order_id, account, symbol, side, quantity, price, currency, "
    "created_at) VALUES ('t', 'o', 'ACC-1', 'AAPL', 'BUY', 7, 1, 'USD', '2025-01-31 12:00:00')"
)


@pytest.mark.parametrize("end", ["the connection", "the server"])
def test_a_death_between_a_statement_and_its_entry_is_made_good(
    environment: dict[str, str], server: MariaDbServer, end: str
) -> None:
    """The shipped change of a table with rows, kept from its entry until it is too late for that."""
    apply_up_to(1)
    query(server, FIRST_ROW)
    with (
        ThreadPoolExecutor(1) as pool,
        server.connect(configuration().database_name) as reader,
        server.connect(configuration().database_name) as holder,
        reader.cursor() as of_table,
        holder.cursor() as of_entry,
    ):
        # Whoever reads in a transaction keeps the table as it is.
        of_table.execute("SELECT * FROM trades")
        running = pool.submit(schema_migrator.handler, {}, CONTEXT)
        wait_for_statement(server, "ALTER TABLE trades", "metadata lock")
        of_entry.execute("SELECT * FROM schema_migrations WHERE version = 2 FOR UPDATE")
        reader.rollback()
        wait_for_statement(server, "UPDATE schema_migrations")
        if end == "the server":
            server.kill()
            with pytest.raises(DatabaseUnavailableError):
                running.result(20)
            server.start()
        else:
            kill_connections(server)
            holder.rollback()
            # It comes again by itself, over another connection.
            assert running.result(20)["current"] == len(SHIPPED)
    assert schema_migrator.handler({}, CONTEXT)["current"] == len(SHIPPED)
    (row,) = query(server, "SELECT quantity, status, version FROM trades")
    assert row == {"quantity": 7, "status": "ACCEPTED", "version": 1}
    assert query(server, "SELECT 1 FROM schema_migrations WHERE applied_at IS NULL") == []


def test_positions_of_rows_from_before_are_reconciled(
    environment: dict[str, str], server: MariaDbServer
) -> None:
    apply_up_to(1)
    query(server, FIRST_ROW)
    schema_migrator.handler({}, CONTEXT)
    task = {"task": schema_migrator.RECONCILE_POSITIONS}
    assert schema_migrator.handler(task, CONTEXT) == {"positions_corrected": 1}
    (row,) = query(server, "SELECT account, symbol, bought, sold, trades FROM positions")
    assert row == {"account": "ACC-1", "symbol": "AAPL", "bought": 7, "sold": 0, "trades": 1}
    assert schema_migrator.handler(task, CONTEXT) == {"positions_corrected": 0}
