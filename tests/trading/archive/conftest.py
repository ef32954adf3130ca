"""Archives, clusters and buckets on a really started local AWS; nothing is made by Terraform."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.local_aws.conftest import (
    ENGINE,
    Client,
    client,
    create_cluster,
    create_key,
    database_of,
    name,
    new_target,
    target,
)
from tests.trading.archive.bucket_contents import Content, put
from trading.archive.holdings import Holdings
from trading.archive.keep import Keep
from trading.archive.manifest import Manifest
from trading.archive.shelf import Archive, Shelf
from trading.archive.telling import Telling
from trading.engine.events import Event, StackProgress
from trading.engine.processes import Processes
from trading.engine.report import Report
from trading.local.local_target import LocalTarget

__all__ = ["client", "name", "new_target", "target"]

REGION, ELSEWHERE = "us-east-1", "us-west-2"
OBJECTS = "aws_s3_bucket.objects"
LOGS = "aws_s3_bucket.access_logs_bucket"
FIRST, SECOND = "20261122T101500Z", "20261122T111500Z"


@pytest.fixture(scope="session")
def environment(target: LocalTarget) -> dict[str, str]:
    """How AWS is reached."""
    return target.environment()


def create_bucket(client: Client, bucket: str, key: str, region: str = REGION) -> str:
    """A versioned bucket under a key."""
    s3 = client("s3", region)
    elsewhere = {"LocationConstraint": region}
    s3.create_bucket(
        Bucket=bucket, **({"CreateBucketConfiguration": elsewhere} if region != REGION else {})
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
        },
    )
    return bucket


@pytest.fixture
def new_archive(
    client: Client, environment: Mapping[str, str], name: str
) -> Callable[[str], Archive]:
    """Make the archive of a region."""

    def make(region: str) -> Archive:
        key = create_key(client, region)
        bucket = create_bucket(client, f"archive-{region}-{name}", key, region)
        return Archive(region, bucket, key, environment)

    return make


@pytest.fixture
def archive(new_archive: Callable[[str], Archive]) -> Archive:
    return new_archive(REGION)


@pytest.fixture
def shelf(archive: Archive, client: Client, name: str) -> Iterator[Shelf]:
    """Of an environment that no other test has: snapshots are named after it."""
    yield archive.shelf(name)
    for region in (REGION, ELSEWHERE):
        rds = client("rds", region)
        for snapshot in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]:
            identifier = snapshot["DBClusterSnapshotIdentifier"]
            if identifier.startswith(f"archive-{name}-"):
                rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=identifier)


@dataclass
class Told(Telling):
    """Remembers what it was told; `going_on` is asked before each object and raises to stop."""

    events: list[Event] = field(default_factory=list)
    going_on: Callable[[], None] = lambda: None

    @property
    def milestones(self) -> list[str]:
        return [
            event.text
            for event in self.events
            if isinstance(event, StackProgress) and event.milestone
        ]

    def pause(self) -> None:
        time.sleep(0.05)

    def counting(self, table: str) -> None:
        pass

    def require_going_on(self) -> None:
        self.going_on()


@pytest.fixture
def telling() -> Told:
    events: list[Event] = []
    report = Report("data-us-east-1", events.append, io.StringIO())
    return Told("keeping", report, Processes(), events=events)


@dataclass(frozen=True)
class Database:
    """A cluster with a writer."""

    client: Client
    target: LocalTarget
    described: dict[str, Any]

    @property
    def identifier(self) -> str:
        return str(self.described["DBClusterIdentifier"])

    @property
    def rds(self) -> Any:
        return self.client("rds", self.described["DBClusterArn"].split(":")[3])

    def query(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, and give what the last answers."""
        database = database_of(self.target, self.client, self.described)
        return [database.query(statement) for statement in statements][-1]

    def remove_writer(self) -> None:
        self.rds.delete_db_instance(
            DBInstanceIdentifier=f"{self.identifier}-1", SkipFinalSnapshot=True
        )

    def remove(self) -> None:
        """With its writer, where there are any."""
        [there] = self.rds.describe_db_clusters(DBClusterIdentifier=self.identifier)["DBClusters"]
        if there["DBClusterMembers"]:
            self.remove_writer()
        self.rds.delete_db_cluster(DBClusterIdentifier=self.identifier, SkipFinalSnapshot=True)


