"""Objects are copied whole by S3 itself, in one piece or in parts, and errors are not lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local_aws.conftest import Client, create_key
from tests.trading.archive.bucket_contents import CONTENTS, Content, fill, listed, put, read
from tests.trading.archive.conftest import create_bucket
from trading.archive import objects as module
from trading.archive.objects import (
    Place,
    Version,
    checksum_of,
    copy_object,
    in_parallel,
    list_versions,
    remove_versions,
)

MEGABYTE = 1024**2


@pytest.fixture
def s3(client: Client) -> Any:
    return client("s3")


@pytest.fixture
def bucket(client: Client, name: str) -> str:
    return create_bucket(client, name, create_key(client))


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_versions_are_listed_newest_first(
    s3: Any, bucket: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def within_one_second(parsed: dict[str, Any], **_: Any) -> None:
        for item in parsed.get("Versions", []) + parsed.get("DeleteMarkers", []):
            item["LastModified"] = datetime(2026, 11, 22, tzinfo=UTC)

    # Real S3 tells seconds, ours milliseconds.
    s3.meta.events.register("after-call.s3.ListObjectVersions", within_one_second)
    fill(s3, bucket)
    get_paginator = s3.get_paginator

    def in_pages(operation: str) -> Any:
        paginator = get_paginator(operation)
        paginate = paginator.paginate
        sizes = {"PaginationConfig": {"PageSize": page}}
        monkeypatch.setattr(paginator, "paginate", lambda **asked: paginate(**{**sizes, **asked}))
        return paginator

    monkeypatch.setattr(s3, "get_paginator", in_pages)
    found = [(version.key, version.marker) for version, _ in list_versions(s3, bucket)]
    assert found == [
        (key, content is None)
        for key, versions in sorted(CONTENTS.items(), key=lambda one: one[0].encode())
        for content in versions[::-1]
    ]


def test_what_is_removed_while_it_is_listed_is_not_there(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="key")
    found = s3.list_object_versions(Bucket=bucket)
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    version, marker = (
        {**found[kind][0], "LastModified": moment} for kind in ("Versions", "DeleteMarkers")
    )
    s3.delete_object(Bucket=bucket, Key="key", VersionId=marker["VersionId"])
    both = [(marker, True), (version, False)]
    assert module._in_order(s3, bucket, "key", both) == [(version, False)]


def test_copy_in_parts_is_the_same(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Content(b"trade" * 3 * MEGABYTE, {"a": "b"}, {"c": "d e"}, "application/x-trades")
    put(s3, bucket, "large", content)
    version = s3.head_object(Bucket=bucket, Key="large")["VersionId"]
    put(s3, bucket, "large", replace(content, body=b"newer"))
    source, whole, parts = Place(bucket, "large", version), Place(bucket, "1"), Place(bucket, "2")
    size = len(content.body)
    expected = copy_object(s3, source, whole, size, {})
    monkeypatch.setattr(module, "LARGEST_SINGLE_COPY", size - 1)
    monkeypatch.setattr(module, "_PART", 6 * MEGABYTE)
    assert copy_object(s3, source, parts, size, {}) == expected
    assert read(s3, bucket, "2") == read(s3, bucket, "1") == content
    assert checksum_of(s3, parts) == checksum_of(s3, whole) == expected
    assert s3.head_object(Bucket=bucket, Key="2")["ETag"].endswith('-3"')


def test_copy_in_parts_that_fails_leaves_nothing(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, bucket, "large", Content(b"x" * 6 * MEGABYTE))
    monkeypatch.setattr(module, "LARGEST_SINGLE_COPY", 1)
    monkeypatch.setattr(module, "_PART", 6 * MEGABYTE)
    source, size = Place(bucket, "large"), 20 * MEGABYTE  # It has not so many bytes.
    with pytest.raises(s3.exceptions.ClientError):
        copy_object(s3, source, Place(bucket, "2"), size, {})
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert [one["Key"] for one in listed(s3, bucket)] == ["large"]


def test_checksum_that_there_is_not(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", ChecksumAlgorithm="SHA256")
    assert checksum_of(s3, Place(bucket, "other")) is None
    assert checksum_of(s3, Place(bucket, "missing")) is None
    s3.delete_object(Bucket=bucket, Key="missing")
    marker = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"][0]["VersionId"]
    with pytest.raises(s3.exceptions.ClientError, match="405"):
        checksum_of(s3, Place(bucket, "missing", marker))


def test_versions_are_removed_for_good(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(s3, bucket)
    monkeypatch.setattr(module, "_DELETE_AT_A_TIME", 3)
    kept, *gone = [(version.key, version.version_id) for version, _ in list_versions(s3, bucket)]
    remove_versions(s3, bucket, gone)
    assert [(one["Key"], one["VersionId"]) for one in listed(s3, bucket)] == [kept]


def test_first_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARALLEL_REQUESTS", 2)
    begun: list[int] = []
    proceed = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            raise ZeroDivisionError
        proceed.wait(10)
        return number

    threading.Timer(0.5, proceed.set).start()
    with pytest.raises(ZeroDivisionError):
        in_parallel(work, range(100))
    assert len(begun) < 10
    assert in_parallel(lambda number: number * 2, range(5)) == [0, 2, 4, 6, 8]


def test_copies_have_names_of_their_own() -> None:
    versions = {
        Version(*names, 0, marker=False).stored_as
        for names in (("a", "bc"), ("ab", "c"), ("a", "c"))
    }
    assert len(versions) == 3
