"""What the account shares, and what outlives the environments."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from stacks.settings import ARCHIVE_UNDO_DAYS, FOUNDATION_WORKSPACE, REGIONS
from tests.stacks.buckets import check_private_and_encrypted, lifecycle, part
from tests.stacks.resources import Resource, resources
from tests.synthesis import Stacks

KEY = "${aws_kms_key.key.arn}"


@pytest.fixture
def stacks(synthesized: Callable[[str], Stacks]) -> Stacks:
    """The foundation's stacks, one for each region."""
    found = synthesized(FOUNDATION_WORKSPACE)
    assert set(found) == {f"foundation-{region.name}" for region in REGIONS}
    return found


def buckets(stacks: Stacks, purpose: str) -> list[Resource]:
    """The bucket of a purpose in each region."""
    found = [
        bucket
        for bucket in resources(stacks, "aws_s3_bucket")
        if bucket.body["bucket"].startswith(f"{purpose}-${{")
    ]
    assert len(found) == len(REGIONS)
    return found


def test_the_foundation_keeps_what_the_account_shares(stacks: Stacks) -> None:
    groups = list(resources(stacks, "aws_cloudwatch_log_group"))
    assert len(groups) == len(REGIONS)
    for group in groups:
        assert group.body["name"] == "RDSOSMetrics"
        assert group.body["retention_in_days"] == 30
        assert group.body["kms_key_id"] == KEY
    assert len(list(resources(stacks, "aws_api_gateway_account"))) == len(REGIONS)


def test_an_archive_is_as_private_as_any_bucket(stacks: Stacks) -> None:
    for purpose in ("archive", "access-logs"):
        for bucket in buckets(stacks, purpose):
            check_private_and_encrypted(stacks, bucket, KEY)


def test_nothing_in_an_archive_expires_before_it_was_deleted(stacks: Stacks) -> None:
    for archive in buckets(stacks, "archive"):
        rule = lifecycle(stacks, archive)
        # No days and no date: neither an object nor what is needed to read one.
        assert rule["expiration"] == [{"expired_object_delete_marker": True}]
        assert rule["noncurrent_version_expiration"] == [{"noncurrent_days": ARCHIVE_UNDO_DAYS}]
        assert "transition" not in rule
        assert "noncurrent_version_transition" not in rule


def test_who_touched_an_archive_is_recorded_for_90_days(stacks: Stacks) -> None:
    for archive, logs in zip(
        buckets(stacks, "archive"), buckets(stacks, "access-logs"), strict=True
    ):
        logging = part(stacks, archive, "aws_s3_bucket_logging")
        assert logging["target_bucket"] == f"${{aws_s3_bucket.{logs.address}.id}}"
        rule = lifecycle(stacks, logs)
        assert rule["expiration"] == [{"days": 90}]
        (delivery,) = (
            statement
            for statement in json.loads(part(stacks, logs, "aws_s3_bucket_policy")["policy"])[
                "Statement"
            ]
            if statement["Effect"] == "Allow"
        )
        assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
        assert delivery["Resource"] == [f"${{aws_s3_bucket.{logs.address}.arn}}/archive/*"]


def test_the_foundation_says_where_to_keep_and_under_which_key(stacks: Stacks) -> None:
    for stack in stacks.values():
        outputs = {name: output["value"] for name, output in stack["output"].items()}
        assert outputs["archive_bucket"] == "${aws_s3_bucket.archive_bucket.bucket}"
        assert outputs["kms_key_arn"] == KEY


def test_the_foundations_key_opens_for_copies_through_the_services_of_its_region(
    stacks: Stacks,
) -> None:
    for key in resources(stacks, "aws_kms_key"):
        statements = {
            statement["Sid"]: statement for statement in json.loads(key.body["policy"])["Statement"]
        }
        use = statements["CallersUseThroughServices"]
        assert {"kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"} <= set(use["Action"])
        # RDS encrypts a copy of a snapshot after the request has been answered.
        grant = statements["ServicesHoldGrants"]
        assert grant["Action"] == ["kms:CreateGrant"]
        assert grant["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
        copying = [f"{service}.${{local.region}}.amazonaws.com" for service in ("rds", "s3")]
        assert use["Condition"]["StringEquals"]["kms:ViaService"] == copying
        assert grant["Condition"]["StringEquals"]["kms:ViaService"] == copying[:1]
