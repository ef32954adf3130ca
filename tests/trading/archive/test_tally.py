"""Two databases have one tally exactly when their tables have the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local_aws.conftest import Client, create_key
from tests.trading.archive.conftest import REGION, Database
from trading.archive import tally as module
from trading.archive.cluster import Cluster, find_cluster
from trading.archive.manifest import Tally
from trading.archive.tally import opened, tally
from trading.errors import OperatorError

Counted = Callable[..., dict[str, Tally]]

COLUMNS = "note TEXT, amount DECIMAL(30,10), at DATETIME(6), data JSON, image BLOB, flags BIT(9)"
ROWS = [
    (1, "'a'", "1.5", "'2026-11-22 10:15:00.000001'", "'{\"a\": 1}'", "x'00ff'", "b'1'"),
    (2, "'b|c'", "NULL", "NULL", "NULL", "NULL", "NULL"),
    (3, "'🙂 it''s'", "-0.0000000001", "'2026-11-22'", "'[]'", "''", "b'100000000'"),
]


def insert(table: str, rows: Sequence[Sequence[object]]) -> str:
    values = ", ".join(f"({', '.join(map(str, row))})" for row in rows)
    return f"INSERT INTO {table} VALUES {values}"


@pytest.fixture
def counted(database: Database, environment: Mapping[str, str]) -> Iterator[Counted]:
    """Run statements, and tally what is there then."""
    with opened(found(database), environment, REGION) as api:

        def count(*statements: str, **told: Callable[[str], None]) -> dict[str, Tally]:
            if statements:
                database.query(*statements)
            return tally(api, **told)

        yield count


def found(database: Database) -> Cluster:
    cluster = find_cluster(database.rds, database.identifier)
    assert cluster is not None
    return cluster


def test_same_rows_have_one_tally(
    counted: Counted,
    database: Database,
    client: Client,
    environment: Mapping[str, str],
    new_database: Callable[..., Database],
) -> None:
    create = f"CREATE TABLE trades (id INT PRIMARY KEY, {COLUMNS})"
    other = "CREATE TABLE empty (id INT)"
    before = counted(create, other, insert("trades", ROWS))
    assert {table: one.rows for table, one in before.items()} == {"empty": 0, "trades": 3}
    again = counted("DROP TABLE trades", create, insert("trades", ROWS[::-1]))
    assert again == before
    database.rds.create_db_cluster_snapshot(
        DBClusterIdentifier=database.identifier, DBClusterSnapshotIdentifier="tallied"
    )
    restored = new_database(create_key(client), "tallied")
    with opened(found(restored), environment, REGION) as api:
        assert tally(api) == before


@pytest.mark.parametrize(
    "change",
    [
        "note = 'A' WHERE id = 1",
        "note = '' WHERE id = 1",
        "note = NULL WHERE id = 1",
        "note = 'NULL' WHERE id = 1",
        "note = 'b', image = 'c' WHERE id = 2",
        "note = '😀 it''s' WHERE id = 3",
        "amount = amount + 0.0000000001 WHERE id = 1",
        "at = at + INTERVAL 1 MICROSECOND WHERE id = 1",
        "data = '{\"a\": 2}' WHERE id = 1",
        "image = x'00fe' WHERE id = 1",
        "image = NULL WHERE id = 3",
        "flags = b'10' WHERE id = 1",
        "id = 4 WHERE id = 1",
    ],
)
def test_any_change_changes_the_tally(counted: Counted, change: str) -> None:
    create = f"CREATE TABLE trades (id INT PRIMARY KEY, {COLUMNS})"
    before = counted(create, insert("trades", ROWS))["trades"]
    after = counted(f"UPDATE trades SET {change}")["trades"]
    assert (after.rows, after.checksum) != (before.rows, before.checksum)
    assert after.rows == 3


def test_null_is_no_text(counted: Counted) -> None:
    texts = ["NULL", "''", "'NULL'", "'''NULL'''"]
    create = "CREATE TABLE texts (note TEXT, more TEXT)"
    checksums = {
        counted("DROP TABLE IF EXISTS texts", create, insert("texts", [row]))["texts"].checksum
        for row in ((one, other) for one in texts for other in texts)
    }
    assert len(checksums) == len(texts) ** 2


def test_columns_rows_and_tables_are_told_apart(counted: Counted) -> None:
    pair = "(a VARCHAR(9), b VARCHAR(9))"
    first = counted(
        f"CREATE TABLE one {pair}", f"CREATE TABLE two {pair}", insert("one", [("'x'", "'y|'")])
    )
    swapped = counted("UPDATE one SET a = 'y|', b = 'x'")
    moved = counted("INSERT INTO two SELECT * FROM one", "DELETE FROM one")
    assert first["one"] != swapped["one"]
    assert moved == {"one": first["two"], "two": swapped["one"]}


def test_equal_rows_do_not_cancel_out(counted: Counted) -> None:
    twice = counted("CREATE TABLE notes (note TEXT)", insert("notes", [["'a'"], ["'a'"]]))
    assert counted("UPDATE notes SET note = 'b'") != twice


def test_largest_field_is_summed(counted: Counted) -> None:
    size = 9_000_000  # Twice as much would be more than a statement may hold.
    create = "CREATE TABLE `odd: table` (`a ``b` INT PRIMARY KEY, `select` LONGBLOB)"
    before = counted(create, f"INSERT INTO `odd: table` VALUES (1, REPEAT('x', {size}))")
    after = counted(f"UPDATE `odd: table` SET `select` = CONCAT(REPEAT('x', {size - 1}), 'y')")
    assert before.keys() == {"odd: table"}
    assert after != before


KEYS = {
    "VARCHAR(20) COLLATE utf8mb4_bin": [f"'{'x' * (number % 9)}{number}'" for number in range(23)],
    "BIGINT UNSIGNED": [str(2**64 - 1 - number) for number in range(23)],
    "INT": [str(number * (-1) ** number) for number in range(23)],
    "BINARY(16)": [f"UNHEX(MD5({number}))" for number in range(23)],
    "DECIMAL(30,10)": [f"12345678901234567890.{number}" for number in range(10, 33)],
    "DATETIME(6)": [f"'2026-11-22 10:15:00.0000{number}'" for number in range(10, 33)],
    "ENUM('m','z','a','y','b','x','c','w')": [f"'{letter}'" for letter in "mzaybxcw"],
}


@pytest.mark.parametrize(
    ("kind", "key", "pieces"),
    [
        *((kind, "PRIMARY KEY (id)", -(-(len(rows) + 1) // 7)) for kind, rows in KEYS.items()),
        ("INT", "PRIMARY KEY (id, part)", 8),
        ("BINARY(16)", "PRIMARY KEY (part, id)", 4),
        ("INT", "KEY (id)", 1),
    ],
)
def test_pieces_come_to_the_whole(
    counted: Counted, monkeypatch: pytest.MonkeyPatch, kind: str, key: str, pieces: int
) -> None:
    parts = 3 if "part" in key else 1
    rows = [(value, part, f"'{part}'") for value in KEYS[kind] for part in range(parts)]
    create = f"CREATE TABLE trades (id {kind} NOT NULL, part INT, note TEXT, {key})"
    whole = counted(create, insert("trades", rows))
    assert whole["trades"].rows == len(rows)
    parts_told: list[str] = []
    monkeypatch.setattr(module, "ROWS_AT_A_TIME", 7)
    assert counted(told=parts_told.append) == whole
    assert parts_told == ["trades"] * pieces


Row = tuple[int, str | None, bytes | None]
TABLES = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
        st.none() | st.binary(max_size=3),
    ),
    max_size=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=TABLES, other=TABLES)
def test_tallies_are_equal_exactly_where_rows_are(
    counted: Counted, database: Database, one: list[Row], other: list[Row]
) -> None:
    def literal(row: Row) -> list[object]:
        number, text, binary = row
        spelled = "NULL" if text is None else f"CONVERT(x'{text.encode().hex()}' USING utf8mb4)"
        return [number, spelled, "NULL" if binary is None else f"x'{binary.hex()}'"]

    found = []
    for rows in (one, other):
        database.query("CREATE OR REPLACE TABLE any_rows (n INT, t TEXT, b BLOB)")
        if rows:
            database.query(insert("any_rows", [literal(row) for row in rows]))
        found.append(counted()["any_rows"])
    assert (found[0] == found[1]) == (sorted(one, key=repr) == sorted(other, key=repr))


def test_endpoint_is_open_only_meanwhile(
    database: Database,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def enabled() -> bool:
        [there] = database.rds.describe_db_clusters(DBClusterIdentifier=database.identifier)[
            "DBClusters"
        ]
        return bool(there.get("HttpEndpointEnabled"))

    with opened(found(database), environment, REGION) as api:
        assert enabled()
        with pytest.raises(api.rds_data.exceptions.DatabaseErrorException):
            api.rows("SELECT nothing")
    assert not enabled()
    with pytest.raises(ZeroDivisionError), opened(found(database), environment, REGION):
        raise ZeroDivisionError
    assert not enabled()
    monkeypatch.setattr(module, "_OPENING_SECONDS", 0)
    monkeypatch.setattr(
        module.DataApi,
        "rows",
        lambda api, _: api.rds_data.execute_statement(
            resourceArn=api.cluster_arn, secretArn=f"{api.secret_arn}-other", sql="SELECT 1"
        ),
    )
    with (
        pytest.raises(OperatorError, match="does not answer through the Data API"),
        opened(found(database), environment, REGION),
    ):
        pass
    assert not enabled()
