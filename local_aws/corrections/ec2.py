"""EC2: flow logs, VPC endpoints and security group rules keep what they were created with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from ministack.services import ec2

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Parameters, Record, Response

_DEFAULT_LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport}"
    " ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
_FLOW_LOG_ELEMENTS = {
    "deliverLogsPermissionArn": "DeliverLogsPermissionArn",
    "maxAggregationInterval": "MaxAggregationInterval",
    "logFormat": "LogFormat",
    "logGroupName": "LogGroupName",
}


@corrects("services.ec2", "_create_flow_logs")
def flow_log_settings_are_kept(original: Function, parameters: Parameters) -> Response:
    """CreateFlowLogs keeps the role, the interval, the format and the tags.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html
    """
    known = set(ec2._flow_logs.keys())
    response: Response = original(parameters)
    for identifier in set(ec2._flow_logs.keys()) - known:
        flow_log = ec2._flow_logs[identifier]
        flow_log["DeliverLogsPermissionArn"] = ec2._p(parameters, "DeliverLogsPermissionArn")
        flow_log["MaxAggregationInterval"] = ec2._p(parameters, "MaxAggregationInterval") or "600"
        flow_log["LogFormat"] = ec2._p(parameters, "LogFormat") or _DEFAULT_LOG_FORMAT
        destination = flow_log["LogDestination"]
        if flow_log["LogDestinationType"] == "cloud-watch-logs":
            group = destination.split(":log-group:")[-1].removesuffix(":*")
            flow_log["LogGroupName"] = group
        # ministack looks for the tags of a resource type that AWS does not have.
        ec2._parse_tag_specs(parameters, "vpc-flow-log", identifier)
    return response


@corrects("services.ec2", "_describe_flow_logs")
def flow_log_settings_are_told(original: Function, parameters: Parameters) -> Response:
    """DescribeFlowLogs tells the role, the interval and the format.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
    """

    def with_settings(match: re.Match[str]) -> str:
        flow_log = ec2._flow_logs[match.group(1)]
        return match.group(0) + "".join(
            f"<{element}>{escape(str(flow_log[name]))}</{element}>"
            for element, name in _FLOW_LOG_ELEMENTS.items()
            if flow_log.get(name)
        )

    status, headers, body = original(parameters)
    told = re.sub(r"<flowLogId>([^<]+)</flowLogId>", with_settings, body.decode())
    return status, headers, told.encode()


@corrects("services.ec2", "_create_vpc_endpoint")
def endpoint_settings_are_kept(original: Function, parameters: Parameters) -> Response:
    """CreateVpcEndpoint keeps security groups, private DNS and the policy.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html
    """
    known = set(ec2._vpc_endpoints.keys())
    response: Response = original(parameters)
    for identifier in set(ec2._vpc_endpoints.keys()) - known:
        endpoint = ec2._vpc_endpoints[identifier]
        endpoint["Groups"] = ec2._parse_member_list(parameters, "SecurityGroupId")
        endpoint["PrivateDnsEnabled"] = ec2._p(parameters, "PrivateDnsEnabled") == "true"
        endpoint["PolicyDocument"] = ec2._p(parameters, "PolicyDocument")
        content = ec2._vpce_fields_xml(endpoint, tag="vpcEndpoint")
        response = ec2._xml(200, "CreateVpcEndpointResponse", content)
    return response


@corrects("services.ec2", "_modify_vpc_endpoint")
def endpoint_settings_change(original: Function, parameters: Parameters) -> Response:
    """ModifyVpcEndpoint changes security groups, private DNS and resets the policy.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html
    """
    endpoint = ec2._vpc_endpoints.get(ec2._p(parameters, "VpcEndpointId"))
    if endpoint is not None:
        added = ec2._parse_member_list(parameters, "AddSecurityGroupId")
        removed = ec2._parse_member_list(parameters, "RemoveSecurityGroupId")
        groups = [group for group in endpoint.get("Groups", []) if group not in removed]
        endpoint["Groups"] = groups + [group for group in added if group not in groups]
        if private_dns := ec2._p(parameters, "PrivateDnsEnabled"):
            endpoint["PrivateDnsEnabled"] = private_dns == "true"
        if ec2._p(parameters, "ResetPolicy") == "true":
            endpoint["PolicyDocument"] = ""
    response: Response = original(parameters)
    return response


@corrects("services.ec2", "_vpce_fields_xml")
def endpoint_settings_are_told(original: Function, endpoint: Record, tag: str = "item") -> str:
    """DescribeVpcEndpoints tells security groups, private DNS and the policy.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
    """
    groups = "".join(
        f"<item><groupId>{group}</groupId><groupName>{group}</groupName></item>"
        for group in endpoint.get("Groups", [])
    )
    private_dns = str(endpoint.get("PrivateDnsEnabled", False)).lower()
    settings = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private_dns}</privateDnsEnabled>"
    if policy := endpoint.get("PolicyDocument"):
        settings += f"<policyDocument>{escape(policy)}</policyDocument>"
    content = str(original(endpoint, tag))
    end = content.rindex(f"</{tag}>")
    return content[:end] + settings + content[end:]


@corrects("services.ec2", "_parse_ip_permissions")
def rule_can_name_a_prefix_list(
    original: Function, parameters: Parameters, prefix: str
) -> list[Record]:
    """A security group's rule can name a prefix list, such as that of S3's gateway endpoint.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    rules: list[Record] = original(parameters, prefix)
    for number, rule in enumerate(rules, start=1):
        lists = rule["PrefixListIds"]
        base = f"{prefix}.{number}.PrefixListIds"
        while identifier := ec2._p(parameters, f"{base}.{len(lists) + 1}.PrefixListId"):
            description = ec2._p(parameters, f"{base}.{len(lists) + 1}.Description")
            entry = {"PrefixListId": identifier}
            lists.append(entry | {"Description": description} if description else entry)
    return rules


@corrects("services.ec2", "_sg_rule_xml")
def rule_tells_its_prefix_list(
    original: Function, group: str, rule: Record, is_egress: bool = False
) -> str:
    """DescribeSecurityGroupRules tells the prefix list that a rule names.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    """
    content = str(original(group, rule, is_egress))
    if not rule.get("PrefixListIds"):
        return content
    identifier = rule["PrefixListIds"][0]["PrefixListId"]
    return f"{content.removesuffix('</item>')}<prefixListId>{identifier}</prefixListId></item>"


@corrects("services.ec2", "_parse_ip_permissions")
def rule_for_all_protocols_has_no_ports(
    original: Function, parameters: Parameters, prefix: str
) -> list[Record]:
    """Ports of a rule for all protocols are ignored.

    Terraform sends them when it revokes the rule that lets a new group reach everything.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    rules: list[Record] = original(parameters, prefix)
    for rule in rules:
        if rule["IpProtocol"] == "-1":
            rule.pop("FromPort", None)
            rule.pop("ToPort", None)
    return rules