def add_writer(rds: Any, identifier: str) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier=f"{identifier}-1",
        DBClusterIdentifier=identifier,
        DBInstanceClass="db.r5.large",
        **ENGINE,
    )


def make_database(
    client: Client, target: LocalTarget, identifier: str, key: str, snapshot: str | None = None
) -> Database:
    """A cluster with a writer, under a key and in its region; from a snapshot, if one is named."""
    rds = client("rds", key.split(":")[3])
    if snapshot is None:
        described = create_cluster(rds, identifier, StorageEncrypted=True, KmsKeyId=key)
    else:
        rds.restore_db_cluster_from_snapshot(
            DBClusterIdentifier=identifier,
            SnapshotIdentifier=snapshot,
            Engine=ENGINE["Engine"],
            KmsKeyId=key,
        )
        # The managed password comes after, as Terraform does it.
        described = rds.modify_db_cluster(
            DBClusterIdentifier=identifier, ManageMasterUserPassword=True
        )["DBCluster"]
    add_writer(rds, identifier)
    return Database(client, target, described)


@pytest.fixture(scope="session")
def shared_database(client: Client, target: LocalTarget) -> Database:
    return make_database(client, target, "shared", create_key(client))


@pytest.fixture
def database(shared_database: Database) -> Iterator[Database]:
    """One without tables, for tests that let it live."""
    yield shared_database
    for [table] in shared_database.query("SHOW TABLES"):
        shared_database.query(f"DROP TABLE `{table}`")


@pytest.fixture
def new_database(
    client: Client, target: LocalTarget, name: str
) -> Iterator[Callable[..., Database]]:
    """Make one that the test may destroy."""
    made: list[Database] = []

    def make(key: str, snapshot: str | None = None) -> Database:
        made.append(make_database(client, target, f"{name}-{len(made)}", key, snapshot))
        return made[-1]

    yield make
    for database in made:
        there = database.rds.describe_db_clusters()["DBClusters"]
        if database.identifier in {one["DBClusterIdentifier"] for one in there}:
            database.remove()


def holding(database: Database | None, **buckets: str) -> Holdings:
    """A stack's holdings: a cluster, and buckets by the names of their resources."""
    return Holdings(
        cluster=database.identifier if database else None,
        resource_id=database.described["DbClusterResourceId"] if database else None,
        buckets={f"aws_s3_bucket.{resource}": bucket for resource, bucket in buckets.items()},
    )


@dataclass
class Stack:
    """A data stack, and how it is kept."""

    client: Client
    key: str
    database: Database
    holdings: Holdings
    shelf: Shelf
    telling: Told

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def bucket(self) -> str:
        return self.holdings.buckets[OBJECTS]

    def keep(self, generation: str = FIRST, *, living: bool = False) -> Manifest | None:
        stack = "data-us-east-1"
        keep = Keep(stack, self.holdings, self.shelf, generation, self.telling, living=living)
        return keep.run()

    def put(self, key: str, body: bytes = b"x", bucket: str | None = None) -> None:
        put(self.s3, bucket or self.bucket, key, Content(body))

    def meanwhile(self, happens: Callable[[], object]) -> None:
        """Once, while an object is copied."""

        def once() -> None:
            self.telling.going_on = lambda: None
            happens()

        self.telling.going_on = once

    def snapshots(self) -> list[dict[str, Any]]:
        """The archive's."""
        found = self.database.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
        prefix = f"archive-{self.shelf.workspace}-"
        return [one for one in found if one["DBClusterSnapshotIdentifier"].startswith(prefix)]

    def copies(self) -> dict[str, Any]:
        """The copies of objects, and when they were made."""
        found = self.s3.list_objects_v2(Bucket=self.shelf.archive.bucket).get("Contents", [])
        return {one["Key"]: one["LastModified"] for one in found if "/objects/" in one["Key"]}


@pytest.fixture
def stack(client: Client, database: Database, shelf: Shelf, telling: Told, name: str) -> Stack:
    """With a table of two rows, two buckets, and an object in one of them."""
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)", "INSERT INTO trades VALUES (1), (2)")
    key = create_key(client)
    objects, logs = (create_bucket(client, f"{kind}-{name}", key) for kind in ("objects", "logs"))
    holdings = holding(database, objects=objects, access_logs_bucket=logs)
    made = Stack(client, key, database, holdings, shelf, telling)
    made.put("first")
    return made
