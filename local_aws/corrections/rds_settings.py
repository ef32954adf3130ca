"""RDS: settings of clusters and instances that ministack drops.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from ministack.services import rds

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Parameters, Record, Response

# Members of DBCluster that ministack neither keeps nor tells.
_CLUSTER_SETTINGS = ("BacktrackWindow", "MonitoringInterval", "MonitoringRoleArn", "StorageType")


def cluster_response(action: str, cluster: Record) -> Response:
    """The answer of an action that returns one cluster."""
    body = f"<{action}Result><DBCluster>{rds._cluster_xml(cluster)}</DBCluster></{action}Result>"
    response: Response = rds._xml(200, f"{action}Response", body)
    return response


@corrects("services.rds", "_create_db_cluster_impl")
def cluster_settings_are_kept(original: Function, parameters: Parameters) -> Response:
    """CreateDBCluster keeps log exports and backtrack.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
    """
    response: Response = original(parameters)
    cluster = rds._clusters.get(rds._p(parameters, "DBClusterIdentifier"))
    if response[0] != 200 or cluster is None:
        return response
    _keep_cluster_settings(cluster, parameters)
    cluster["EnabledCloudwatchLogsExports"] = rds._parse_member_list(
        parameters, "EnableCloudwatchLogsExports"
    )
    return cluster_response("CreateDBCluster", cluster)


@corrects("services.rds", "_modify_db_cluster_impl")
def cluster_settings_change(original: Function, parameters: Parameters) -> Response:
    """ModifyDBCluster changes log exports and backtrack.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
    """
    cluster = rds._resolve_cluster_in_request_region(rds._p(parameters, "DBClusterIdentifier"))
    if cluster is not None:
        _keep_cluster_settings(cluster, parameters)
        group = "CloudwatchLogsExportConfiguration"
        enabled = rds._parse_member_list(parameters, f"{group}.EnableLogTypes")
        disabled = rds._parse_member_list(parameters, f"{group}.DisableLogTypes")
        exports = set(cluster.get("EnabledCloudwatchLogsExports") or [])
        cluster["EnabledCloudwatchLogsExports"] = sorted((exports | set(enabled)) - set(disabled))
    response: Response = original(parameters)
    return response


@corrects("services.rds", "_cluster_xml")
def cluster_settings_are_told(original: Function, cluster: Record) -> str:
    """DescribeDBClusters tells log exports and backtrack.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html
    """
    exports = "".join(
        f"<member>{escape(name)}</member>"
        for name in cluster.get("EnabledCloudwatchLogsExports") or []
    )
    settings = "".join(
        f"<{name}>{escape(str(cluster[name]))}</{name}>"
        for name in _CLUSTER_SETTINGS
        if cluster.get(name)
    )
    if exports:
        settings += f"<EnabledCloudwatchLogsExports>{exports}</EnabledCloudwatchLogsExports>"
    return str(original(cluster)) + settings


@corrects("services.rds", "_create_db_instance")
def instance_settings_are_kept(original: Function, parameters: Parameters) -> Response:
    """CreateDBInstance keeps Performance Insights' key and encryption is the cluster's.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    """
    response: Response = original(parameters)
    instance = rds._instances.get(rds._p(parameters, "DBInstanceIdentifier"))
    if response[0] != 200 or instance is None:
        return response
    instance["PerformanceInsightsKMSKeyId"] = rds._p(parameters, "PerformanceInsightsKMSKeyId")
    cluster = rds._resolve_cluster_in_request_region(instance.get("DBClusterIdentifier"))
    if cluster is not None:
        instance["StorageEncrypted"] = cluster["StorageEncrypted"]
        instance["KmsKeyId"] = cluster["KmsKeyId"]
    told: Response = rds._single_instance_response(
        "CreateDBInstanceResponse", "CreateDBInstanceResult", instance
    )
    return told


@corrects("services.rds", "_modify_db_instance")
def performance_insights_change(original: Function, parameters: Parameters) -> Response:
    """ModifyDBInstance changes Performance Insights, its key and how long it keeps data.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    """
    instance = rds._instances.get(rds._p(parameters, "DBInstanceIdentifier"))
    if instance is not None:
        if enabled := rds._p(parameters, "EnablePerformanceInsights"):
            instance["PerformanceInsightsEnabled"] = enabled == "true"
        if key := rds._p(parameters, "PerformanceInsightsKMSKeyId"):
            instance["PerformanceInsightsKMSKeyId"] = key
        if days := rds._p(parameters, "PerformanceInsightsRetentionPeriod"):
            instance["PerformanceInsightsRetentionPeriod"] = int(days)
        if tier := rds._p(parameters, "PromotionTier"):
            instance["PromotionTier"] = int(tier)
        if upgrade := rds._p(parameters, "AutoMinorVersionUpgrade"):
            instance["AutoMinorVersionUpgrade"] = upgrade == "true"
    response: Response = original(parameters)
    return response


@corrects("services.rds", "_instance_xml")
def performance_insights_key_is_told(original: Function, instance: Record) -> str:
    """DescribeDBInstances tells the key of Performance Insights.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
    """
    key = instance.get("PerformanceInsightsKMSKeyId")
    if not (key and instance.get("PerformanceInsightsEnabled")):
        return str(original(instance))
    element = f"<PerformanceInsightsKMSKeyId>{escape(key)}</PerformanceInsightsKMSKeyId>"
    return str(original(instance)) + element


def _keep_cluster_settings(cluster: Record, parameters: Parameters) -> None:
    for name in _CLUSTER_SETTINGS:
        if value := rds._p(parameters, name):
            cluster[name] = value
