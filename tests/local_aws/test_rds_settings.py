"""What a cluster or an instance was created with is told back, and changes."""

from __future__ import annotations

from typing import Any

from tests.local_aws.conftest import ENGINE, Client, create_cluster

KEY = "arn:aws:kms:us-east-1:000000000000:key/trading"


def test_cluster_settings_are_kept_and_change(client: Client, name: str) -> None:
    rds = client("rds")
    created = create_cluster(
        rds, name, EnableCloudwatchLogsExports=["audit", "slowquery"], BacktrackWindow=3600
    )
    assert created["EnabledCloudwatchLogsExports"] == ["audit", "slowquery"]
    assert created["BacktrackWindow"] == 3600
    rds.modify_db_cluster(
        DBClusterIdentifier=name,
        BacktrackWindow=7200,
        CloudwatchLogsExportConfiguration={
            "EnableLogTypes": ["error"],
            "DisableLogTypes": ["audit"],
        },
    )
    changed = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    assert changed["EnabledCloudwatchLogsExports"] == ["error", "slowquery"]
    assert changed["BacktrackWindow"] == 7200
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


def test_instance_settings_are_kept_and_change(client: Client, name: str) -> None:
    rds = client("rds")
    create_cluster(rds, name, StorageEncrypted=True, KmsKeyId=KEY)
    instance: dict[str, Any] = rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBClusterIdentifier=name,
        DBInstanceClass="db.r5.large",
        EnablePerformanceInsights=True,
        PerformanceInsightsKMSKeyId=KEY,
        **ENGINE,
    )["DBInstance"]
    assert instance["PerformanceInsightsKMSKeyId"] == KEY
    assert instance["StorageEncrypted"]
    assert instance["KmsKeyId"] == KEY
    rds.modify_db_instance(
        DBInstanceIdentifier=name,
        PerformanceInsightsRetentionPeriod=31,
        PromotionTier=5,
        AutoMinorVersionUpgrade=False,
    )
    changed = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    assert changed["PerformanceInsightsRetentionPeriod"] == 31
    assert changed["PromotionTier"] == 5
    assert not changed["AutoMinorVersionUpgrade"]
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
