"""The log of the zone's queries: who may write to it, and under which key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.synthesis import Stacks

ACCOUNT = "${data.aws_caller_identity.current.account_id}"
GROUP = "${aws_cloudwatch_log_group.query_log_log.arn}"


@pytest.fixture(params=["dev", "prod", "dev-pr42"])
def workspace(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zone(synthesized: Callable[[str], Stacks], workspace: str) -> dict[str, Any]:
    resources: dict[str, Any] = synthesized(workspace)["global-zone"]["resource"]
    return resources


def test_the_zones_queries_are_logged_once_route53_may_write_them(
    zone: dict[str, Any], workspace: str
) -> None:
    log = zone["aws_route53_query_log"]["query_log_queries"]
    assert log["zone_id"] == "${aws_route53_zone.zone.zone_id}"
    assert log["cloudwatch_log_group_arn"] == GROUP
    assert log["depends_on"] == ["aws_cloudwatch_log_resource_policy.query_log_permission"]
    name = zone["aws_cloudwatch_log_group"]["query_log_log"]["name"]
    assert name == f"/aws/route53/{workspace}.trading.example.com"


def test_route53_writes_for_this_zone_to_this_group_only(zone: dict[str, Any]) -> None:
    permission = zone["aws_cloudwatch_log_resource_policy"]["query_log_permission"]
    (statement,) = json.loads(permission["policy_document"])["Statement"]
    del statement["Sid"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "route53.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{GROUP}:*"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": "${aws_route53_zone.zone.arn}"},
        },
    }


def test_the_key_is_for_this_group_only(zone: dict[str, Any], workspace: str) -> None:
    key = zone["aws_kms_key"]["query_log_key"]
    assert key["enable_key_rotation"] is True
    administration, logs = json.loads(key["policy"])["Statement"]
    assert administration["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert logs["Principal"] == {"Service": "logs.${local.region}.amazonaws.com"}
    group = f"log-group:/aws/route53/{workspace}.trading.example.com"
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": (
                f"arn:aws:logs:${{local.region}}:{ACCOUNT}:{group}"
            )
        }
    }
    (alias,) = zone["aws_kms_alias"].values()
    assert alias["name"] == f"alias/trading-dns-{workspace}"


def test_the_zone_waits_for_no_region(synthesized: Callable[[str], Stacks]) -> None:
    assert "terraform_remote_state" not in synthesized("prod")["global-zone"].get("data", {})
