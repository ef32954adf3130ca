"""An operator at the command line: S3, RDS and KMS are the local AWS's, Terraform is stood in for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stacks.settings import REGIONS
from tests.local_aws.conftest import Client, create_cluster
from tests.trading.archive.conftest import OBJECTS, Database
from tests.trading.conftest import Project, write_synthesized
from trading.archive.cluster import Snapshots
from trading.archive.manifest import (
    KeptBucket,
    KeptDatabase,
    Manifest,
    Started,
    Tally,
)
from trading.archive.objects import Kept, Place, Version, copy_object
from trading.archive.shelf import Archive, Shelf
from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.local.local_target import LocalTarget

REGION_NAMES = [region.name for region in REGIONS]
HOME, ELSEWHERE = "us-east-1", "us-west-2"
# The newest last.
GENERATIONS = [f"202611{day}T101500Z" for day in (22, 23, 24, 25)]
ACCOUNT = "000000000000"
OBJECT = Version("report", "v1", 5, marker=False)
BODY = b"bytes"

Stacks = dict[str, tuple[str, str, list[str]]]


@dataclass
class Operator:
    """What an operator has: the command line, and the archives of a foundation."""

    project: Project
    client: Client
    archives: dict[str, Archive]
    seed: str
    clusters: dict[str, dict[str, Any]]
    made: list[tuple[Snapshots, str]] = field(default_factory=list)

    def __call__(self, *arguments: str, env: str = "dev") -> Result:
        """Run `trading`."""
        return CliRunner().invoke(main, arguments, env={"TF_WORKSPACE": env})

    def succeeds(self, *arguments: str, env: str = "dev") -> str:
        """Run `trading`, which must succeed; what it printed."""
        result = self(*arguments, env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *arguments: str, env: str = "dev") -> str:
        """Run `trading`, which must refuse in one line."""
        result = self(*arguments, env=env)
        assert result.exit_code == 1, result.output
        [line] = result.stderr.splitlines()
        return line.removeprefix("error: ")

    def shelf(self, env: str = "dev", region: str = HOME, where: str | None = None) -> Shelf:
        """Where generations of a region are, at home or in another one's archive."""
        return self.archives[where or region].shelf(env, region)

    def keeps(self, shelf: Shelf, generation: str, key: str | None = None) -> Manifest:
        """Put a whole generation onto a shelf: a snapshot, an object, a delete marker, a manifest."""
        archive = shelf.archive
        self.begins(shelf, generation)
        snapshots = Snapshots(archive.environment, archive.region, lambda: None)
        name = shelf.snapshot_name(generation)
        tags = shelf.tags(generation)
        arn = snapshots.copy(self.seed, name, key or archive.kms_key_arn, tags)
        kept = [
            Kept(
                OBJECTS, OBJECT.key, OBJECT.version_id, 5, False, "", self.puts(shelf, generation)
            ),
            Kept(OBJECTS, OBJECT.key, "v2", 0, True, ""),
        ]
        manifest = Manifest(
            workspace=shelf.workspace,
            region=shelf.region,
            generation=generation,
            stack=f"data-{shelf.region}",
            living=False,
            operator="ops@example",
            revision="1a2b3c4",
            started_at=datetime.now(UTC),
            kept_at=datetime.strptime(generation, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
            kms_key_arn=archive.kms_key_arn,
            database=KeptDatabase(
                cluster="aurora-dev",
                resource_id="cluster-1",
                snapshot_arn=arn,
                tables={"trades": Tally(rows=1204, checksum="00ff")},
            ),
            buckets={OBJECTS: KeptBucket(name="objects", versions=2, delete_markers=1, bytes=5)},
            inventory_sha256=shelf.write_inventory(generation, [one.to_json() for one in kept]),
        )
        shelf.write_manifest(manifest)
        return manifest

    def begins(self, shelf: Shelf, generation: str) -> None:
        """Put what a keep that was cut off leaves onto a shelf."""
        archive = shelf.archive
        snapshots = Snapshots(archive.environment, archive.region, lambda: None)
        names = (shelf.snapshot_name(generation), shelf.passing_snapshot_name(generation))
        self.made += [(snapshots, name) for name in names]
        shelf.write_started(
            Started(
                generation=generation,
                resource_id="cluster-1",
                tables={},
                operator="ops@example",
                started_at=datetime.now(UTC),
            )
        )

    def puts(self, shelf: Shelf, generation: str, body: bytes = BODY) -> str:
        """Have S3 copy the object there, as a keep does; its checksum."""
        archive = shelf.archive
        passing = {"Bucket": archive.bucket, "Key": "passing"}
        archive.s3.put_object(Body=body, **passing)
        source, target = (
            Place(archive.bucket, key)
            for key in ("passing", shelf.object_key(generation, OBJECT.stored_as))
        )
        checksum = copy_object(archive.s3, source, target, len(body), archive.encryption)
        archive.s3.delete_object(**passing)
        return checksum

    def there(self, where: str = HOME) -> set[str]:
        """All objects of an archive's bucket."""
        archive = self.archives[where]
        listed = archive.s3.list_objects_v2(Bucket=archive.bucket)
        return {item["Key"] for item in listed.get("Contents", [])}

    def snapshots(self, where: str = HOME) -> set[str]:
        """The names of the archive's snapshots in a region."""
        found = self.client("rds", where).describe_db_cluster_snapshots()["DBClusterSnapshots"]
        names = {one["DBClusterSnapshotIdentifier"] for one in found}
        return {name for name in names if name.startswith("archive-")}

    def deploys(self, region: str = HOME, resource_id: str | None = None) -> None:
        """As if the data stack of a region had a cluster: the shared one, unless it bears another id."""
        stack = f"data-{region}"
        self.project.deploy_state(stack)
        held = {
            "cluster_identifier": self.clusters[region]["DBClusterIdentifier"],
            "cluster_resource_id": resource_id or self.clusters[region]["DbClusterResourceId"],
        }
        self.shows(stack, "dev", {"aws_rds_cluster.aurora_cluster": held})

    def shows(self, stack: str, env: str, state: dict[str, dict[str, Any]], **more: Any) -> None:
        """Let Terraform show these resources in a stack's state."""
        resources = [
            {"mode": "managed", "type": address.split(".")[0], "address": address, "values": held}
            for address, held in state.items()
        ]
        behaviour = {"show": {"values": {"root_module": {"resources": resources}}}, **more}
        (self.directory(stack, env) / "fake.json").write_text(json.dumps(behaviour))

    def directory(self, stack: str, env: str) -> Path:
        """The folder of a stack."""
        return self.project.work / env / "cdktf.out" / "stacks" / stack

    def publishes(self, archive: Archive) -> None:
        """Let the foundation of a region have this archive."""
        state = {
            "aws_s3_bucket.archive_bucket": {"bucket": archive.bucket},
            "aws_kms_key.key": {"arn": archive.kms_key_arn},
        }
        outputs = {"archive_bucket": archive.bucket, "kms_key_arn": archive.kms_key_arn}
        self.shows(f"foundation-{archive.region}", "foundation", state, values=outputs)


@pytest.fixture(scope="session")
def seed(shared_database: Database) -> str:
    """A snapshot that all others are copies of."""
    answer = shared_database.rds.create_db_cluster_snapshot(
        DBClusterIdentifier=shared_database.identifier, DBClusterSnapshotIdentifier="seed"
    )
    return str(answer["DBClusterSnapshot"]["DBClusterSnapshotArn"])


@pytest.fixture(scope="session")
def clusters(shared_database: Database, client: Client) -> dict[str, dict[str, Any]]:
    """One in each of two regions."""
    elsewhere = create_cluster(client("rds", ELSEWHERE), "elsewhere")
    return {HOME: shared_database.described, ELSEWHERE: elsewhere}


@pytest.fixture
def operator(
    project: Project,
    target: LocalTarget,
    client: Client,
    new_archive: Callable[[str], Archive],
    seed: str,
    clusters: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Operator]:
    """An operator after `foundation deploy`, with nothing deployed and nothing kept."""

    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / workspace / "cdktf.out")

    monkeypatch.setattr(engine, "synthesize", synthesized)
    monkeypatch.setenv("TRADING_TARGET", "local")
    (project.work / "local").symlink_to(target.directory)
    foundation: Stacks = {f"foundation-{name}": ("foundation", name, []) for name in REGION_NAMES}
    write_synthesized(project.work / "foundation" / "cdktf.out", foundation)
    project.deploy_state(*foundation, workspace="foundation")
    data: Stacks = {f"data-{name}": ("data", name, []) for name in REGION_NAMES}
    write_synthesized(project.work / "prod" / "cdktf.out", data)
    archives = {name: new_archive(name) for name in REGION_NAMES}
    operator = Operator(project, client, archives, seed, clusters)
    for archive in archives.values():
        operator.publishes(archive)
    yield operator
    for snapshots, name in operator.made:
        snapshots.remove(name)


@pytest.fixture(autouse=True)
def _no_snapshots_of_other_tests(client: Client) -> None:
    """All tests of a process share one account, and all that is the archive's goes."""
    for region in REGION_NAMES:
        rds = client("rds", region)
        for one in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]:
            name = one["DBClusterSnapshotIdentifier"]
            if name.startswith("archive-"):
                rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
