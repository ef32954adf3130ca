"""RDS: what is encrypted under a KMS key is copied and restored only while that key can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import rds

from local_aws.corrections.kms_keys import why_unusable
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Parameters, Response


def key_fault(*keys: str) -> Response | None:
    """The refusal of an action that needs all these keys, of which an empty one is none.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
    """
    for key in filter(None, keys):
        if why_unusable(key, rds.get_region()):
            message = (
                f"The specified KMS key [{key}] does not exist, is not enabled"
                " or you do not have permissions to access it."
            )
            error: Response = rds._error("KMSKeyNotAccessibleFault", message, 400)
            return error
    return None


def key_of_another_region(key: str) -> bool:
    """Whether an ARN names a key that no action of this region can use."""
    return key.startswith("arn:") and key.split(":")[3] != rds.get_region()


@corrects("services.rds", "_create_db_cluster_snapshot")
def snapshot_needs_the_clusters_key(original: Function, parameters: Parameters) -> Response:
    """CreateDBClusterSnapshot reads the cluster's storage with its key.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html
    """
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    fault = key_fault(cluster["KmsKeyId"]) if cluster else None
    response: Response = fault or original(parameters)
    return response


@corrects("services.rds", "_delete_db_cluster")
def final_snapshot_needs_the_clusters_key(original: Function, parameters: Parameters) -> Response:
    """DeleteDBCluster takes a final snapshot with the cluster's key, or deletes nothing.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
    """
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    wanted = cluster and rds._p(parameters, "FinalDBSnapshotIdentifier")
    fault = key_fault(cluster["KmsKeyId"]) if wanted else None
    response: Response = fault or original(parameters)
    return response
