"""Snapshots are as usable as the KMS keys they are encrypted under."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import ENGINE, Client, create_cluster, create_key, database_of
from trading.local.local_target import LocalTarget

Record = dict[str, Any]


@pytest.fixture
def key(client: Client) -> str:
    return create_key(client)


@pytest.fixture
def encrypted(client: Client, name: str, key: str) -> Iterator[Record]:
    """A cluster encrypted under ``key``, with a snapshot of its name."""
    rds = client("rds")
    cluster = create_cluster(rds, name, StorageEncrypted=True, KmsKeyId=key)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name)
    yield cluster
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Code"])


def copy_of(rds: Any, source: str, target: str, **settings: Any) -> Record:
    copied = rds.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=source,
        TargetDBClusterSnapshotIdentifier=target,
        **settings,
    )
    return dict(copied["DBClusterSnapshot"])


@pytest.mark.parametrize("disable", ["disable_key", "schedule_key_deletion"])
def test_unusable_key_refuses_snapshots_copies_and_restores(
    client: Client, encrypted: Record, key: str, name: str, disable: str
) -> None:
    rds, kms, archive_key = client("rds"), client("kms"), create_key(client)
    kept = copy_of(rds, name, f"{name}-kept", KmsKeyId=archive_key)
    assert kept["KmsKeyId"] == archive_key
    getattr(kms, disable)(KeyId=key)

    fault = "KMSKeyNotAccessibleFault"
    copy = {"TargetDBClusterSnapshotIdentifier": f"{name}-copy"}
    copy_own = {**copy, "SourceDBClusterSnapshotIdentifier": name}
    copy_kept = {**copy, "SourceDBClusterSnapshotIdentifier": f"{name}-kept"}
    snapshot = {"DBClusterIdentifier": name, "DBClusterSnapshotIdentifier": f"{name}-new"}
    restore = {"DBClusterIdentifier": f"{name}-2", "Engine": ENGINE["Engine"]}
    assert refusal(rds.create_db_cluster_snapshot, **snapshot) == fault
    final = {"DBClusterIdentifier": name, "FinalDBSnapshotIdentifier": f"{name}-final"}
    assert refusal(rds.delete_db_cluster, **final) == fault
    assert refusal(rds.copy_db_cluster_snapshot, **copy_own, KmsKeyId=archive_key) == fault
    assert refusal(rds.copy_db_cluster_snapshot, **copy_kept, KmsKeyId=key) == fault
    restoring = rds.restore_db_cluster_from_snapshot
    assert refusal(restoring, **restore, SnapshotIdentifier=name, KmsKeyId=archive_key) == fault
    assert refusal(restoring, **restore, SnapshotIdentifier=f"{name}-kept", KmsKeyId=key) == fault

    new_key = create_key(client)
    restored = restoring(**restore, SnapshotIdentifier=f"{name}-kept", KmsKeyId=new_key)
    assert restored["DBCluster"]["KmsKeyId"] == new_key
    assert restored["DBCluster"]["StorageEncrypted"] is True
    rds.delete_db_cluster(DBClusterIdentifier=f"{name}-2", SkipFinalSnapshot=True)


def test_snapshot_is_copied_to_another_region_under_a_key_of_it(
    target: LocalTarget, client: Client, encrypted: Record, key: str, name: str
) -> None:
    database_of(target, client, encrypted).query("CREATE TABLE trades (id INT)")
    rds, west, western_key = (
        client("rds"),
        client("rds", "us-west-2"),
        create_key(client, "us-west-2"),
    )
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    rds.get_waiter("db_cluster_snapshot_deleted").wait(DBClusterSnapshotIdentifier=name)
    arn = rds.create_db_cluster_snapshot(
        DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name
    )["DBClusterSnapshot"]["DBClusterSnapshotArn"]
    copying = {
        "SourceDBClusterSnapshotIdentifier": arn,
        "TargetDBClusterSnapshotIdentifier": f"{name}-west",
        "SourceRegion": "us-east-1",
    }
    for foreign in ({}, {"KmsKeyId": key}):
        code = refusal(west.copy_db_cluster_snapshot, **copying, **foreign)
        assert code == "InvalidParameterCombination"
    copy_of(west, arn, f"{name}-west", KmsKeyId=western_key, SourceRegion="us-east-1")
    west.get_waiter("db_cluster_snapshot_available").wait(
        DBClusterSnapshotIdentifier=f"{name}-west"
    )
    copied_arn = arn.replace("us-east-1", "us-west-2") + "-west"
    [told] = west.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=copied_arn)[
        "DBClusterSnapshots"
    ]
    [source] = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=arn)[
        "DBClusterSnapshots"
    ]
    assert told["SnapshotCreateTime"] >= source["SnapshotCreateTime"]
    expected = {
        "DBClusterSnapshotArn": copied_arn,
        "SourceDBClusterSnapshotArn": arn,
        "KmsKeyId": western_key,
        "StorageEncrypted": True,
        "DbClusterResourceId": encrypted["DbClusterResourceId"],
        "PercentProgress": 100,
        "Status": "available",
    }
    assert {field: told[field] for field in expected} == expected

    client("kms").disable_key(KeyId=key)
    restoring = {"DBClusterIdentifier": f"{name}-2", "Engine": ENGINE["Engine"]}
    with pytest.raises(ClientError, match="not found"):
        rds.restore_db_cluster_from_snapshot(**restoring, SnapshotIdentifier=copied_arn)
    west.restore_db_cluster_from_snapshot(**restoring, SnapshotIdentifier=copied_arn)
    restored = west.modify_db_cluster(
        DBClusterIdentifier=f"{name}-2", ManageMasterUserPassword=True
    )["DBCluster"]
    assert database_of(target, client, restored).query("SHOW TABLES") == [("trades",)]
    west.delete_db_cluster(DBClusterIdentifier=f"{name}-2", SkipFinalSnapshot=True)


def test_unencrypted_snapshot_is_copied_without_a_key(
    client: Client, cluster: Record, key: str, name: str
) -> None:
    rds = client("rds")
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name)
    copying = {
        "SourceDBClusterSnapshotIdentifier": name,
        "TargetDBClusterSnapshotIdentifier": f"{name}-copy",
    }
    code = refusal(rds.copy_db_cluster_snapshot, **copying, KmsKeyId=key)
    assert code == "InvalidParameterCombination"
    assert rds.copy_db_cluster_snapshot(**copying)["DBClusterSnapshot"]["StorageEncrypted"] is False
