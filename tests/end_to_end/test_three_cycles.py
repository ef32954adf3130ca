"""The data of a region is destroyed and made again three times, and is more each time.

A copy of staging, where nothing is kept unless asked; no API, so rows are written and read through the
Data API. One story in order: each test goes on where the one before it ended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.end_to_end.belongings import ODD_KEY, put_objects, read_objects
from tests.end_to_end.conftest import Operator
from tests.end_to_end.interruptions import aws
from trading.archive.cluster import find_cluster
from trading.archive.tally import DataApi, opened

pytestmark = pytest.mark.end_to_end

WORKSPACE = "staging-drill"
REGION = "us-west-2"
DATA = f"data-{REGION}"
CONFIRMED = ("--confirm", WORKSPACE)
CYCLES = ("first", "second", "third")
ROWS, OBJECTS = 500, 150


@dataclass
class Cycled:
    """The operator, and what there was before each destroy: all rows, all objects."""

    operator: Operator
    rows: dict[str, list[Any]]
    objects: dict[str, Any]


@pytest.fixture(scope="module")
def cycled(operator: Operator) -> Cycled:
    """The account has its foundation, the region its two lowest layers, and no data yet."""
    staging = replace(operator, workspace=WORKSPACE)
    foundation = staging.start("foundation", "deploy", "--yes")
    # Neither of them needs the foundation.
    staging.succeeds("deploy", f"security-{REGION}", f"network-{REGION}", "--yes")
    output, errors = foundation.communicate()
    assert foundation.returncode == 0, output + errors
    return Cycled(staging, {}, {})


def _database(operator: Operator) -> Any:
    environment = operator.local.environment()
    cluster = find_cluster(aws(operator, "rds", REGION), f"aurora-mysql-{WORKSPACE}")
    assert cluster is not None
    return opened(cluster, environment, REGION)


def write_rows(operator: Operator, cycle: str) -> None:
    """More rows, with what a checksum could trip over."""
    values = ", ".join(
        f"('{cycle}-{number}', {number}.0000000001, '{ODD_KEY}', NULL)" for number in range(ROWS)
    )
    with _database(operator) as api:
        create = (
            "CREATE TABLE IF NOT EXISTS fills (id VARCHAR(40) PRIMARY KEY,"
            " price DECIMAL(28,10), note VARCHAR(80) CHARACTER SET utf8mb4, nothing BLOB)"
        )
        for statement in (create, f"INSERT INTO fills VALUES {values}"):
            assert api.rows(statement) == []


def read_rows(operator: Operator) -> list[Any]:
    """Every row, as the database tells it."""
    with _database(operator) as api:
        return _all(api)


def _all(api: DataApi) -> list[Any]:
    return api.rows("SELECT id, CAST(price AS CHAR), note, nothing FROM fills ORDER BY id")


def generations(operator: Operator) -> list[str]:
    """The generations that are kept, the oldest first."""
    listed = json.loads(operator.succeeds("archive", "list", "--json"))
    return sorted(str(one["generation"]) for one in listed["generations"])


@pytest.mark.parametrize("cycle", CYCLES)
def test_each_cycle_brings_back_all_of_those_before(cycled: Cycled, cycle: str) -> None:
    staging, before = cycled.operator, list(cycled.rows)
    said = staging.succeeds("deploy", DATA, "--yes")
    assert ("verified against generation" in said) is bool(before)
    if before:
        assert read_rows(staging) == cycled.rows[before[-1]]
        assert read_objects(staging, REGION) == cycled.objects[before[-1]]
    write_rows(staging, cycle)
    put_objects(staging, REGION, OBJECTS, cycle)
    cycled.rows[cycle] = read_rows(staging)
    cycled.objects[cycle] = read_objects(staging, REGION)
    assert len(cycled.rows[cycle]) == ROWS * (len(before) + 1)
    staging.succeeds("destroy", DATA, "--keep-data", *CONFIRMED)
    assert len(generations(staging)) == len(before) + 1


def test_the_only_copy_is_not_pruned(cycled: Cycled) -> None:
    newest = generations(cycled.operator)[-1]
    result = cycled.operator.trading("archive", "prune", newest, "--yes")
    assert result.returncode == 1
    assert newest in result.stderr
    assert len(generations(cycled.operator)) == len(CYCLES)


def test_a_snapshot_that_is_gone_is_refused_before_anything_is_made(cycled: Cycled) -> None:
    staging = cycled.operator
    oldest = generations(staging)[0]
    rds = aws(staging, "rds", REGION)
    rds.delete_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=f"archive-{WORKSPACE}-{REGION}-{oldest.lower()}"
    )
    result = staging.trading("deploy", DATA, "--from", oldest, "--yes")
    assert result.returncode == 1
    assert "is gone" in result.stderr
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_an_older_generation_comes_back_where_it_is_asked_for(cycled: Cycled) -> None:
    staging = cycled.operator
    _, second, _ = generations(staging)
    staging.succeeds("deploy", DATA, "--from", second, "--yes")
    assert read_rows(staging) == cycled.rows["second"]
    assert read_objects(staging, REGION) == cycled.objects["second"]


def test_a_plan_with_another_snapshot_or_none_leaves_the_cluster_alone(cycled: Cycled) -> None:
    assert "+0 ~0 -0 resources" in cycled.operator.succeeds("plan", DATA)


def test_old_generations_are_pruned(cycled: Cycled) -> None:
    newest = generations(cycled.operator)[-1]
    cycled.operator.succeeds("archive", "prune", "--keep", "1", "--yes")
    assert generations(cycled.operator) == [newest]
    snapshots = aws(cycled.operator, "rds", REGION).describe_db_cluster_snapshots()
    names = [one["DBClusterSnapshotIdentifier"] for one in snapshots["DBClusterSnapshots"]]
    assert names == [f"archive-{WORKSPACE}-{REGION}-{newest.lower()}"]
