"""The kinds of things that one call lists with all that is to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trading.reports.orphan_kinds import Kind, Remove, answers, calling, listed

if TYPE_CHECKING:
    from collections.abc import Mapping


def _remove_internet_gateway(client: Any, identity: str) -> None:
    [gateway] = client.describe_internet_gateways(InternetGatewayIds=[identity])["InternetGateways"]
    for attachment in gateway.get("Attachments", []):
        client.detach_internet_gateway(InternetGatewayId=identity, VpcId=attachment["VpcId"])
    client.delete_internet_gateway(InternetGatewayId=identity)


def _remove_role(client: Any, identity: str) -> None:
    for policy in answers(
        client, "list_attached_role_policies", "AttachedPolicies", RoleName=identity
    ):
        client.detach_role_policy(RoleName=identity, PolicyArn=policy["PolicyArn"])
    for name in answers(client, "list_role_policies", "PolicyNames", RoleName=identity):
        client.delete_role_policy(RoleName=identity, PolicyName=name)
    client.delete_role(RoleName=identity)


def _remove_rule(client: Any, identity: str) -> None:
    targets = [
        target["Id"] for target in answers(client, "list_targets_by_rule", "Targets", Rule=identity)
    ]
    if targets:
        client.remove_targets(Rule=identity, Ids=targets)
    client.delete_rule(Name=identity)


def _unless_deleted(item: Mapping[str, Any]) -> str | None:
    return None if item["State"] in {"deleted", "deleting"} else ""


def _data(_: Mapping[str, Any]) -> str:
    return "a database: import it, or delete it by hand with a final snapshot"


FUNCTIONS = Kind(
    "function",
    "aws_lambda_function",
    "lambda",
    listed("aws_lambda_function", "list_functions", "Functions", "FunctionName", "FunctionName"),
    calling("delete_function", "FunctionName"),
)

APPLICATION = (
    Kind(
        "alarm",
        "aws_cloudwatch_metric_alarm",
        "cloudwatch",
        listed(
            "aws_cloudwatch_metric_alarm",
            "describe_alarms",
            "MetricAlarms",
            "AlarmName",
            "AlarmName",
        ),
        calling("delete_alarms", "AlarmNames"),
    ),
    Kind(
        "schedule",
        "aws_cloudwatch_event_rule",
        "events",
        listed("aws_cloudwatch_event_rule", "list_rules", "Rules", "Name", "Name"),
        _remove_rule,
    ),
    Kind(
        "dashboard",
        "aws_cloudwatch_dashboard",
        "cloudwatch",
        listed(
            "aws_cloudwatch_dashboard",
            "list_dashboards",
            "DashboardEntries",
            "DashboardName",
            "DashboardName",
        ),
        calling("delete_dashboards", "DashboardNames"),
    ),
    Kind(
        "REST API",
        "aws_api_gateway_rest_api",
        "apigateway",
        listed("aws_api_gateway_rest_api", "get_rest_apis", "items", "id", "name", tags="tags"),
        calling("delete_rest_api", "restApiId"),
    ),
    Kind(
        "domain name of an API",
        "aws_api_gateway_domain_name",
        "apigateway",
        listed(
            "aws_api_gateway_domain_name",
            "get_domain_names",
            "items",
            "domainName",
            "domainName",
            tags="tags",
        ),
        calling("delete_domain_name", "domainName"),
    ),
    Kind(
        "web ACL",
        "aws_wafv2_web_acl",
        "wafv2",
        listed(
            "aws_wafv2_web_acl",
            "list_web_acls",
            "WebACLs",
            "Id",
            "Name",
            Scope="REGIONAL",
            keep=lambda _: "remove it by hand, when it protects nothing",
        ),
    ),
)

DATABASES = (
    Kind(
        "Aurora cluster",
        "aws_rds_cluster",
        "rds",
        listed(
            "aws_rds_cluster",
            "describe_db_clusters",
            "DBClusters",
            "DBClusterIdentifier",
            "DBClusterIdentifier",
            tags="TagList",
            keep=_data,
        ),
    ),
    Kind(
        "Aurora instance",
        "aws_rds_cluster_instance",
        "rds",
        listed(
            "aws_rds_cluster_instance",
            "describe_db_instances",
            "DBInstances",
            "DBInstanceIdentifier",
            "DBInstanceIdentifier",
            tags="TagList",
            keep=_data,
        ),
    ),
    Kind(
        "subnet group",
        "aws_db_subnet_group",
        "rds",
        listed(
            "aws_db_subnet_group",
            "describe_db_subnet_groups",
            "DBSubnetGroups",
            "DBSubnetGroupName",
            "DBSubnetGroupName",
        ),
        calling("delete_db_subnet_group", "DBSubnetGroupName"),
    ),
    Kind(
        "parameter group",
        "aws_rds_cluster_parameter_group",
        "rds",
        listed(
            "aws_rds_cluster_parameter_group",
            "describe_db_cluster_parameter_groups",
            "DBClusterParameterGroups",
            "DBClusterParameterGroupName",
            "DBClusterParameterGroupName",
        ),
        calling("delete_db_cluster_parameter_group", "DBClusterParameterGroupName"),
    ),
)


def _network(
    title: str, resource_type: str, member: str, identity: str, remove: Remove, **more: Any
) -> Kind:
    """A thing of EC2: known by its tags, listed by `describe_{member}`."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in member)
    look = listed(resource_type, f"describe{words}", member, identity, **more)
    return Kind(title, resource_type, "ec2", look, remove)


NETWORK = (
    _network(
        "VPC endpoint",
        "aws_vpc_endpoint",
        "VpcEndpoints",
        "VpcEndpointId",
        calling("delete_vpc_endpoints", "VpcEndpointIds"),
        keep=_unless_deleted,
    ),
    _network(
        "NAT gateway",
        "aws_nat_gateway",
        "NatGateways",
        "NatGatewayId",
        calling("delete_nat_gateway", "NatGatewayId"),
        keep=_unless_deleted,
    ),
    _network(
        "address",
        "aws_eip",
        "Addresses",
        "AllocationId",
        calling("release_address", "AllocationId"),
        keep=lambda item: "in use: remove what uses it first" if item.get("AssociationId") else "",
    ),
    _network(
        "flow log",
        "aws_flow_log",
        "FlowLogs",
        "FlowLogId",
        calling("delete_flow_logs", "FlowLogIds"),
    ),
    _network(
        "security group",
        "aws_security_group",
        "SecurityGroups",
        "GroupId",
        calling("delete_security_group", "GroupId"),
        keep=lambda item: "goes with its VPC" if item.get("GroupName") == "default" else "",
    ),
    _network("subnet", "aws_subnet", "Subnets", "SubnetId", calling("delete_subnet", "SubnetId")),
    _network(
        "route table",
        "aws_route_table",
        "RouteTables",
        "RouteTableId",
        calling("delete_route_table", "RouteTableId"),
    ),
    _network(
        "internet gateway",
        "aws_internet_gateway",
        "InternetGateways",
        "InternetGatewayId",
        _remove_internet_gateway,
    ),
    _network("VPC", "aws_vpc", "Vpcs", "VpcId", calling("delete_vpc", "VpcId")),
)

ROLES = Kind(
    "role",
    "aws_iam_role",
    "iam",
    listed("aws_iam_role", "list_roles", "Roles", "RoleName", "RoleName"),
    _remove_role,
    is_global=True,
)
