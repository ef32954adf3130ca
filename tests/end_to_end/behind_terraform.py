"""What somebody may do in the console while Terraform does not look, and that it is found.

Each proof leaves everything as it was before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from stacks.settings import LAMBDA_MEMORY_MEGABYTES, LOG_RETENTION_DAYS
from tests.end_to_end.conftest import WORKSPACE, Operator

ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Change:
    """A change by hand, how it is taken back, and which attribute it is found at."""

    layer: str
    address: str
    attribute: str
    make: Callable[[], object]
    undo: Callable[[], object]


class Console:
    """The AWS console of one region, as far as somebody changes things in it."""

    def __init__(self, operator: Operator, region: str) -> None:
        self._operator = operator
        self._region = region

    def changes(self) -> list[Change]:
        """One change of each kind."""
        return [self._key_tag(), self._rule(), self._log(), self._versioning(), self._memory()]

    def delete_rule_to_internet(self) -> None:
        """Delete the rule that lets functions out to the AWS APIs."""
        ec2 = self._client("ec2")
        group = self._group("lambda")
        rules = ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group]}]
        )["SecurityGroupRules"]
        [rule] = [rule for rule in rules if rule.get("CidrIpv4") == "0.0.0.0/0"]
        ec2.revoke_security_group_egress(
            GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
        )

    def _key_tag(self) -> Change:
        kms = self._client("kms")
        alias = f"alias/trading-{self._region}-{WORKSPACE}"
        key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]

        def tag(name: str) -> object:
            return kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Name", "TagValue": name}])

        return Change(
            "security",
            "aws_kms_key.platform_key",
            "tags.Name",
            make=lambda: tag("mine"),
            undo=lambda: tag(f"platform-key-{WORKSPACE}"),
        )

    def _rule(self) -> Change:
        ec2 = self._client("ec2")
        rule: dict[str, Any] = {
            "GroupId": self._group("database"),
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 22,
                    "ToPort": 22,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                }
            ],
        }
        return Change(
            "network",
            "aws_security_group.security_groups_database",
            "ingress",
            make=lambda: ec2.authorize_security_group_ingress(**rule),
            undo=lambda: ec2.revoke_security_group_ingress(**rule),
        )

    def _log(self) -> Change:
        logs = self._client("logs")

        def keep(days: int) -> object:
            name = f"/vpc/flow-log-{WORKSPACE}"
            return logs.put_retention_policy(logGroupName=name, retentionInDays=days)

        return Change(
            "network",
            "aws_cloudwatch_log_group.flow_log_log_group",
            "retention_in_days",
            make=lambda: keep(1),
            undo=lambda: keep(LOG_RETENTION_DAYS),
        )

    def _versioning(self) -> Change:
        s3 = self._client("s3")

        def switch(status: str) -> object:
            return s3.put_bucket_versioning(
                Bucket=f"artifacts-{ACCOUNT}-{self._region}-{WORKSPACE}",
                VersioningConfiguration={"Status": status},
            )

        return Change(
            "data",
            "aws_s3_bucket_versioning.artifacts_versioning",
            "versioning_configuration[0].status",
            make=lambda: switch("Suspended"),
            undo=lambda: switch("Enabled"),
        )

    def _memory(self) -> Change:
        functions = self._client("lambda")

        def give(megabytes: int) -> object:
            return functions.update_function_configuration(
                FunctionName=f"trade-api-{WORKSPACE}", MemorySize=megabytes
            )

        return Change(
            "api",
            "aws_lambda_function.trade_api_function",
            "memory_size",
            make=lambda: give(LAMBDA_MEMORY_MEGABYTES * 2),
            undo=lambda: give(LAMBDA_MEMORY_MEGABYTES),
        )

    def _group(self, name: str) -> str:
        groups = self._client("ec2").describe_security_groups(
            Filters=[{"Name": "group-name", "Values": [f"{name}-security-group-{WORKSPACE}"]}]
        )["SecurityGroups"]
        return str(groups[0]["GroupId"])

    def _client(self, service: str) -> Any:
        # The stubs want the literal name of a service.
        session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
        endpoint = self._operator.local.endpoint_url
        return session.client(service, region_name=self._region, endpoint_url=endpoint)


def prove_changes_are_found(operator: Operator, region: str, layers: Sequence[str]) -> None:
    """Change one thing of each kind in one region: drift and consistency name exactly these, and
    nothing any more when they are taken back.
    """
    changes = [change for change in Console(operator, region).changes() if change.layer in layers]
    selected = [option for layer in layers for option in ("--layer", layer)]
    try:
        for change in changes:
            change.make()
        drift = _found(operator, 2, "drift", *selected)["drift"]
        differences = _found(operator, 2, "consistency", *selected)["differences"]
    finally:
        for change in changes:
            change.undo()
    assert _places(drift, "stack") == {
        (f"{change.layer}-{region}", change.address, change.attribute) for change in changes
    }
    assert _places(differences, "layer") == {
        (change.layer, change.address, change.attribute) for change in changes
    }
    for difference in differences:
        others = [value for name, value in difference["regions"].items() if name != region]
        assert all(value == others[0] for value in others)
        assert difference["regions"][region] != others[0]
    prove_nothing_is_found(operator, layers)


def prove_a_deletion_is_found(operator: Operator, region: str) -> None:
    """Delete a resource of one region: it is named as deleted there, and as missing beside the other
    regions, until it is deployed again.
    """
    address = "aws_vpc_security_group_egress_rule.security_groups_lambda_to_internet"
    stack = f"network-{region}"
    Console(operator, region).delete_rule_to_internet()
    drift = _found(operator, 2, "drift", stack)["drift"]
    deleted = _of(drift, address)
    assert (deleted["stack"], deleted["action"]) == (stack, "delete")
    differences = _found(operator, 2, "consistency", "--layer", "network")["differences"]
    regions = _of(differences, address)["regions"]
    assert {name for name, said in regions.items() if said == "missing"} == {region}
    operator.succeeds("deploy", stack, "--yes")
    prove_nothing_is_found(operator, ["network"])


def prove_nothing_is_found(operator: Operator, layers: Sequence[str]) -> None:
    """What nobody has touched neither drifts nor differs between regions."""
    selected = [option for layer in layers for option in ("--layer", layer)]
    assert _found(operator, 0, "drift", *selected)["drift"] == []
    regional = [
        option for layer in layers if layer != "global-dns" for option in ("--layer", layer)
    ]
    assert _found(operator, 0, "consistency", *regional)["differences"] == []


def _found(operator: Operator, exit_code: int, *arguments: str) -> dict[str, Any]:
    result = operator.trading(*arguments, "--json")
    assert result.returncode == exit_code, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _places(found: Sequence[dict[str, Any]], where: str) -> set[tuple[str, str, str]]:
    return {(item[where], item["address"], item["attribute"]) for item in found}


def _of(found: Sequence[dict[str, Any]], address: str) -> dict[str, Any]:
    [item] = [item for item in found if item["address"] == address]
    return item
