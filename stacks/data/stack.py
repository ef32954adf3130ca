"""Data of one region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import Token

from stacks.base import RegionalStack
from stacks.buckets import PrivateBucket
from stacks.contract import publish, read
from stacks.data.aurora import Aurora
from stacks.data.backup import DailyBackup
from stacks.data.outputs import DataOutputs
from stacks.network import NetworkOutputs, NetworkStack
from stacks.security import SecurityOutputs, SecurityStack

if TYPE_CHECKING:
    from cdktf_cdktf_provider_aws.rds_cluster import RdsCluster
    from constructs import Construct

    from stacks.settings import Region, Workspace


class DataStack(RegionalStack):
    """Aurora in the network's database subnets, and the artifacts bucket with its access logs."""

    def __init__(
        self,
        scope: Construct,
        workspace: Workspace,
        region: Region,
        *,
        network: NetworkStack,
        security: SecurityStack,
    ) -> None:
        super().__init__(scope, "data", workspace, region)
        places = read(self, NetworkOutputs, network, self.beside("network"))
        keys = read(self, SecurityOutputs, security, self.beside("security"))

        aurora = Aurora(
            self,
            workspace.environment,
            network=places,
            kms_key_arn=keys.kms_key_arn,
            zones=self.zonal("availability_zones", region.availability_zones),
        )
        days = workspace.environment.aws_backup_days
        if days is not None:
            DailyBackup(self, aurora.cluster.arn, keys.kms_key_arn, days=days)
        artifacts = PrivateBucket(self, "artifacts", keys.kms_key_arn)
        artifacts.allow()
        artifacts.record_access(self, keys.kms_key_arn)

        self._publish(aurora.cluster, artifacts)

    def _publish(self, cluster: RdsCluster, artifacts: PrivateBucket) -> None:
        # A cluster that was just restored, and taken over before RDS was told to, has none yet.
        secret = Token.as_string(f"${{one({cluster.fqn}.master_user_secret[*].secret_arn)}}")
        publish(
            self,
            DataOutputs(
                cluster_identifier=cluster.cluster_identifier,
                cluster_resource_id=cluster.cluster_resource_id,
                cluster_arn=cluster.arn,
                writer_endpoint=cluster.endpoint,
                reader_endpoint=cluster.reader_endpoint,
                database_port=cluster.port,
                database_name=cluster.database_name,
                secret_arn=secret,
                artifacts_bucket=artifacts.bucket.bucket,
                artifacts_bucket_arn=artifacts.bucket.arn,
            ),
        )
