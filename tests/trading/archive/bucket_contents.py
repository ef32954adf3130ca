"""What is in a bucket: every version of every object, with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from trading.archive.manifest import Manifest
from trading.archive.objects import Kept
from trading.archive.shelf import Shelf


@dataclass(frozen=True)
class Content:
    """An object as it is read."""

    body: bytes
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/plain"


# Of each key the versions, the oldest first; None for a delete marker.
Contents = dict[str, list[Content | None]]

CONTENTS: Contents = {
    "a b/+%2B/Zürich/🙂?versionId=x&<>": [
        Content(b"first", {"trade": "1"}, {"kind": "a b", "Zürich": "+"}, "application/json"),
        None,
        Content(b"second", {"trade": "2"}),
    ],
    "double//slash": [Content(b"x" * 70_000), Content(b"")],
    "gone/": [Content(b"here", tags={"only": "tag"}), None, None],
    "never/there": [None],
}


def put(s3: Any, bucket: str, key: str, content: Content | None) -> None:
    """One more version, or delete marker."""
    if content is None:
        s3.delete_object(Bucket=bucket, Key=key)
        return
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=content.body,
        Metadata=content.metadata,
        Tagging=urlencode(content.tags),
        ContentType=content.content_type,
    )


def fill(s3: Any, bucket: str, contents: Contents = CONTENTS) -> None:
    """Put everything, one version of each key after the other."""
    for number in range(max(map(len, contents.values()))):
        for key, versions in contents.items():
            if number < len(versions):
                put(s3, bucket, key, versions[number])


def read(s3: Any, bucket: str, key: str, **version: str) -> Content:
    answer = s3.get_object(Bucket=bucket, Key=key, **version)
    tags = s3.get_object_tagging(Bucket=bucket, Key=key, **version)["TagSet"]
    return Content(
        answer["Body"].read(),
        answer["Metadata"],
        {tag["Key"]: tag["Value"] for tag in tags},
        answer["ContentType"],
    )


def listed(s3: Any, bucket: str) -> list[dict[str, Any]]:
    """Versions and delete markers in the order in which they were put: the local S3 tells milliseconds."""
    answer = s3.list_object_versions(Bucket=bucket)
    entries = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
    return sorted(entries, key=lambda one: (one["LastModified"], one["IsLatest"]))


def contents(s3: Any, bucket: str) -> Contents:
    """All that a bucket has."""
    found: Contents = {}
    for entry in listed(s3, bucket):
        key, version = entry["Key"], entry["VersionId"]
        content = read(s3, bucket, key, VersionId=version) if "Size" in entry else None
        found.setdefault(key, []).append(content)
    return found


def kept_contents(shelf: Shelf, manifest: Manifest) -> Contents:
    """All that a generation has of one bucket."""
    found: Contents = {}
    for one in map(Kept.parse, shelf.inventory(manifest)):
        place = shelf.object_key(manifest.generation, one.version.stored_as)
        copy = None if one.marker else read(shelf.archive.s3, shelf.archive.bucket, place)
        found.setdefault(one.key, []).append(copy)
    return found


def encrypt(s3: Any, bucket: str, key: str) -> None:
    """Have what is written from now on be under a key."""
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
        },
    )
