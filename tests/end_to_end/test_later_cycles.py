"""The data of a region is destroyed and made again, once as it was earlier and once as it was last.

A copy of staging, where nothing is kept unless asked; no API, so rows are written and read through the
Data API. One story in order: each test goes on where the one before it ended. `test_recreation.py` has
another cycle, with all layers, and `tests/trading/archive/test_many_cycles.py` has many.
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
ROWS, OBJECTS = 500, 150


@dataclass
class Cycled:
    """The operator, and what there was when it was kept: all rows and all objects, by generation."""

    operator: Operator
    rows: dict[str, list[Any]]
    objects: dict[str, Any]

    def write(self, called: str) -> None:
        """More rows, and more objects."""
        write_rows(self.operator, called)
        put_objects(self.operator, REGION, OBJECTS, called)

    def keep(self, *command: str) -> str:
        """Run what makes a generation of all that there is; its name."""
        rows, objects = read_rows(self.operator), read_objects(self.operator, REGION)
        before = generations(self.operator)
        self.operator.succeeds(*command)
        [*earlier, made] = generations(self.operator)
        assert earlier == before
        self.rows[made], self.objects[made] = rows, objects
        return made

    def require(self, generation: str) -> None:
        """All that there was, and nothing else, is there."""
        assert read_rows(self.operator) == self.rows[generation]
        assert read_objects(self.operator, REGION) == self.objects[generation]


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


def test_what_lives_on_is_kept_and_what_is_destroyed_later_too(cycled: Cycled) -> None:
    staging = cycled.operator
    assert "verified against generation" not in staging.succeeds("deploy", DATA, "--yes")
    cycled.write("earlier")
    living = cycled.keep("archive", "keep")
    cycled.require(living)
    cycled.write("first")
    first = cycled.keep("destroy", DATA, "--keep-data", *CONFIRMED)
    assert [len(cycled.rows[one]) for one in (living, first)] == [ROWS, 2 * ROWS]


def test_an_older_generation_comes_back_where_it_is_asked_for(cycled: Cycled) -> None:
    staging = cycled.operator
    living, _ = generations(staging)
    said = staging.succeeds("deploy", DATA, "--from", living, "--yes")
    assert f"verified against generation {living}" in said
    cycled.require(living)
    cycled.write("second")
    second = cycled.keep("destroy", DATA, "--keep-data", *CONFIRMED)
    assert len(cycled.rows[second]) == 2 * ROWS


def test_the_only_copy_is_not_pruned(cycled: Cycled) -> None:
    newest = generations(cycled.operator)[-1]
    result = cycled.operator.trading("archive", "prune", newest, "--yes")
    assert result.returncode == 1
    assert newest in result.stderr
    assert generations(cycled.operator) == sorted(cycled.rows)


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


def test_the_newest_generation_comes_back_untold(cycled: Cycled) -> None:
    newest = generations(cycled.operator)[-1]
    said = cycled.operator.succeeds("deploy", DATA, "--yes")
    assert f"verified against generation {newest}" in said
    cycled.require(newest)


def test_a_plan_with_another_snapshot_or_none_leaves_the_cluster_alone(cycled: Cycled) -> None:
    assert "+0 ~0 -0 resources" in cycled.operator.succeeds("plan", DATA)


def test_old_generations_are_pruned(cycled: Cycled) -> None:
    newest = generations(cycled.operator)[-1]
    cycled.operator.succeeds("archive", "prune", "--keep", "1", "--yes")
    assert generations(cycled.operator) == [newest]
    snapshots = aws(cycled.operator, "rds", REGION).describe_db_cluster_snapshots()
    names = [one["DBClusterSnapshotIdentifier"] for one in snapshots["DBClusterSnapshots"]]
    assert names == [f"archive-{WORKSPACE}-{REGION}-{newest.lower()}"]
