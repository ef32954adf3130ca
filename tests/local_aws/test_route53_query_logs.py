"""A zone's query log: only with a group in us-east-1 that Route 53 may write to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client
from trading.engine.import_identities import IMPORTABLE


@pytest.fixture
def route53(client: Client) -> Any:
    return client("route53")


@pytest.fixture
def zone(route53: Any, name: str) -> str:
    created = route53.create_hosted_zone(Name=f"{name}.example.com", CallerReference=name)
    return str(created["HostedZone"]["Id"].rsplit("/", 1)[-1])


@pytest.fixture
def group(client: Client, name: str) -> str:
    client("logs").create_log_group(logGroupName=f"/aws/route53/{name}")
    return f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/route53/{name}"


def let_route53_write(client: Client, name: str, group: str, *actions: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "route53.amazonaws.com"},
        "Action": list(actions),
        "Resource": f"{group}:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("logs").put_resource_policy(policyName=name, policyDocument=document)


def refusal(route53: Any, zone: str, group: str) -> str:
    with pytest.raises(ClientError) as refused:
        route53.create_query_logging_config(HostedZoneId=zone, CloudWatchLogsLogGroupArn=group)
    return str(refused.value.response["Error"]["Code"])


def test_a_query_log_is_made_told_and_ended(
    client: Client, route53: Any, zone: str, group: str, name: str
) -> None:
    let_route53_write(client, name, group, "logs:CreateLogStream", "logs:PutLogEvents")
    made = route53.create_query_logging_config(HostedZoneId=zone, CloudWatchLogsLogGroupArn=group)
    config = made["QueryLoggingConfig"]
    assert config["HostedZoneId"] == zone
    assert config["CloudWatchLogsLogGroupArn"] == group
    assert made["Location"].endswith(config["Id"])
    assert route53.get_query_logging_config(Id=config["Id"])["QueryLoggingConfig"] == config
    listed = route53.list_query_logging_configs(HostedZoneId=zone)["QueryLoggingConfigs"]
    assert listed == [config]
    assert route53.list_query_logging_configs(HostedZoneId="ZNONE")["QueryLoggingConfigs"] == []
    assert refusal(route53, zone, group) == "QueryLoggingConfigAlreadyExists"
    find = IMPORTABLE["aws_route53_query_log"].find
    assert find
    assert find(client, {"zone_id": zone}) == config["Id"]
    assert find(client, {"zone_id": "ZNONE"}) is None

    route53.delete_query_logging_config(Id=config["Id"])
    with pytest.raises(ClientError, match="NoSuchQueryLoggingConfig"):
        route53.get_query_logging_config(Id=config["Id"])
    with pytest.raises(ClientError, match="NoSuchQueryLoggingConfig"):
        route53.delete_query_logging_config(Id=config["Id"])


def test_a_query_log_ends_with_its_zone(
    client: Client, route53: Any, zone: str, group: str, name: str
) -> None:
    let_route53_write(client, name, group, "logs:*")
    made = route53.create_query_logging_config(HostedZoneId=zone, CloudWatchLogsLogGroupArn=group)
    route53.delete_hosted_zone(Id=zone)
    with pytest.raises(ClientError, match="NoSuchQueryLoggingConfig"):
        route53.get_query_logging_config(Id=made["QueryLoggingConfig"]["Id"])


def test_route53_must_be_let(
    client: Client, route53: Any, zone: str, group: str, name: str
) -> None:
    assert refusal(route53, zone, group) == "InsufficientCloudWatchLogsResourcePolicy"
    let_route53_write(client, name, group, "logs:PutLogEvents")
    assert refusal(route53, zone, group) == "InsufficientCloudWatchLogsResourcePolicy"
    let_route53_write(client, name, f"{group}-other", "logs:*")
    assert refusal(route53, zone, group) == "InsufficientCloudWatchLogsResourcePolicy"


def test_the_group_is_in_the_one_region_and_there(
    client: Client, route53: Any, zone: str, group: str, name: str
) -> None:
    let_route53_write(client, name, group.replace("us-east-1", "*"), "logs:*")
    assert refusal(route53, zone, f"{group}-other") == "NoSuchCloudWatchLogsLogGroup"
    elsewhere = group.replace("us-east-1", "us-west-2")
    assert refusal(route53, zone, elsewhere) == "NoSuchCloudWatchLogsLogGroup"
    assert refusal(route53, "ZNONE", group) == "NoSuchHostedZone"
