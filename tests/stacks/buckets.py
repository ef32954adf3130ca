"""What is true of every bucket of the platform, in whatever workspace it is."""

from __future__ import annotations

from typing import Any

from tests.stacks.resources import Resource, resources
from tests.synthesis import Stacks


def part(stacks: Stacks, bucket: Resource, kind: str) -> dict[str, Any]:
    """The one resource of a kind that says something of a bucket."""
    reference = f"${{aws_s3_bucket.{bucket.address}.id}}"
    own = {bucket.stack: stacks[bucket.stack]}
    (body,) = (found.body for found in resources(own, kind) if found.body["bucket"] == reference)
    return body


def lifecycle(stacks: Stacks, bucket: Resource) -> dict[str, Any]:
    """The one rule of a bucket's lifecycle, which is about all of its objects."""
    rule: dict[str, Any]
    (rule,) = part(stacks, bucket, "aws_s3_bucket_lifecycle_configuration")["rule"]
    assert rule["status"] == "Enabled"
    assert rule["filter"] == [{"prefix": ""}]
    assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
    return rule


def check_private_and_encrypted(stacks: Stacks, bucket: Resource, key: str) -> None:
    """Versioned, under this key, for its owner only, over TLS only, removable with all it holds, and
    it tells EventBridge of its changes.
    """
    assert bucket.body["force_destroy"] is True
    (rule,) = part(stacks, bucket, "aws_s3_bucket_server_side_encryption_configuration")["rule"]
    assert rule["bucket_key_enabled"] is True
    assert rule["apply_server_side_encryption_by_default"] == {
        "kms_master_key_id": key,
        "sse_algorithm": "aws:kms",
    }
    versioning = part(stacks, bucket, "aws_s3_bucket_versioning")["versioning_configuration"]
    assert versioning == {"status": "Enabled"}
    access = part(stacks, bucket, "aws_s3_bucket_public_access_block")
    for name in (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ):
        assert access[name] is True
    assert "aws:SecureTransport" in part(stacks, bucket, "aws_s3_bucket_policy")["policy"]
    ownership = part(stacks, bucket, "aws_s3_bucket_ownership_controls")["rule"]
    assert ownership["object_ownership"] == "BucketOwnerEnforced"
    assert part(stacks, bucket, "aws_s3_bucket_notification")["eventbridge"] is True
