"""Object versions are listed completely, and read, copied and deleted one by one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client

Record = dict[str, Any]

STRANGE_KEYS = [
    "plain/key.json",
    "with space and + and %2B and 100%",
    "Zürich/東京/🙂",
    "double//slash",
    "/leading",
    "trailing/",
    "?versionId=x&#;'\"<>",
    "control\x01\n",
    "a/./b/../c",
]


@pytest.fixture
def s3(client: Client) -> Any:
    return client("s3")


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(s3: Any, bucket: str, key: str, body: bytes = b"x", **settings: Any) -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body, **settings)["VersionId"])


def listed(s3: Any, bucket: str, page: int = 1000, **asked: Any) -> list[Record]:
    """All entries in the order of the pages, delete markers marked as such."""
    entries = []
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, **asked, PaginationConfig={"PageSize": page}
    )
    for answer in pages:
        found = answer.get("Versions", [])
        found += [{**marker, "Marker": True} for marker in answer.get("DeleteMarkers", [])]
        assert len(found) + len(answer.get("CommonPrefixes", [])) <= page
        entries += found
    return entries


@pytest.mark.parametrize("page", [1, 2, 3, 7, 1000])
def test_pages_hold_every_version_once_newest_first(s3: Any, bucket: str, page: int) -> None:
    expected = []
    for key in ("Z", "a", "a b", "é"):
        versions = [put(s3, bucket, key) for _ in range(3)]
        versions.append(s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
        expected += [(key, version) for version in reversed(versions)]
    entries = listed(s3, bucket, page)
    if page == 1:
        assert [(entry["Key"], entry["VersionId"]) for entry in entries] == expected
        assert [entry["IsLatest"] for entry in entries] == [True, False, False, False] * 4
        assert [entry.get("Marker", False) for entry in entries] == [True, False, False, False] * 4
    assert sorted((entry["Key"], entry["VersionId"]) for entry in entries) == sorted(expected)


def test_unversioned_objects_are_listed_once(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    entries = listed(s3, name, 1)
    assert [(entry["Key"], entry["VersionId"]) for entry in entries] == [
        (key, "null") for key in ("a", "b", "c")
    ]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    source = {"Bucket": name, "Key": "a", "VersionId": "null"}
    s3.copy_object(Bucket=name, Key="copy", CopySource=source)
    assert s3.get_object(Bucket=name, Key="copy")["Body"].read() == b"x"


def test_listing_goes_on_while_versions_are_deleted(s3: Any, bucket: str) -> None:
    for _ in range(5):
        put(s3, bucket, "a")
    put(s3, bucket, "b")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    for page in pages:
        objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in page["Versions"]]
        deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        assert len(deleted["Deleted"]) == len(objects)
    assert listed(s3, bucket) == []
    s3.delete_bucket(Bucket=bucket)


def test_prefixes_stand_for_their_keys(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "c/1", "d"):
        put(s3, bucket, key)
    names: list[str] = []
    markers: dict[str, str] = {}
    for _ in range(4):
        page = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=1, **markers)
        names += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        names += [entry["Key"] for entry in page.get("Versions", [])]
        if page["IsTruncated"]:
            markers = {"KeyMarker": page["NextKeyMarker"]}
            if version := page.get("NextVersionIdMarker"):
                markers["VersionIdMarker"] = version
    assert names == ["a/", "b", "c/", "d"]
    assert page["IsTruncated"] is False
    assert [entry["Key"] for entry in listed(s3, bucket, 1, Prefix="a/")] == ["a/1", "a/2"]


def test_strange_keys_survive_copy_and_listing(s3: Any, bucket: str) -> None:
    for key in STRANGE_KEYS:
        version = put(s3, bucket, key, key.encode())
        source = {"Bucket": bucket, "Key": key, "VersionId": version}
        copied = s3.copy_object(Bucket=bucket, Key=f"copy/{key}", CopySource=source)
        assert copied["CopySourceVersionId"] == version
        assert s3.get_object(Bucket=bucket, Key=f"copy/{key}")["Body"].read() == key.encode()
    expected = sorted([*STRANGE_KEYS, *(f"copy/{key}" for key in STRANGE_KEYS)])
    assert [entry["Key"] for entry in listed(s3, bucket, 1)] == expected
    raw = s3.list_object_versions(Bucket=bucket, Prefix="with", EncodingType="url")
    assert raw["EncodingType"] == "url"
    assert raw["Versions"][0]["Key"] == "with%20space%20and%20%2B%20and%20%252B%20and%20100%25"


def test_copy_of_a_version_keeps_what_belongs_to_it(s3: Any, bucket: str) -> None:
    described = {
        "Metadata": {"trader": "7"},
        "Tagging": "desk=fx&day=1",
        "ContentType": "text/csv",
        "CacheControl": "no-store",
    }
    old = put(s3, bucket, "trade", b"old", **described)
    put(s3, bucket, "trade", b"new", Tagging="desk=none")
    s3.delete_object(Bucket=bucket, Key="trade")
    source = {"Bucket": bucket, "Key": "trade", "VersionId": old}
    tags = s3.get_object_tagging(**source)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"desk": "fx", "day": "1"}

    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    kept = {"Bucket": bucket, "Key": "copy", "VersionId": copied["VersionId"]}
    assert s3.get_object_tagging(**kept)["TagSet"] == tags
    answer = s3.get_object(**kept)
    assert answer["Body"].read() == b"old"
    assert (answer["Metadata"], answer["ContentType"]) == ({"trader": "7"}, "text/csv")
    assert answer["CacheControl"] == "no-store"
    marker = {**source, "VersionId": listed(s3, bucket, Prefix="trade")[-1]["VersionId"]}
    with pytest.raises(ClientError, match="does not exist"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=marker)


def test_part_of_an_old_version_is_read(s3: Any, bucket: str) -> None:
    old = {"Bucket": bucket, "Key": "trade", "VersionId": put(s3, bucket, "trade", b"0123456789")}
    put(s3, bucket, "trade", b"new")
    answer = s3.get_object(**old, Range="bytes=2-4")
    assert answer["Body"].read() == b"234"
    assert (answer["ContentRange"], answer["ContentLength"]) == ("bytes 2-4/10", 3)
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(**old, Range="bytes=10-")
    assert s3.get_object(**old)["Body"].read() == b"0123456789"


def test_empty_object_is_an_object(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "empty", "VersionId": put(s3, bucket, "empty", b"")}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ChecksumAlgorithm="CRC64NVME")
    head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumCRC64NVME"]) == (0, "AAAAAAAAAAA=")


def test_thousands_of_versions_are_deleted_in_bulk(s3: Any, bucket: str) -> None:
    for number in range(1200):
        put(s3, bucket, f"key/{number % 400}")
    entries = listed(s3, bucket)
    assert len(entries) == len({entry["VersionId"] for entry in entries}) == 1200
    for start in range(0, 1200, 1000):
        objects = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in entries[start : start + 1000]
        ]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        assert "Errors" not in answer
    assert listed(s3, bucket) == []
