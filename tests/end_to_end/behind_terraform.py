"""What somebody may do in the console while Terraform does not look, and that it is found.

Each proof leaves everything as it was before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.settings import LAMBDA_MEMORY_MEGABYTES, LOG_RETENTION_DAYS
from tests.end_to_end.conftest import WORKSPACE, Operator
from tests.end_to_end.interruptions import aws

ACCOUNT = "000000000000"
RULE_TO_INTERNET = "aws_vpc_security_group_egress_rule.security_groups_lambda_to_internet"


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
        return aws(self._operator, service, self._region)


def prove_changes_are_found(operator: Operator, region: str, layers: Sequence[str]) -> None:
    """Change one thing of each kind in one region, and delete a rule: drift and consistency name
    exactly these. They are taken back, and the rule is deployed again.
    """
    console, network = Console(operator, region), f"network-{region}"
    changes = [change for change in console.changes() if change.layer in layers]
    selected = [option for layer in layers for option in ("--layer", layer)]
    try:
        for change in changes:
            change.make()
        console.delete_rule_to_internet()
        drift = _found(operator, 2, "drift", *selected)["drift"]
        differences = _found(operator, 2, "consistency", *selected)["differences"]
    finally:
        for change in changes:
            change.undo()
    assert _places(drift, "stack") == {
        (network, RULE_TO_INTERNET, None),
        *((f"{change.layer}-{region}", change.address, change.attribute) for change in changes),
    }
    assert _of(drift, RULE_TO_INTERNET)["action"] == "delete"
    assert _places(differences, "layer") == {
        ("network", RULE_TO_INTERNET, None),
        *((change.layer, change.address, change.attribute) for change in changes),
    }
    for difference in differences:
        others = [value for name, value in difference["regions"].items() if name != region]
        assert all(value == others[0] for value in others)
        assert difference["regions"][region] != others[0]
    assert _of(differences, RULE_TO_INTERNET)["regions"][region] == "missing"
    operator.succeeds("deploy", network, "--yes")


def prove_nothing_is_found(operator: Operator) -> None:
    """What is as it was deployed neither drifts nor differs between regions."""
    assert _found(operator, 0, "drift")["drift"] == []
    assert _found(operator, 0, "consistency")["differences"] == []


def _found(operator: Operator, exit_code: int, *arguments: str) -> dict[str, Any]:
    result = operator.trading(*arguments, "--json")
    assert result.returncode == exit_code, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _places(found: Sequence[dict[str, Any]], where: str) -> set[tuple[str, str, str | None]]:
    return {(item[where], item["address"], item["attribute"]) for item in found}


def _of(found: Sequence[dict[str, Any]], address: str) -> dict[str, Any]:
    [item] = [item for item in found if item["address"] == address]
    return item
