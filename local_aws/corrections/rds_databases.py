"""RDS: a real database behind each Aurora MySQL cluster.

ministack runs databases in containers; where there are none, an endpoint is only a name. Here the
fleet runs them as ordinary processes. ``_shared_endpoint`` is ministack's own place for where
a cluster's compute is reached: it derives every endpoint of the cluster and its instances from it.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import rds_iam
from ministack.services import rds, secretsmanager

from local_aws.corrections.rds_settings import cluster_response
from local_aws.database_fleet import DatabaseFleet, MasterUser
from local_aws.database_gate import PORT
from local_aws.database_server import DatabaseError
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Parameters, Record, Response


@cache
def databases() -> DatabaseFleet:
    """The fleet the clusters' databases belong to."""
    return DatabaseFleet(Path(os.environ["DATABASES_DIR"]), _may_connect)


def _may_connect(cluster: str, user: str, token: str) -> bool:
    """Whether IAM lets who signed a token connect to a cluster's database as a user.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
    """
    _, _, _, region, account, _, identifier = cluster.split(":", 6)
    decision = rds_iam.authorize_rds_iam_token(
        token,
        account_id=account,
        region=region,
        resource_kind="cluster",
        resource_identifier=identifier,
        db_user=user,
    )
    if isinstance(decision, rds_iam.AuthorizedRdsConnection):
        return True
    rds.logger.warning("%s does not let %s in: %s", cluster, user, decision.code)
    return False


def has_database(cluster: Record) -> bool:
    """Whether a database of the fleet stands behind a cluster."""
    return str(cluster["Engine"]) == "aurora-mysql"


def master_user(cluster: Record) -> MasterUser:
    """A cluster's master user with its present password."""
    return MasterUser(cluster["MasterUsername"], cluster["_MasterUserPassword"])


def visible_status(cluster: Record) -> str:
    """A cluster's status, which is ``failed`` when only the record says that it runs."""
    status = str(cluster["Status"])
    # While CreateDBCluster is under way the endpoint is not known yet.
    if status != "available" or not has_database(cluster) or not cluster["_shared_endpoint"]:
        return status
    return status if databases().running(cluster["DBClusterArn"]) else "failed"


def start_database(action: str, cluster: Record, snapshot: str | None = None) -> Response:
    """Start a new cluster's database and answer the action; undo the cluster if it fails."""
    try:
        address = databases().create(
            cluster["DBClusterArn"], master_user(cluster), cluster["DatabaseName"] or "", snapshot
        )
    except DatabaseError as error:
        del rds._clusters[cluster["DBClusterIdentifier"]]
        if secret := cluster.get("MasterUserSecret"):
            secretsmanager.delete_secret_in_process(secret["SecretArn"])
        refusal: Response = rds._error("InsufficientDBInstanceCapacity", str(error), 400)
        return refusal
    cluster["_shared_endpoint"] = {"Address": address, "Port": PORT}
    rds._sync_cluster_endpoints(cluster)
    return cluster_response(action, cluster)


@corrects("services.rds", "_create_db_cluster")
def cluster_has_a_database(original: Function, parameters: Parameters) -> Response:
    """CreateDBCluster makes a database with the master user; its endpoints stay as they are.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    """
    response: Response = original(parameters)
    cluster = rds._clusters.get(rds._p(parameters, "DBClusterIdentifier"))
    if response[0] != 200 or cluster is None or not has_database(cluster):
        return response
    return start_database("CreateDBCluster", cluster)


@corrects("services.rds", "_delete_db_cluster")
def deleted_cluster_loses_its_database(original: Function, parameters: Parameters) -> Response:
    """DeleteDBCluster takes the final snapshot, unless it is told to skip it, and ends the data.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
    """
    identifier = rds._p(parameters, "DBClusterIdentifier")
    final_snapshot = rds._p(parameters, "FinalDBSnapshotIdentifier")
    skip = rds._p(parameters, "SkipFinalSnapshot") == "true"
    cluster = rds._resolve_cluster_in_request_region(identifier)
    if cluster is None or cluster["DBClusterMembers"] or cluster["DeletionProtection"]:
        refusal: Response = original(parameters)
        return refusal
    if error := _final_snapshot_error(final_snapshot, skip=skip):
        return error
    if final_snapshot:
        rds._create_cluster_snapshot_internal(final_snapshot, cluster)
    response: Response = original(parameters)
    if response[0] == 200 and has_database(cluster):
        databases().delete(cluster["DBClusterArn"])
    return response


def _final_snapshot_error(identifier: str, *, skip: bool) -> Response | None:
    code = "InvalidParameterCombination"
    if not skip and not identifier:
        message = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
    elif skip and identifier:
        message = "FinalDBSnapshotIdentifier cannot be specified with SkipFinalSnapshot."
    elif identifier in rds._db_cluster_snapshots:
        code = "DBClusterSnapshotAlreadyExistsFault"
        message = f"Cannot create the snapshot because {identifier} already exists."
    else:
        return None
    error: Response = rds._error(code, message, 400)
    return error


