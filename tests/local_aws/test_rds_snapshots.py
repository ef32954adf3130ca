"""Snapshots hold a cluster's rows, can be copied, and bring them back under another name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import (
    ENGINE,
    Client,
    Database,
    clients_of,
    create_cluster,
    create_key,
    database_of,
)
from trading.local.local_target import LocalTarget

Record = dict[str, Any]


def restore(rds: Any, identifier: str, snapshot: str) -> Record:
    """Restore as Terraform does: first the cluster, then its managed password."""
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=identifier, SnapshotIdentifier=snapshot, Engine=ENGINE["Engine"]
    )
    modified = rds.modify_db_cluster(DBClusterIdentifier=identifier, ManageMasterUserPassword=True)
    return dict(modified["DBCluster"])


def test_final_snapshot_copied_and_restored_has_the_rows(
    target: LocalTarget, client: Client, cluster: Record, database: Database, name: str
) -> None:
    rds = client("rds")
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)")
    database.query("INSERT INTO trades VALUES (1), (2)")
    rds.delete_db_cluster(DBClusterIdentifier=name, FinalDBSnapshotIdentifier=f"{name}-final")
    copied = rds.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=f"{name}-final",
        TargetDBClusterSnapshotIdentifier=f"{name}-kept",
    )["DBClusterSnapshot"]
    assert copied["SourceDBClusterSnapshotArn"].endswith(f"{name}-final")
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=f"{name}-final")

    restored = restore(rds, f"{name}-2", f"{name}-kept")
    assert restored["DatabaseName"] == "trading"
    rows = database_of(target, client, restored).query("SELECT id FROM trades ORDER BY id")
    assert rows == [(1,), (2,)]
    rds.delete_db_cluster(DBClusterIdentifier=f"{name}-2", SkipFinalSnapshot=True)
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=f"{name}-kept")
    snapshots = target.directory / "data" / "databases" / "snapshots"
    assert not list(snapshots.rglob(f"{name}*"))


def test_no_backup_outlives_its_cluster(client: Client) -> None:
    assert client("rds").describe_db_cluster_automated_backups()["DBClusterAutomatedBackups"] == []


def test_manual_snapshot_is_of_one_instant(
    target: LocalTarget, client: Client, cluster: Record, database: Database, name: str
) -> None:
    rds = client("rds")
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)")
    database.query("INSERT INTO trades VALUES (1)")
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=name, DBClusterSnapshotIdentifier=f"{name}-manual"
    )
    database.query("INSERT INTO trades VALUES (2)")
    restored = restore(rds, f"{name}-2", f"{name}-manual")
    assert database_of(target, client, restored).query("SELECT id FROM trades") == [(1,)]
    assert database.query("SELECT COUNT(*) FROM trades") == [(2,)]
    rds.delete_db_cluster(DBClusterIdentifier=f"{name}-2", SkipFinalSnapshot=True)


def test_new_cluster_of_a_deleted_ones_name_is_empty(
    target: LocalTarget, client: Client, cluster: Record, database: Database, name: str
) -> None:
    rds = client("rds")
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)")
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
    created = rds.create_db_cluster(
        DBClusterIdentifier=name,
        MasterUsername="trader",
        ManageMasterUserPassword=True,
        DatabaseName="trading",
        **ENGINE,
    )["DBCluster"]
    assert database_of(target, client, created).query("SHOW TABLES") == []


def test_restored_cluster_keeps_the_snapshots_password(
    client: Client, cluster: Record, database: Database, name: str
) -> None:
    rds = client("rds")
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=name, DBClusterSnapshotIdentifier=f"{name}-manual"
    )
    restored = rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=f"{name}-2", SnapshotIdentifier=f"{name}-manual", **ENGINE
    )["DBCluster"]
    same_login = Database(
        restored["Endpoint"], database.user, database.password, database.authority
    )
    assert same_login.query("SELECT 1") == [(1,)]
    rds.delete_db_cluster(DBClusterIdentifier=f"{name}-2", SkipFinalSnapshot=True)


def test_snapshot_names_are_used_once(client: Client, cluster: Record, name: str) -> None:
    rds = client("rds")
    snapshot = f"{name}-once"
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=snapshot)
    with pytest.raises(ClientError, match="already exists"):
        rds.delete_db_cluster(DBClusterIdentifier=name, FinalDBSnapshotIdentifier=snapshot)
    with pytest.raises(ClientError, match="already exists"):
        rds.copy_db_cluster_snapshot(
            SourceDBClusterSnapshotIdentifier=snapshot, TargetDBClusterSnapshotIdentifier=snapshot
        )
    with pytest.raises(ClientError, match="not found"):
        restore(rds, f"{name}-2", "no-such-snapshot")


def test_snapshots_and_endpoints_survive_a_restart(
    new_target: Callable[[], LocalTarget],
) -> None:
    target = new_target()
    target.up(lambda _: None)
    client = clients_of(target)
    rds, key = client("rds"), create_key(client)
    kept = create_cluster(rds, "kept", StorageEncrypted=True, KmsKeyId=key)
    database_of(target, client, kept).query("CREATE TABLE trades AS SELECT 7 AS id")
    rds.create_db_cluster_snapshot(DBClusterIdentifier="kept", DBClusterSnapshotIdentifier="kept")
    before = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    rds.delete_db_cluster(DBClusterIdentifier="kept", SkipFinalSnapshot=True)
    other = create_cluster(rds, "other")
    rds.enable_http_endpoint(ResourceArn=other["DBClusterArn"])
    target.down()
    target.up(lambda _: None)
    assert rds.describe_db_cluster_snapshots()["DBClusterSnapshots"] == before
    [told] = rds.describe_db_clusters()["DBClusters"]
    assert told["HttpEndpointEnabled"] is True
    restored = restore(rds, "restored", "kept")
    assert restored["KmsKeyId"] == key
    assert database_of(target, client, restored).query("SELECT id FROM trades") == [(7,)]
