"""A real database stands behind each cluster, and lives and ends with it."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import pymysql
import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import (
    ENGINE,
    Client,
    Database,
    create_cluster,
    database_of,
    eventually,
    server_process,
)
from trading.local.local_target import LocalTarget

Record = dict[str, Any]


def test_managed_user_has_the_named_database(database: Database) -> None:
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)")
    database.query("INSERT INTO trades VALUES (7)")
    assert database.query("SELECT id FROM trades") == [(7,)]
    assert database.query("SELECT @@character_set_database") == [("utf8mb4",)]


def test_master_user_is_no_superuser(database: Database) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="SUPER"):
        database.query("SET GLOBAL general_log = ON")


def test_plain_text_is_refused(database: Database) -> None:
    with pytest.raises(pymysql.err.OperationalError, match=r"Access denied|insecure transport"):
        pymysql.connect(
            host=database.address,
            user=database.user,
            password=database.password,
            ssl_disabled=True,
        )


def test_certificate_is_the_authoritys_and_names_the_address(database: Database) -> None:
    # query() verifies both; with another authority the same connection must fail.
    database.query("SELECT 1")
    with pytest.raises((OSError, pymysql.err.OperationalError), match="certificate verify failed"):
        dataclasses.replace(database, authority=Path("/etc/ssl/certs/ca-certificates.crt")).query(
            "SELECT 1"
        )


def test_wrong_password_is_refused(database: Database) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        dataclasses.replace(database, password="wrong").query("SELECT 1")


def test_clusters_of_two_regions_are_apart(
    target: LocalTarget, client: Client, cluster: Record, database: Database
) -> None:
    other = create_cluster(client("rds", "us-west-2"), cluster["DBClusterIdentifier"])
    try:
        assert other["Endpoint"] != cluster["Endpoint"]
        assert other["Port"] == cluster["Port"] == 3306
        database.query("CREATE TABLE here (id INT)")
        assert database_of(target, client, other).query("SHOW TABLES") == []
    finally:
        client("rds", "us-west-2").delete_db_cluster(
            DBClusterIdentifier=other["DBClusterIdentifier"], SkipFinalSnapshot=True
        )


def test_endpoints_stay_when_instances_come(client: Client, cluster: Record) -> None:
    rds, identifier = client("rds"), cluster["DBClusterIdentifier"]
    names = [f"{identifier}-{number}" for number in range(3)]
    for instance in names:
        created = rds.create_db_instance(
            DBInstanceIdentifier=instance,
            DBClusterIdentifier=identifier,
            DBInstanceClass="db.r5.large",
            **ENGINE,
        )["DBInstance"]
        assert created["Endpoint"]["Address"] == cluster["Endpoint"]
    described = rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]
    assert described["Endpoint"] == described["ReaderEndpoint"] == cluster["Endpoint"]
    roles = {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in described["DBClusterMembers"]}
    assert roles == {names[0]: True, names[1]: False, names[2]: False}
    for instance in names:
        rds.delete_db_instance(DBInstanceIdentifier=instance, SkipFinalSnapshot=True)


def test_deleted_cluster_leaves_neither_process_nor_data(
    target: LocalTarget, client: Client, cluster: Record
) -> None:
    process = server_process(target, cluster)
    client("rds").delete_db_cluster(
        DBClusterIdentifier=cluster["DBClusterIdentifier"], SkipFinalSnapshot=True
    )
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    files = (target.directory / "data" / "databases" / "clusters").rglob("*")
    assert not [path for path in files if path.name == cluster["DBClusterIdentifier"]]


def test_stopped_cluster_refuses_and_started_one_has_its_rows(
    client: Client, cluster: Record, database: Database
) -> None:
    rds, identifier = client("rds"), cluster["DBClusterIdentifier"]
    database.query("CREATE TABLE kept (id INT)")
    rds.stop_db_cluster(DBClusterIdentifier=identifier)
    with pytest.raises(pymysql.err.OperationalError, match="refused"):
        database.query("SELECT 1")
    rds.start_db_cluster(DBClusterIdentifier=identifier)
    assert database.query("SHOW TABLES") == [("kept",)]


def test_crashed_database_is_seen(target: LocalTarget, client: Client, cluster: Record) -> None:
    rds, identifier = client("rds"), cluster["DBClusterIdentifier"]
    rds.create_db_instance(
        DBInstanceIdentifier=identifier,
        DBClusterIdentifier=identifier,
        DBInstanceClass="db.r5.large",
        **ENGINE,
    )
    os.kill(server_process(target, cluster), signal.SIGKILL)

    def states() -> set[str]:
        clusters = rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"]
        instances = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
        told = [c.status for c in target.status().clusters if c.identifier == identifier]
        return {clusters[0]["Status"], instances[0]["DBInstanceStatus"], *told}

    assert eventually(lambda: states() == {"failed"})
    rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)


@pytest.mark.parametrize("by", ["rds", "secretsmanager"])
def test_rotation_changes_the_databases_password(
    target: LocalTarget, client: Client, cluster: Record, database: Database, by: str
) -> None:
    if by == "rds":
        client("rds").modify_db_cluster(
            DBClusterIdentifier=cluster["DBClusterIdentifier"],
            RotateMasterUserPassword=True,
            ApplyImmediately=True,
        )
    else:
        rotated = client("secretsmanager").rotate_secret(
            SecretId=cluster["MasterUserSecret"]["SecretArn"]
        )
        assert rotated["ARN"] == cluster["MasterUserSecret"]["SecretArn"]
    after = database_of(target, client, cluster)
    assert after.password != database.password
    assert after.query("SELECT 1") == [(1,)]
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        database.query("SELECT 1")


def test_own_password_works_and_can_become_managed(
    target: LocalTarget, client: Client, database: Database, name: str
) -> None:
    rds, identifier = client("rds"), f"{name}-own"
    created = rds.create_db_cluster(
        DBClusterIdentifier=identifier,
        MasterUsername="trader",
        MasterUserPassword="it's \\ a 'secret'",
        DatabaseName="trading",
        **ENGINE,
    )["DBCluster"]
    own = dataclasses.replace(database, address=created["Endpoint"], password="it's \\ a 'secret'")
    assert own.query("SELECT 1") == [(1,)]
    managed = rds.modify_db_cluster(DBClusterIdentifier=identifier, ManageMasterUserPassword=True)
    assert database_of(target, client, managed["DBCluster"]).query("SELECT 1") == [(1,)]
    rds.delete_db_cluster(DBClusterIdentifier=identifier, SkipFinalSnapshot=True)


def test_deletion_says_what_becomes_of_the_data(client: Client, cluster: Record) -> None:
    rds, identifier = client("rds"), cluster["DBClusterIdentifier"]
    with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier is required"):
        rds.delete_db_cluster(DBClusterIdentifier=identifier)
    with pytest.raises(ClientError, match="cannot be specified"):
        rds.delete_db_cluster(
            DBClusterIdentifier=identifier, SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="x"
        )
