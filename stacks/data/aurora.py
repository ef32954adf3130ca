"""The Aurora MySQL cluster: one writer, two readers, a zone each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import TerraformResourceLifecycle, TerraformVariable, Token
from cdktf_cdktf_provider_aws.db_subnet_group import DbSubnetGroup
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktf_cdktf_provider_aws.rds_cluster import RdsCluster
from cdktf_cdktf_provider_aws.rds_cluster_instance import RdsClusterInstance
from cdktf_cdktf_provider_aws.rds_cluster_parameter_group import (
    RdsClusterParameterGroup,
    RdsClusterParameterGroupParameter,
)
from constructs import Construct

from stacks.log_groups import log_group
from stacks.policies import service_trust
from stacks.settings import (
    AURORA_ENGINE_VERSION,
    AURORA_INSTANCE_CLASS,
    AURORA_PARAMETER_FAMILY,
    AURORA_READERS,
    DATABASE_NAME,
    RESTORE_SNAPSHOT_VARIABLE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdktf import ITerraformDependable

    from stacks.base import PlatformStack
    from stacks.network import NetworkOutputs
    from stacks.settings import Environment

ENGINE = "aurora-mysql"
MASTER_USERNAME = "trading_admin"
EXPORTED_LOGS = ("audit", "error", "slowquery")
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
MONITORING_INTERVAL_SECONDS = 60
# Free of charge up to this: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_PerfInsights.Overview.cost.html
PERFORMANCE_INSIGHTS_DAYS = 7
SECONDS_PER_HOUR = 3600

# Names as in https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ParameterGroups.html
PARAMETERS = {
    "require_secure_transport": "ON",
    "tls_version": "TLSv1.2,TLSv1.3",
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_0900_ai_ci",
    "server_audit_logging": "1",
    # Who connected and who changed rights or tables; every query would hold clients' data.
    "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
    "slow_query_log": "1",
    "long_query_time": "1",
}


class Aurora(Construct):
    """The cluster and its instances, encrypted with the region's key in everything they write."""

    def __init__(
        self,
        stack: PlatformStack,
        environment: Environment,
        *,
        network: NetworkOutputs,
        kms_key_arn: str,
        zones: Sequence[str],
    ) -> None:
        super().__init__(stack, "aurora")
        self._stack = stack
        self._environment = environment
        self._kms_key_arn = kms_key_arn
        self._name = stack.named(ENGINE)
        self.cluster = self._cluster(network)
        self._instances(zones)

    def _cluster(self, network: NetworkOutputs) -> RdsCluster:
        environment = self._environment
        subnet_group = DbSubnetGroup(
            self,
            "subnet-group",
            name=f"{ENGINE}-subnets-{self._stack.suffix}",
            description="Aurora's subnets, which have no way out of the VPC",
            subnet_ids=network.database_subnet_ids,
            tags={"Name": self._name},
        )
        return RdsCluster(
            self,
            "cluster",
            cluster_identifier=self._name,
            engine=ENGINE,
            engine_version=AURORA_ENGINE_VERSION,
            database_name=DATABASE_NAME,
            master_username=MASTER_USERNAME,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=self._kms_key_arn,
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            kms_key_id=self._kms_key_arn,
            db_subnet_group_name=subnet_group.name,
            vpc_security_group_ids=[network.database_security_group_id],
            db_cluster_parameter_group_name=self._parameter_group().name,
            enabled_cloudwatch_logs_exports=list(EXPORTED_LOGS),
            backup_retention_period=environment.backup_retention_days,
            preferred_backup_window="07:00-08:00",
            preferred_maintenance_window="sun:08:30-sun:09:30",
            backtrack_window=environment.backtrack_hours * SECONDS_PER_HOUR,
            copy_tags_to_snapshot=True,
            deletion_protection=False,
            snapshot_identifier=self._snapshot_to_restore(),
            skip_final_snapshot=environment.skip_final_snapshot,
            final_snapshot_identifier=self._final_snapshot_name(),
            tags={"Name": self._name},
            depends_on=self._log_groups(),
            # Both say how a new cluster begins and is named at its end. For a living one another snapshot
            # would mean a new cluster in its place, and another name is due only with the next one.
            lifecycle=TerraformResourceLifecycle(
                ignore_changes=["final_snapshot_identifier", "snapshot_identifier"]
            ),
        )

    def _snapshot_to_restore(self) -> str:
        variable = TerraformVariable(
            self._stack,
            RESTORE_SNAPSHOT_VARIABLE,
            type="string",
            # None would leave no default, and a variable without one must be given.
            default=Token.null_value(),
            nullable=True,
            description="ARN of the cluster snapshot that a new cluster begins with; none: empty."
            " A cluster that exists is not touched by it.",
        )
        return variable.string_value

    def _final_snapshot_name(self) -> str:
        """A name that is new for every incarnation: a fixed one fails on the second destroy."""
        return f'{ENGINE}-final-${{formatdate("YYYYMMDDhhmmss", timestamp())}}-{self._stack.suffix}'

    def _parameter_group(self) -> RdsClusterParameterGroup:
        return RdsClusterParameterGroup(
            self,
            "parameter-group",
            name=f"{ENGINE}-parameters-{self._stack.suffix}",
            family=AURORA_PARAMETER_FAMILY,
            description="TLS only, utf8mb4, audit and slow queries logged",
            parameter=[
                RdsClusterParameterGroupParameter(
                    name=name, value=value, apply_method="pending-reboot"
                )
                for name, value in PARAMETERS.items()
            ],
            tags={"Name": self._name},
        )

    def _log_groups(self) -> list[ITerraformDependable]:
        return [
            log_group(self, f"{log}-log", f"/aws/rds/cluster/{self._name}/{log}", self._kms_key_arn)
            for log in EXPORTED_LOGS
        ]

    def _instances(self, zones: Sequence[str]) -> None:
        monitoring = self._monitoring_role()
        # The first instance of a cluster becomes its writer, so the readers wait for it.
        writer = self._instance("writer", 1, zones[0], monitoring, after=[])
        for number in range(1, AURORA_READERS + 1):
            zone = zones[number % len(zones)]
            self._instance(f"reader-{number}", number + 1, zone, monitoring, after=[writer])

    def _instance(
        self,
        construct_id: str,
        number: int,
        zone: str,
        monitoring: IamRole,
        after: list[ITerraformDependable],
    ) -> RdsClusterInstance:
        # Numbered, not named by role: after a failover the roles have moved and the names have not.
        identifier = self._stack.named(f"{ENGINE}-{number}")
        return RdsClusterInstance(
            self,
            construct_id,
            identifier=identifier,
            cluster_identifier=self.cluster.id,
            engine=ENGINE,
            engine_version=self.cluster.engine_version,
            instance_class=AURORA_INSTANCE_CLASS,
            availability_zone=zone,
            db_subnet_group_name=self.cluster.db_subnet_group_name,
            publicly_accessible=False,
            auto_minor_version_upgrade=False,
            copy_tags_to_snapshot=True,
            ca_cert_identifier=CERTIFICATE_AUTHORITY,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self._kms_key_arn,
            performance_insights_retention_period=PERFORMANCE_INSIGHTS_DAYS,
            monitoring_interval=MONITORING_INTERVAL_SECONDS,
            monitoring_role_arn=monitoring.arn,
            tags={"Name": identifier},
            depends_on=[self._monitoring_permissions, *after],
        )

    def _monitoring_role(self) -> IamRole:
        """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html"""
        stack = self._stack
        name = stack.named_globally("rds-monitoring")
        role = IamRole(
            self,
            "monitoring-role",
            name=name,
            description="Lets RDS of this account write enhanced monitoring",
            assume_role_policy=service_trust(
                "monitoring.rds.amazonaws.com",
                {
                    "StringEquals": {"aws:SourceAccount": stack.account_id},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:aws:rds:{stack.region}:{stack.account_id}:db:{ENGINE}-*"
                    },
                },
            ),
            tags={"Name": name},
        )
        self._monitoring_permissions = IamRolePolicyAttachment(
            self,
            "monitoring-permissions",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
        )
        return role
