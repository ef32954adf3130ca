"""All that an account holds, of every kind of thing the platform makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.clients import client_at


@dataclass(frozen=True)
class Kind:
    """One kind of thing: who lists it, under which member, and what it is called by."""

    service: str
    operation: str
    member: str
    name: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    # Answers keep these for a while after the thing is gone.
    gone: tuple[str, ...] = ()


REGIONAL = (
    Kind("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    Kind("ec2", "describe_subnets", "Subnets", "SubnetId"),
    Kind("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", gone=("deleted",)),
    Kind("ec2", "describe_addresses", "Addresses", "AllocationId"),
    Kind("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    Kind("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    Kind("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    Kind("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    Kind("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    Kind("kms", "list_aliases", "Aliases", "AliasName"),
    Kind("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
    Kind("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    Kind("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    Kind(
        "rds",
        "describe_db_cluster_parameter_groups",
        "DBClusterParameterGroups",
        "DBClusterParameterGroupName",
    ),
    Kind("secretsmanager", "list_secrets", "SecretList", "Name"),
    Kind("lambda", "list_functions", "Functions", "FunctionName"),
    Kind("sqs", "list_queues", "QueueUrls"),
    Kind("sns", "list_topics", "Topics", "TopicArn"),
    Kind("logs", "describe_log_groups", "logGroups", "logGroupName"),
    Kind("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Kind("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    Kind("events", "list_rules", "Rules", "Name"),
    Kind("apigateway", "get_rest_apis", "items", "id"),
    Kind("apigateway", "get_domain_names", "items", "domainName"),
    Kind("acm", "list_certificates", "CertificateSummaryList", "CertificateArn"),
    Kind("wafv2", "list_web_acls", "WebACLs", "Name", arguments=(("Scope", "REGIONAL"),)),
)
GLOBAL = (
    Kind("s3", "list_buckets", "Buckets", "Name"),
    Kind("iam", "list_roles", "Roles", "RoleName"),
    Kind("route53", "list_hosted_zones", "HostedZones", "Id"),
    Kind("route53", "list_health_checks", "HealthChecks", "Id"),
    Kind("route53", "list_query_logging_configs", "QueryLoggingConfigs", "Id"),
)

Inventory = Mapping[str, frozenset[str]]


def take_inventory(endpoint: str, regions: list[str]) -> Inventory:
    """What the account holds, by service, operation and region."""
    places = [(kind, region) for kind in REGIONAL for region in regions]
    places += [(kind, regions[0]) for kind in GLOBAL]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda place: frozenset(_names(endpoint, *place)), places)
        return {
            f"{kind.service} {kind.operation} {region}": names
            for (kind, region), names in zip(places, found, strict=True)
        }


def usable_keys(endpoint: str, regions: list[str]) -> frozenset[str]:
    """Our keys that still encrypt: AWS keeps a deleted key pending for days, by its own rule."""
    return frozenset(
        f"{region} {key['KeyId']}"
        for region in regions
        for key in client_at(endpoint, "kms", region).list_keys()["Keys"]
        if _is_ours(client_at(endpoint, "kms", region).describe_key(KeyId=key["KeyId"]))
    )


def _is_ours(answer: Mapping[str, Any]) -> bool:
    key = answer["KeyMetadata"]
    return bool(key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion")


def _names(endpoint: str, kind: Kind, region: str) -> Iterator[str]:
    client = client_at(endpoint, kind.service, region)
    answer = getattr(client, kind.operation)(**dict(kind.arguments))
    for item in answer.get(kind.member, []):
        if not isinstance(item, Mapping):
            yield str(item)
        elif item.get("State") not in kind.gone or not kind.gone:
            yield str(item[kind.name])
