"""Objects are as readable as the KMS keys they were written under."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client, create_key

Record = dict[str, Any]


def create_bucket(client: Client, name: str, key: str, region: str = "us-east-1") -> str:
    s3 = client("s3", region)
    location = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else location))
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]
        },
    )
    return name


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def key(client: Client) -> str:
    return create_key(client)


@pytest.fixture
def bucket(client: Client, name: str, key: str) -> str:
    return create_bucket(client, name, key)


def test_object_is_under_the_requests_key_or_the_buckets(
    client: Client, bucket: str, key: str, name: str
) -> None:
    s3, other = client("s3"), create_key(client)
    client("kms").create_alias(AliasName=f"alias/{name}", TargetKeyId=other)
    for reference in (other, other.split("/")[1], f"alias/{name}"):
        put = s3.put_object(
            Bucket=bucket,
            Key="own",
            Body=b"x",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=reference,
        )
        assert put["SSEKMSKeyId"] == other
    assert s3.put_object(Bucket=bucket, Key="default", Body=b"x")["SSEKMSKeyId"] == key
    assert s3.head_object(Bucket=bucket, Key="own")["SSEKMSKeyId"] == other
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/own")
    assert copy["SSEKMSKeyId"] == key
    assert s3.get_object(Bucket=bucket, Key="copy")["SSEKMSKeyId"] == key


@pytest.mark.parametrize(
    ("disable", "code"),
    [
        (
            lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7),
            "KMS.KMSInvalidStateException",
        ),
        (lambda kms, key: kms.disable_key(KeyId=key), "KMS.DisabledException"),
    ],
)
def test_unusable_key_refuses_reading_and_writing(
    client: Client,
    bucket: str,
    key: str,
    name: str,
    disable: Callable[[Any, str], Any],
    code: str,
) -> None:
    s3 = client("s3")
    version = s3.put_object(Bucket=bucket, Key="trade", Body=b"x")["VersionId"]
    upload = {"Bucket": bucket, "Key": "parts", "PartNumber": 1}
    upload["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    archive = create_bucket(client, f"{name}-archive", create_key(client))
    source = {"Bucket": bucket, "Key": "trade", "VersionId": version}
    s3.copy_object(Bucket=archive, Key="kept", CopySource=source)
    into_archive = {"Bucket": archive, "Key": "parts", "PartNumber": 1}
    begun = s3.create_multipart_upload(Bucket=archive, Key="parts")
    into_archive["UploadId"] = begun["UploadId"]

    disable(client("kms"), key)
    assert refusal(s3.get_object, Bucket=bucket, Key="trade") == code
    assert refusal(s3.get_object, **source) == code
    assert refusal(s3.head_object, **source) == "400"  # The answer to HEAD has no body.
    assert refusal(s3.copy_object, Bucket=archive, Key="copy", CopySource=source) == code
    assert refusal(s3.upload_part_copy, **into_archive, CopySource=source) == code
    assert refusal(s3.put_object, Bucket=bucket, Key="new", Body=b"x") == code
    kept = {"Bucket": archive, "Key": "kept"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="copy", CopySource=kept) == code
    assert refusal(s3.upload_part, **upload, Body=b"x") == code
    assert refusal(s3.create_multipart_upload, Bucket=bucket, Key="x") == code

    assert s3.get_object(**kept)["Body"].read() == b"x"
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [entry["VersionId"] for entry in listed] == [version]
    s3.delete_object(**source)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_key_usable_again_reads_again(client: Client, bucket: str, key: str) -> None:
    s3, kms = client("s3"), client("kms")
    s3.put_object(Bucket=bucket, Key="trade", Body=b"x")
    kms.schedule_key_deletion(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="trade") == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="trade")["Body"].read() == b"x"


def test_missing_key_is_refused(client: Client, bucket: str, key: str) -> None:
    put = {"Bucket": bucket, "Key": "trade", "ServerSideEncryption": "aws:kms"}
    nowhere = f"{key[:-4]}none"
    code = refusal(client("s3").put_object, **put, SSEKMSKeyId=nowhere)
    assert code == "KMS.NotFoundException"


def test_copy_from_another_region_is_under_the_destinations_key(
    client: Client, bucket: str, key: str, name: str
) -> None:
    west = client("s3", "us-west-2")
    western_key = create_key(client, "us-west-2")
    create_bucket(client, f"{name}-west", western_key, "us-west-2")
    client("s3").put_object(Bucket=bucket, Key="trade", Body=b"x")
    copy = {"Bucket": f"{name}-west", "Key": "trade", "CopySource": f"{bucket}/trade"}
    assert west.copy_object(**copy)["SSEKMSKeyId"] == western_key
    client("kms").disable_key(KeyId=key)
    assert west.get_object(Bucket=f"{name}-west", Key="trade")["Body"].read() == b"x"
    assert refusal(west.copy_object, **copy) == "KMS.DisabledException"
