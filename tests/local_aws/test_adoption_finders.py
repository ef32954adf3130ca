"""What a plan cannot know the id of is found in AWS, and only when it is certain which one is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.local_aws.conftest import Client
from trading.engine.import_identities import IMPORTABLE


def find(client: Client, resource_type: str, attributes: Mapping[str, Any]) -> str | None:
    finder = IMPORTABLE[resource_type].find
    assert finder
    return finder(client, attributes)


@pytest.fixture
def tags(name: str) -> dict[str, str]:
    return {"Name": name, "Environment": "dev"}


def tagged(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": listed}]


def test_kinds_of_the_same_tags_are_told_apart(client: Client, tags: dict[str, str]) -> None:
    ec2, attributes = client("ec2"), {"tags_all": tags}
    for kind in ("aws_vpc", "aws_subnet", "aws_eip"):
        assert find(client, kind, attributes) is None
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tagged("vpc", tags))["Vpc"]
    subnet = ec2.create_subnet(
        VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", TagSpecifications=tagged("subnet", tags)
    )["Subnet"]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", tags))[
        "AllocationId"
    ]
    assert find(client, "aws_vpc", attributes) == vpc["VpcId"]
    assert find(client, "aws_subnet", attributes) == subnet["SubnetId"]
    assert find(client, "aws_eip", attributes) == address
    assert find(client, "aws_nat_gateway", attributes) is None


def test_another_environments_thing_is_not_taken(client: Client, tags: dict[str, str]) -> None:
    specification = tagged("vpc", tags | {"Environment": "prod"})
    client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=specification)
    assert find(client, "aws_vpc", {"tags_all": tags}) is None


def test_of_two_neither_is_taken(client: Client, tags: dict[str, str]) -> None:
    for _ in range(2):
        client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tagged("vpc", tags))
    with pytest.raises(LookupError):
        find(client, "aws_vpc", {"tags_all": tags})


def test_both_ends_of_a_connection_are_told_apart(client: Client, tags: dict[str, str]) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=tags["Name"], Description="test", VpcId=vpc)[
        "GroupId"
    ]
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    }
    rules = {
        kind: authorize(
            GroupId=group,
            IpPermissions=[permission],
            TagSpecifications=tagged("security-group-rule", tags),
        )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        for kind, authorize in (
            ("ingress", ec2.authorize_security_group_ingress),
            ("egress", ec2.authorize_security_group_egress),
        )
    }
    attributes = {"tags_all": tags, "security_group_id": group}
    for kind, identifier in rules.items():
        assert find(client, f"aws_vpc_security_group_{kind}_rule", attributes) == identifier


def test_a_resource_of_an_api_is_found_by_its_path(client: Client, name: str) -> None:
    gateway = client("apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    [root] = gateway.get_resources(restApiId=api)["items"]
    trades = gateway.create_resource(restApiId=api, parentId=root["id"], pathPart="trades")["id"]
    gateway.create_resource(restApiId=api, parentId=trades, pathPart="{id}")
    attributes = {"rest_api_id": api, "parent_id": root["id"], "path_part": "trades"}
    assert find(client, "aws_api_gateway_resource", attributes) == trades
    health = attributes | {"path_part": "health"}
    assert find(client, "aws_api_gateway_resource", health) is None
    with pytest.raises(LookupError):
        find(client, "aws_api_gateway_resource", {"path_part": "trades"})


def test_an_ip_set_is_found_by_its_name(client: Client, name: str) -> None:
    made = client("wafv2").create_ip_set(
        Name=name, Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["198.51.100.0/24"]
    )
    attributes = {"name": name, "scope": "REGIONAL"}
    assert find(client, "aws_wafv2_ip_set", attributes) == made["Summary"]["Id"]
    assert find(client, "aws_wafv2_ip_set", attributes | {"name": f"{name}-other"}) is None
