"""RDS: cluster snapshots hold the rows, can be copied, and restored under another name."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING

from ministack.services import rds

from local_aws.corrections.kms_keys import key_arn
from local_aws.corrections.rds_databases import databases, has_database, start_database
from local_aws.corrections.rds_keys import key_fault, key_of_another_region
from local_aws.registry import Function, adds_action, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Parameters, Record, Response


def _find(identifier: str) -> Record | None:
    """A snapshot by its name or, from another region too, by its ARN."""
    region, account, name = rds.get_region(), rds.get_account_id(), identifier
    if identifier.startswith("arn:"):
        _, _, _, region, account, _, name = identifier.split(":", 6)
    snapshot: Record | None = rds._db_cluster_snapshots.get_scoped(account, region, name)
    return snapshot


def _of_this_region(identifier: str) -> bool:
    return not identifier.startswith("arn:") or identifier.split(":")[3] == rds.get_region()


def _not_found(identifier: str) -> Response:
    return _error(
        "DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot not found: {identifier}", 404
    )


def _error(code: str, message: str, status: int = 400) -> Response:
    error: Response = rds._error(code, message, status)
    return error


def _by_name(parameters: Parameters) -> Parameters:
    """A request that names a snapshot of the region by its name, not its ARN."""
    identifier = rds._p(parameters, "DBClusterSnapshotIdentifier")
    if identifier.startswith("arn:") and _of_this_region(identifier):
        return {**parameters, "DBClusterSnapshotIdentifier": identifier.rsplit(":", 1)[1]}
    return parameters


@corrects("services.rds", "_create_cluster_snapshot_internal")
def snapshot_holds_the_rows(original: Function, identifier: str, cluster: Record) -> Record:
    """A cluster snapshot is a copy of the cluster's storage and knows its master password.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_CreateSnapshotCluster.html
    """
    snapshot: Record = original(identifier, cluster)
    snapshot["_MasterUserPassword"] = cluster["_MasterUserPassword"]
    snapshot["_DatabaseName"] = cluster["DatabaseName"]
    if has_database(cluster):
        databases().take_snapshot(cluster["DBClusterArn"], snapshot["DBClusterSnapshotArn"])
    return snapshot


@corrects("services.rds", "_describe_db_cluster_snapshots")
def snapshot_is_found_by_its_arn(original: Function, parameters: Parameters) -> Response:
    """DescribeDBClusterSnapshots finds a snapshot by its ARN, too.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterSnapshots.html
    """
    response: Response = original(_by_name(parameters))
    return response


@corrects("services.rds", "_delete_db_cluster_snapshot")
def deleted_snapshot_loses_the_rows(original: Function, parameters: Parameters) -> Response:
    """DeleteDBClusterSnapshot removes the copy of the storage.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBClusterSnapshot.html
    """
    snapshot = _find(rds._p(parameters, "DBClusterSnapshotIdentifier"))
    response: Response = original(_by_name(parameters))
    if snapshot is not None and response[0] == 200:
        databases().delete_snapshot(snapshot["DBClusterSnapshotArn"])
    return response


@adds_action("services.rds", "CopyDBClusterSnapshot")
def copy_cluster_snapshot(parameters: Parameters) -> Response:
    """CopyDBClusterSnapshot copies a snapshot of this region or another, under another key if asked.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
    """
    source_identifier = rds._p(parameters, "SourceDBClusterSnapshotIdentifier")
    source = _find(source_identifier)
    if source is None:
        return _not_found(source_identifier)
    if refusal := _copy_refusal(source, parameters):
        return refusal
    snapshot = _copy_of(source, parameters)
    target, arn = snapshot["DBClusterSnapshotIdentifier"], snapshot["DBClusterSnapshotArn"]
    rds._tags[arn] = snapshot["TagList"]
    if has_database(source):
        databases().copy_snapshot(source["DBClusterSnapshotArn"], arn)
    rds._db_cluster_snapshots[target] = snapshot
    body = f"<DBClusterSnapshot>{rds._cluster_snapshot_xml(snapshot)}</DBClusterSnapshot>"
    response: Response = rds._xml(
        200,
        "CopyDBClusterSnapshotResponse",
        f"<CopyDBClusterSnapshotResult>{body}</CopyDBClusterSnapshotResult>",
    )
    return response


def _copy_refusal(source: Record, parameters: Parameters) -> Response | None:
    target = rds._p(parameters, "TargetDBClusterSnapshotIdentifier")
    key = rds._p(parameters, "KmsKeyId")
    if target in rds._db_cluster_snapshots:
        message = f"Cannot create the snapshot because {target} already exists."
        return _error("DBClusterSnapshotAlreadyExistsFault", message)
    if key and not source["StorageEncrypted"]:
        message = "KmsKeyId cannot be specified for an unencrypted snapshot."
        return _error("InvalidParameterCombination", message)
    elsewhere = not _of_this_region(source["DBClusterSnapshotArn"])
    if elsewhere and source["StorageEncrypted"] and (not key or key_of_another_region(key)):
        message = "KmsKeyId must name a key of this region for an encrypted snapshot of another."
        return _error("InvalidParameterCombination", message)
    return key_fault(source["KmsKeyId"], key)


def _copy_of(source: Record, parameters: Parameters) -> Record:
    region, account = rds.get_region(), rds.get_account_id()
    target = rds._p(parameters, "TargetDBClusterSnapshotIdentifier")
    tags = rds._parse_tags(parameters)
    if not tags and rds._p(parameters, "CopyTags") == "true":
        tags = copy.deepcopy(source["TagList"])
    return {
        **copy.deepcopy(source),
        "DBClusterSnapshotIdentifier": target,
        "DBClusterSnapshotArn": f"arn:aws:rds:{region}:{account}:cluster-snapshot:{target}",
        "SourceDBClusterSnapshotArn": source["DBClusterSnapshotArn"],
        "SnapshotCreateTime": rds._format_time(time.time()),
        "KmsKeyId": key_arn(rds._p(parameters, "KmsKeyId") or source["KmsKeyId"], region),
        "TagList": tags,
    }


@adds_action("services.rds", "DescribeDBClusterAutomatedBackups")
def describe_automated_backups(_: Parameters) -> Response:
    """DescribeDBClusterAutomatedBackups names no backup: none is kept here after its cluster.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterAutomatedBackups.html
    """
    response: Response = rds._xml(
        200,
        "DescribeDBClusterAutomatedBackupsResponse",
        "<DescribeDBClusterAutomatedBackupsResult><DBClusterAutomatedBackups/>"
        "</DescribeDBClusterAutomatedBackupsResult>",
    )
    return response


@corrects("services.rds", "_cluster_snapshot_xml")
def copied_snapshot_names_its_source(original: Function, snapshot: Record) -> str:
    """DescribeDBClusterSnapshots tells what a snapshot was copied from.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBClusterSnapshot.html
    """
    source = snapshot.get("SourceDBClusterSnapshotArn")
    element = f"<SourceDBClusterSnapshotArn>{source}</SourceDBClusterSnapshotArn>" if source else ""
    return str(original(snapshot)) + element


@adds_action("services.rds", "RestoreDBClusterFromSnapshot")
def restore_cluster_from_snapshot(parameters: Parameters) -> Response:
    """RestoreDBClusterFromSnapshot makes a cluster with the snapshot's rows and master user.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html
    """
    identifier = rds._p(parameters, "SnapshotIdentifier")
    snapshot = _find(identifier)
    if snapshot is None or not _of_this_region(identifier):
        return _not_found(identifier)
    key = key_arn(rds._p(parameters, "KmsKeyId") or snapshot["KmsKeyId"], rds.get_region())
    if fault := key_fault(snapshot["KmsKeyId"], key):
        return fault
    creation = {
        **parameters,
        "MasterUsername": snapshot["MasterUsername"],
        "Engine": snapshot["Engine"],
        "EngineVersion": rds._p(parameters, "EngineVersion") or snapshot["EngineVersion"],
        "KmsKeyId": key,
        "StorageEncrypted": "true" if key or snapshot["StorageEncrypted"] else "false",
        "DatabaseName": rds._p(parameters, "DatabaseName") or snapshot["_DatabaseName"] or "",
    }
    if rds._p(parameters, "ManageMasterUserPassword") != "true":
        creation["MasterUserPassword"] = snapshot["_MasterUserPassword"]
    with rds._shared_container_lock:
        response: Response = rds._create_db_cluster_impl(creation)
    cluster = rds._clusters.get(rds._p(parameters, "DBClusterIdentifier"))
    if response[0] != 200 or cluster is None:
        return response
    return start_database("RestoreDBClusterFromSnapshot", cluster, snapshot["DBClusterSnapshotArn"])
