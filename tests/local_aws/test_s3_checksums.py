"""A copy's checksum is of its bytes, whether it was copied at once or in parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client, clients_of
from trading.local.local_target import LocalTarget

MEBIBYTE = 1024 * 1024
PART = 5 * MEBIBYTE
# The check value of the CRC catalogue, https://reveng.sourceforge.io/crc-catalogue/all.htm
CHECK_BYTES, CHECK_CRC64NVME, CHECK_CRC32C = b"123456789", "rosUhgp5mIg=", "4waSgw=="


@pytest.fixture
def s3(client: Client) -> Any:
    return client("s3")


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def copy_in_parts(s3: Any, source: dict[str, str], key: str, size: int, **settings: Any) -> Any:
    target = {"Bucket": source["Bucket"], "Key": key}
    settings.setdefault("ChecksumAlgorithm", "CRC64NVME")
    checksum = f"Checksum{settings['ChecksumAlgorithm']}"
    upload = s3.create_multipart_upload(**target, **settings)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, size, PART), start=1):
        copied = s3.upload_part_copy(
            **target,
            UploadId=upload,
            PartNumber=number,
            CopySource=source,
            CopySourceRange=f"bytes={start}-{min(start + PART, size) - 1}",
        )
        assert copied["CopySourceVersionId"] == source["VersionId"]
        part = copied["CopyPartResult"]
        parts.append({"PartNumber": number, "ETag": part["ETag"], checksum: part[checksum]})
    return s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": parts})


def test_copy_has_the_checksum_asked_for(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="trade", Body=CHECK_BYTES, ChecksumAlgorithm="CRC32")
    source = {"Bucket": bucket, "Key": "trade", "VersionId": put["VersionId"]}
    s3.put_object(Bucket=bucket, Key="trade", Body=b"newer")
    asked = {"Bucket": bucket, "Key": "copy", "CopySource": source}
    for algorithm, value in (("CRC64NVME", CHECK_CRC64NVME), ("CRC32C", CHECK_CRC32C)):
        copied = s3.copy_object(**asked, ChecksumAlgorithm=algorithm)
        assert copied["CopyObjectResult"][f"Checksum{algorithm}"] == value
        assert copied["CopyObjectResult"]["ChecksumType"] == "FULL_OBJECT"
        stored = {"Bucket": bucket, "Key": "copy", "VersionId": copied["VersionId"]}
        for read in (s3.head_object, s3.get_object):
            answer = read(**stored, ChecksumMode="ENABLED")
            assert answer[f"Checksum{algorithm}"] == value
            assert "ChecksumCRC32" not in answer
            assert answer["ChecksumType"] == "FULL_OBJECT"


def test_copy_in_parts_has_the_checksum_of_a_single_copy(s3: Any, bucket: str) -> None:
    body = os.urandom(12 * MEBIBYTE + 7)
    put = s3.put_object(Bucket=bucket, Key="large", Body=body)
    source = {"Bucket": bucket, "Key": "large", "VersionId": put["VersionId"]}
    s3.put_object(Bucket=bucket, Key="large", Body=b"newer")
    single = s3.copy_object(
        Bucket=bucket, Key="single", CopySource=source, ChecksumAlgorithm="CRC64NVME"
    )["CopyObjectResult"]["ChecksumCRC64NVME"]
    done = copy_in_parts(
        s3,
        source,
        "parts",
        len(body),
        ChecksumType="FULL_OBJECT",
        Metadata={"trader": "7"},
        Tagging="desk=fx",
    )
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (single, "FULL_OBJECT")
    stored = {"Bucket": bucket, "Key": "parts", "VersionId": done["VersionId"]}
    answer = s3.get_object(**stored, ChecksumMode="ENABLED")
    assert answer["Body"].read() == body
    assert (answer["ChecksumCRC64NVME"], answer["ChecksumType"]) == (single, "FULL_OBJECT")
    assert answer["Metadata"] == {"trader": "7"}
    assert s3.get_object_tagging(**stored)["TagSet"] == [{"Key": "desk", "Value": "fx"}]


def test_checksum_of_checksums_says_so(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="large", Body=bytes(6 * MEBIBYTE))
    source = {"Bucket": bucket, "Key": "large", "VersionId": put["VersionId"]}
    done = copy_in_parts(s3, source, "parts", 6 * MEBIBYTE, ChecksumAlgorithm="SHA256")
    assert done["ChecksumSHA256"].endswith("-2")
    for version in ({}, {"VersionId": done["VersionId"]}):
        head = s3.head_object(Bucket=bucket, Key="parts", ChecksumMode="ENABLED", **version)
        assert head["ChecksumType"] == "COMPOSITE"
    wrong = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.create_multipart_upload(Bucket=bucket, Key="x", **wrong)


def test_checksums_keys_and_versions_survive_a_restart(
    new_target: Callable[[], LocalTarget],
) -> None:
    target = new_target()
    target.up(lambda _: None)
    client = clients_of(target)
    s3, key = client("s3"), client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    asked = {"Bucket": "kept", "Key": "//x y"}
    put = s3.put_object(**asked, Body=CHECK_BYTES, Tagging="desk=fx", **encrypted)
    copied = s3.copy_object(
        **asked,
        CopySource={**asked, "VersionId": put["VersionId"]},
        ChecksumAlgorithm="CRC64NVME",
        **encrypted,
    )
    s3.delete_object(**asked)
    before = s3.list_object_versions(Bucket="kept")
    target.down()
    target.up(lambda _: None)
    after = s3.list_object_versions(Bucket="kept")
    assert (after["Versions"], after["DeleteMarkers"]) == (
        before["Versions"],
        before["DeleteMarkers"],
    )
    stored = {**asked, "VersionId": copied["VersionId"]}
    head = s3.head_object(**stored, ChecksumMode="ENABLED")
    assert (head["SSEKMSKeyId"], head["ChecksumCRC64NVME"]) == (key, CHECK_CRC64NVME)
    assert s3.get_object_tagging(**stored)["TagSet"] == [{"Key": "desk", "Value": "fx"}]
    client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        s3.get_object(**asked, VersionId=put["VersionId"])