@corrects("services.rds", "_stop_db_cluster")
def stopped_cluster_refuses_connections(original: Function, parameters: Parameters) -> Response:
    """StopDBCluster stops the database and keeps the data.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    """
    response: Response = original(parameters)
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    if response[0] == 200 and has_database(cluster):
        databases().stop(cluster["DBClusterArn"])
    return response


@corrects("services.rds", "_start_db_cluster")
def started_cluster_has_its_data(original: Function, parameters: Parameters) -> Response:
    """StartDBCluster starts the database with the data it had.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    """
    response: Response = original(parameters)
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    if response[0] == 200 and has_database(cluster):
        databases().start(cluster["DBClusterArn"])
    return response


@corrects("services.rds", "_apply_cluster_master_password_change")
def master_password_changes(original: Function, cluster: Record, password: str) -> None:
    """A new master password is the database's, too: set by a caller or rotated by RDS.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
    """
    original(cluster, password)
    if has_database(cluster):
        databases().set_password(cluster["DBClusterArn"], master_user(cluster))


@corrects("services.rds", "_modify_db_cluster_impl")
def master_password_can_become_managed(original: Function, parameters: Parameters) -> Response:
    """ModifyDBCluster hands the master password over to Secrets Manager.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
    """
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    managed = rds._p(parameters, "ManageMasterUserPassword") == "true"
    if cluster is not None and managed and not cluster.get("MasterUserSecret"):
        password = rds._generate_master_user_password()
        rds._apply_cluster_master_password_change(cluster, password)
        cluster["MasterUserSecret"] = {
            "SecretArn": secretsmanager.create_secret_in_process(
                f"rds!cluster-{rds.new_uuid()}",
                json.dumps({"username": cluster["MasterUsername"], "password": password}),
                description=f"Secret managed by RDS for DB cluster {cluster['DBClusterArn']}",
            ),
            "SecretStatus": "active",
            "KmsKeyId": rds._p(parameters, "MasterUserSecretKmsKeyId"),
        }
    response: Response = original(parameters)
    return response


@corrects("services.secretsmanager", "_rotate_secret")
def managed_secret_rotates_at_once(original: Function, request: dict[str, Any]) -> Response:
    """RotateSecret on a secret that RDS manages needs no function: RDS changes the password.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_managed.html
    """
    for cluster in rds._clusters.values():
        secret = cluster.get("MasterUserSecret") or {}
        arn = secret.get("SecretArn")
        if arn and request.get("SecretId") in (arn, arn.split(":secret:")[-1].rsplit("-", 1)[0]):
            rds._modify_db_cluster(
                {
                    "DBClusterIdentifier": [cluster["DBClusterIdentifier"]],
                    "RotateMasterUserPassword": ["true"],
                    "ApplyImmediately": ["true"],
                }
            )
            _, managed = secretsmanager._resolve(arn)
            version, _ = secretsmanager._find_stage_version(managed, "AWSCURRENT")
            answer = {"ARN": arn, "Name": managed["Name"], "VersionId": version}
            rotated: Response = secretsmanager.json_response(answer)
            return rotated
    response: Response = original(request)
    return response


@corrects("services.rds", "load_persisted_state")
def databases_return_with_the_state(original: Function, state: Record | None) -> None:
    """Clusters outlive a restart of the local AWS with their data and addresses."""
    if not state:
        original(state)
        return
    rds._restore_state(state)
    for _, cluster in rds._clusters.all_items():
        cluster["_shared_container_ready"] = True
        if not (has_database(cluster) and cluster.get("_shared_endpoint")):
            continue
        try:
            databases().resume(
                cluster["DBClusterArn"],
                cluster["_shared_endpoint"]["Address"],
                start=cluster["Status"] != "stopped",
            )
        except DatabaseError as error:
            rds.logger.error("%s", error)
    for _, instance in rds._instances.all_items():
        cluster = rds._clusters.get_scoped(
            *instance["DBInstanceArn"].split(":")[4:2:-1], instance["DBClusterIdentifier"]
        )
        stopped = cluster is not None and cluster["Status"] == "stopped"
        instance["DBInstanceStatus"] = "stopped" if stopped else "available"


@corrects("services.rds", "_cluster_xml")
def cluster_without_its_database_has_failed(original: Function, cluster: Record) -> str:
    """A cluster whose database ended by itself is not called available.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
    """
    return str(original({**cluster, "Status": visible_status(cluster)}))


@corrects("services.rds", "_instance_xml")
def instance_without_its_database_has_failed(original: Function, instance: Record) -> str:
    """An instance whose database ended by itself has the status ``failed``.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
    """
    cluster = rds._resolve_cluster_in_request_region(instance.get("DBClusterIdentifier"))
    if cluster is None or visible_status(cluster) != "failed":
        return str(original(instance))
    return str(original({**instance, "DBInstanceStatus": "failed"}))
