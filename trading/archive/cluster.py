"""An Aurora cluster as AWS tells of it, and its snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stacks.settings import PROJECT
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The tags of what is the archive's and no environment's; the rest of them says of which generation.
ARCHIVE_TAGS = {"Project": PROJECT, "Layer": "archive"}


@dataclass(frozen=True)
class Cluster:
    """A cluster. `has_writer` says that statements can be run on it."""

    identifier: str
    arn: str
    resource_id: str
    status: str
    has_writer: bool
    database: str | None
    secret_arn: str | None

    @property
    def answers(self) -> bool:
        """Whether its rows can be read."""
        return self.status == "available" and self.has_writer

    def require_secret(self) -> str:
        """The secret of its master user. Raises OperatorError when RDS has made none."""
        if self.secret_arn is None:
            raise OperatorError(f"{self.identifier} has no managed secret: deploy its stack again")
        return self.secret_arn

    def require_database(self) -> str:
        """The name of its database. Raises OperatorError when it has none."""
        if self.database is None:
            raise OperatorError(f"{self.identifier} has no database of its own")
        return self.database


def find_cluster(rds: Any, identifier: str) -> Cluster | None:
    """A cluster by its identifier; None when there is none."""
    try:
        [found] = rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"]
    except rds.exceptions.DBClusterNotFoundFault:
        return None
    return Cluster(
        identifier=found["DBClusterIdentifier"],
        arn=found["DBClusterArn"],
        resource_id=found["DbClusterResourceId"],
        status=found["Status"],
        has_writer=any(member["IsClusterWriter"] for member in found.get("DBClusterMembers", [])),
        database=found.get("DatabaseName") or None,
        secret_arn=found.get("MasterUserSecret", {}).get("SecretArn"),
    )


@dataclass(frozen=True)
class Snapshots:
    """The cluster snapshots of a region. `pause` is called between two looks at what takes minutes;
    it raises when the operator wants to stop.
    """

    environment: Mapping[str, str]
    region: str
    pause: Callable[[], None]

    @cached_property
    def rds(self) -> Any:
        """A client of RDS in the region."""
        return client("rds", self.environment, self.region)

    def find(self, identifier: str) -> dict[str, Any] | None:
        """A snapshot by its identifier or ARN; None when there is none."""
        rds = self.rds
        try:
            answer = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=identifier)
        except rds.exceptions.DBClusterSnapshotNotFoundFault:
            return None
        found: list[dict[str, Any]] = answer["DBClusterSnapshots"]
        return found[0] if found else None

    def take(self, cluster: Cluster, identifier: str, tags: dict[str, str]) -> str:
        """Take a snapshot of a cluster, unless there is one of this name; give its ARN when it is
        available.
        """
        if self.find(identifier) is None:
            self.rds.create_db_cluster_snapshot(
                DBClusterIdentifier=cluster.identifier,
                DBClusterSnapshotIdentifier=identifier,
                Tags=_tags(tags),
            )
        return self.available(identifier)

    def copy(self, source_arn: str, identifier: str, kms_key_arn: str, tags: dict[str, str]) -> str:
        """Copy a snapshot, of this region or another, under a key of this one, unless it was copied
        before; give the copy's ARN when it is available.
        """
        if self.find(identifier) is None:
            region = source_arn.split(":")[3]
            # For another region the SDK signs a request to it, too.
            elsewhere = {} if region == self.region else {"SourceRegion": region}
            self.rds.copy_db_cluster_snapshot(
                SourceDBClusterSnapshotIdentifier=source_arn,
                TargetDBClusterSnapshotIdentifier=identifier,
                KmsKeyId=kms_key_arn,
                CopyTags=False,
                Tags=_tags(tags),
                **elsewhere,
            )
        return self.available(identifier)

    def remove(self, identifier: str) -> None:
        """Delete a snapshot that may be there, and return when it is gone."""
        while snapshot := self.find(identifier):
            # One that is being made or deleted cannot be deleted.
            if snapshot["Status"] in {"available", "failed"}:
                self.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=identifier)
            else:
                self.pause()

    def manual(self) -> list[dict[str, Any]]:
        """The manual snapshots, final ones among them."""
        pages = self.rds.get_paginator("describe_db_cluster_snapshots")
        return [
            snapshot
            for page in pages.paginate(SnapshotType="manual")
            for snapshot in page["DBClusterSnapshots"]
        ]

    def under_key(self, kms_key_arn: str) -> list[dict[str, Any]]:
        """The manual snapshots that can be read by this key only."""
        return [one for one in self.manual() if one.get("KmsKeyId") == kms_key_arn]

    def available(self, identifier: str) -> str:
        """The ARN of a snapshot, when it can be used. Raises OperatorError when it never will."""
        while True:
            snapshot = self.find(identifier)
            if snapshot is None:
                raise OperatorError(f"the snapshot {identifier} is gone while it was being made")
            if snapshot["Status"] == "available":
                return str(snapshot["DBClusterSnapshotArn"])
            if snapshot["Status"] == "failed":
                raise OperatorError(
                    f"the snapshot {identifier} has failed: delete it, and try again"
                )
            self.pause()


def is_the_archives(snapshot: dict[str, Any]) -> bool:
    """Whether a snapshot, as AWS tells of it, belongs to an archive and to no environment."""
    tags = {tag["Key"]: tag["Value"] for tag in snapshot.get("TagList", [])}
    return tags.items() >= ARCHIVE_TAGS.items()


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
