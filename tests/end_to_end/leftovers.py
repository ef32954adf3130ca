"""What AWS and a killed Terraform leave behind, made on purpose: found, judged, and removed where safe."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from stacks.settings import PROJECT
from tests.end_to_end.conftest import REGION_NAMES, WORKSPACE, Operator
from tests.end_to_end.interruptions import aws
from trading.engine.plugins import terraform_environment

REGION = REGION_NAMES[-1]
ACCOUNT = "000000000000"
FUNCTION = f"trade-api-{WORKSPACE}"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
ROLE = f"trade-api-{REGION}-{WORKSPACE}"
FULL_BUCKET = f"artifacts-{ACCOUNT}-{REGION}-{WORKSPACE}"
EMPTY_BUCKET = f"access-logs-{ACCOUNT}-{REGION}-{WORKSPACE}"
TAGS = {"Environment": WORKSPACE, "Project": PROJECT, "Region": REGION, "Layer": "network"}
# Ours by no means, though they end as ours do.
STRANGERS = (f"/aws/lambda/billing-{WORKSPACE}", f"{LOG_GROUP}-pr42")


def leave_behind(operator: Operator) -> dict[tuple[str, str], bool]:
    """Make what may be there after a destroy. By kind and name: whether it is safe to remove."""
    logs = _client(operator, "logs")
    for name in (LOG_GROUP, *STRANGERS):
        logs.create_log_group(logGroupName=name)
    ec2 = _client(operator, "ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = f"AWS Lambda VPC ENI-{FUNCTION}-0a1b2c3d"
    ec2.create_network_interface(SubnetId=subnet, Description=interface)
    ec2.allocate_address(TagSpecifications=_tagged("elastic-ip", f"nat-gateway-1-{WORKSPACE}"))
    iam = _client(operator, "iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(Principal="*"))
    iam.put_role_policy(
        RoleName=ROLE,
        PolicyName="what-the-function-needs",
        PolicyDocument=_policy(Action="logs:PutLogEvents", Resource="*"),
    )
    s3 = _client(operator, "s3")
    for name in (FULL_BUCKET, EMPTY_BUCKET):
        place: Any = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    s3.put_object(Bucket=FULL_BUCKET, Key="report", Body=b"of value")
    return {
        ("log group", LOG_GROUP): True,
        ("network interface", interface): True,
        ("address", f"nat-gateway-1-{WORKSPACE}"): True,
        ("role", ROLE): True,
        ("bucket", EMPTY_BUCKET): True,
        ("bucket", FULL_BUCKET): False,
    }


def check_what_a_destroy_left(operator: Operator) -> None:
    """After a destroy: all of it is found, what is safe is removed, and nothing else is touched."""
    # Keys go days after their destruction, by AWS's own rule, and are named until then.
    before = {thing for thing, safe in _orphans(operator).items() if safe}
    assert before == set()
    left = leave_behind(operator)
    assert {thing: safe for thing, safe in _orphans(operator).items() if thing[0] != "key"} == left
    kept = operator.trading("orphans", "--remove")
    assert kept.returncode == 1, "nobody was there to be asked"
    assert _orphans(operator).keys() >= left.keys()
    removed = operator.trading("orphans", "--remove", "--yes")
    assert removed.returncode == 2, removed.stdout + removed.stderr
    assert removed.stdout.count(": removed") == sum(left.values())
    still_there = {thing for thing in _orphans(operator) if thing[0] != "key"}
    assert still_there == {("bucket", FULL_BUCKET)}
    logs = _client(operator, "logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"] for group in logs} >= set(STRANGERS)
    assert _client(operator, "s3").get_object(Bucket=FULL_BUCKET, Key="report")
    _clear_away(operator)


def check_what_terraform_did_not_record(operator: Operator, stack: str, address: str) -> None:
    """Beside a deployed stack: what Terraform made and forgot is taken back by the printed command."""
    directory = operator.work / WORKSPACE / "cdktf.out" / "stacks" / stack
    environment = terraform_environment(operator.local.environment()) | {"TF_WORKSPACE": WORKSPACE}
    # The backup's usual place is below a folder that the local backend has elsewhere.
    forget = ["terraform", "state", "rm", f"-backup={operator.work / 'forgotten.backup'}", address]
    subprocess.run(forget, cwd=directory, env=environment, check=True, capture_output=True)
    [orphan] = [other for other in _listed(operator) if f" import {address} " in other["command"]]
    assert not orphan["safe_to_remove"]
    again = operator.trading("orphans", "--remove", "--yes", "--json")
    assert again.returncode == 2, "it is there still: Terraform shall have it back"
    # As an operator would paste it: the command says itself which AWS it is for.
    subprocess.run(orphan["command"], shell=True, check=True, capture_output=True)
    assert orphan not in _listed(operator)


def _orphans(operator: Operator) -> dict[tuple[str, str], bool]:
    return {
        (orphan["kind"], orphan["name"]): orphan["safe_to_remove"] for orphan in _listed(operator)
    }


def _listed(operator: Operator) -> list[dict[str, Any]]:
    result = operator.trading("orphans", "--json")
    assert result.returncode in {0, 2}, result.stdout + result.stderr
    listed: list[dict[str, Any]] = json.loads(result.stdout)["orphans"]
    assert (result.returncode == 2) == bool(listed)
    return listed


def _clear_away(operator: Operator) -> None:
    for name in STRANGERS:
        _client(operator, "logs").delete_log_group(logGroupName=name)
    _client(operator, "s3").delete_object(Bucket=FULL_BUCKET, Key="report")
    _client(operator, "s3").delete_bucket(Bucket=FULL_BUCKET)


def _policy(**statement: str) -> str:
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


def _tagged(kind: str, name: str) -> Any:
    tags = [{"Key": key, "Value": value} for key, value in (TAGS | {"Name": name}).items()]
    return [{"ResourceType": kind, "Tags": tags}]


def _client(operator: Operator, service: str) -> Any:
    return aws(operator, service, REGION)
