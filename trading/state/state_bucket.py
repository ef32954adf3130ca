"""The bucket of Terraform's state, made by the AWS SDK: Terraform cannot keep its state in what it
has yet to create. Every step may be repeated.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.settings import StateBucket

_OLD_VERSIONS_DAYS = 90


def ensure_state_bucket(bucket: StateBucket, environment: Mapping[str, str]) -> None:
    """Create what is missing of the bucket and, where it locks by DynamoDB, of the table.

    Raises OperatorError when the name belongs to another account.
    """
    s3 = client("s3", environment, bucket.region)
    _create(s3, bucket)
    s3.put_public_access_block(
        Bucket=bucket.name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                # As the backend's `encrypt` asks for each object; a key of ours would have to be
                # there before any state is.
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
    )
    s3.put_bucket_policy(Bucket=bucket.name, Policy=_only_over_tls(bucket))
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket.name, LifecycleConfiguration={"Rules": [_lifecycle_rule()]}
    )
    if bucket.lock == "dynamodb":
        _ensure_lock_table(bucket, environment)


def _create(s3: Any, bucket: StateBucket) -> None:
    # us-east-1 is the one region that may not be named:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
    place = (
        {}
        if bucket.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
    )
    try:
        s3.create_bucket(Bucket=bucket.name, **place)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    except s3.exceptions.BucketAlreadyExists as error:
        raise OperatorError(
            f"the bucket {bucket.name} belongs to another account: set TRADING_STATE_BUCKET to"
            " a name of your own"
        ) from error


def _only_over_tls(bucket: StateBucket) -> str:
    statement = {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _lifecycle_rule() -> dict[str, Any]:
    return {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_VERSIONS_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }


def _ensure_lock_table(bucket: StateBucket, environment: Mapping[str, str]) -> None:
    """https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking"""
    dynamodb = client("dynamodb", environment, bucket.region)
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=bucket.lock_table,
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    dynamodb.get_waiter("table_exists").wait(
        TableName=bucket.lock_table, WaiterConfig={"Delay": 2, "MaxAttempts": 60}
    )
