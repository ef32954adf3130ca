"""EC2: flow logs, endpoints and rules are told as they were created."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_aws.conftest import Client

ROLE = "arn:aws:iam::000000000000:role/flow-log"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/vpc/flow"


@pytest.fixture
def ec2(client: Client) -> Any:
    return client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def group(ec2: Any, vpc: str, name: str) -> str:
    created = ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)
    return str(created["GroupId"])


def test_flow_log_is_told(ec2: Any, vpc: str) -> None:
    identifier = ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogDestination=GROUP,
        DeliverLogsPermissionArn=ROLE,
        MaxAggregationInterval=60,
        TagSpecifications=[
            {"ResourceType": "vpc-flow-log", "Tags": [{"Key": "Name", "Value": "flow"}]}
        ],
    )["FlowLogIds"][0]
    flow_log = ec2.describe_flow_logs(FlowLogIds=[identifier])["FlowLogs"][0]
    assert flow_log["DeliverLogsPermissionArn"] == ROLE
    assert flow_log["MaxAggregationInterval"] == 60
    assert flow_log["LogGroupName"] == "/vpc/flow"
    assert flow_log["LogFormat"].startswith("${version} ${account-id}")
    assert flow_log["Tags"] == [{"Key": "Name", "Value": "flow"}]


def test_interface_endpoint_is_told_and_changes(ec2: Any, vpc: str, group: str) -> None:
    other = ec2.create_security_group(GroupName="other", Description="test", VpcId=vpc)["GroupId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName="com.amazonaws.us-east-1.kms",
        VpcEndpointType="Interface",
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
        PolicyDocument='{"Version": "2012-10-17"}',
    )["VpcEndpoint"]
    assert [g["GroupId"] for g in endpoint["Groups"]] == [group]
    assert endpoint["PrivateDnsEnabled"]
    assert endpoint["PolicyDocument"] == '{"Version": "2012-10-17"}'
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"],
        AddSecurityGroupIds=[other],
        RemoveSecurityGroupIds=[group],
        PrivateDnsEnabled=False,
        ResetPolicy=True,
    )
    changed = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    assert [g["GroupId"] for g in changed["VpcEndpoints"][0]["Groups"]] == [other]
    assert not changed["VpcEndpoints"][0]["PrivateDnsEnabled"]
    assert "PolicyDocument" not in changed["VpcEndpoints"][0]


def test_rule_names_its_prefix_list(ec2: Any, group: str) -> None:
    prefix_list = {"PrefixListId": "pl-12345678", "Description": "S3"}
    tags = [{"Key": "Name", "Value": "s3"}]
    created = ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "PrefixListIds": [prefix_list],
            }
        ],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
    )["SecurityGroupRules"][0]
    described = ec2.describe_security_group_rules(
        SecurityGroupRuleIds=[created["SecurityGroupRuleId"]]
    )["SecurityGroupRules"][0]
    for rule in (created, described):
        assert rule["PrefixListId"] == "pl-12345678"
        assert rule["Description"] == "S3"
        assert rule["Tags"] == tags


def test_default_egress_can_be_revoked_as_terraform_does(ec2: Any, group: str) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(
        GroupId=group, IpPermissions=[{**everything, "FromPort": 0, "ToPort": 0}]
    )
    described = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert described["IpPermissionsEgress"] == []
