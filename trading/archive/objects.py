"""The versions of a bucket's objects: listed, copied by S3 itself, and compared."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from trading.archive.s3_client import PARALLEL_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

# Computed by S3 over the whole object, also of one that is copied in parts:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
CHECKSUM = "CRC64NVME"

# A single CopyObject takes no more: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
LARGEST_SINGLE_COPY = 5 * 1024**3
_PART = 512 * 1024**2

_DELETE_AT_A_TIME = 1000


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker."""

    key: str
    version_id: str
    size: int
    marker: bool

    @property
    def stored_as(self) -> str:
        """The name of its copy: of one length, whatever the key is, and the same in a second try."""
        return hashlib.sha256(f"{self.key}\0{self.version_id}".encode()).hexdigest()


@dataclass(frozen=True)
class Kept:
    """A line of the inventory: a version as it was in a bucket, and the checksum of its content."""

    bucket: str
    key: str
    version_id: str
    size: int
    marker: bool
    modified: str
    checksum: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What no other version bears."""
        return self.bucket, self.key, self.version_id

    @property
    def version(self) -> Version:
        """The version it is of."""
        return Version(self.key, self.version_id, self.size, self.marker)

    def to_json(self) -> str:
        """What `parse` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Kept:
        """A line of the inventory."""
        return cls(**json.loads(line))


@dataclass
class Progress:
    """How far a copy is; `told` is called with the counts after each object, by many threads."""

    versions: int
    bytes: int
    told: Callable[[Progress], None]
    versions_done: int = 0
    bytes_done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def done(self, version: Version) -> None:
        """One more is done."""
        with self._lock:
            self.versions_done += 1
            self.bytes_done += version.size
        self.told(self)


@dataclass(frozen=True)
class Place:
    """Where an object is copied from or to."""

    bucket: str
    key: str
    version_id: str | None = None

    def as_source(self) -> dict[str, str]:
        """As CopyObject takes it."""
        version = {"VersionId": self.version_id} if self.version_id else {}
        return {"Bucket": self.bucket, "Key": self.key, **version}


def list_versions(s3: Any, bucket: str, prefix: str = "") -> Iterator[tuple[Version, str]]:
    """Every version and delete marker of a bucket with when it was made, in AWS's order: by key, the
    newest first.
    """
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [
            (item, kind == "DeleteMarkers")
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, [])
        ]
        found.sort(key=lambda one: (one[0]["LastModified"], one[0]["IsLatest"]), reverse=True)
        found.sort(key=lambda one: one[0]["Key"].encode())
        for key, of_key in groupby(found, key=lambda one: str(one[0]["Key"])):
            for item, marker in _in_order(s3, bucket, key, list(of_key)):
                version = Version(key, item["VersionId"], item.get("Size", 0), marker)
                yield version, item["LastModified"].isoformat()


def _in_order(
    s3: Any, bucket: str, key: str, found: list[tuple[dict[str, Any], bool]]
) -> list[tuple[dict[str, Any], bool]]:
    """Versions and delete markers of one key. A page tells the two kinds apart, and times to the second:
    which came first within one is seen only where each has a page of its own.
    """
    times = [
        {item["LastModified"] for item, marker in found if marker == kind} for kind in (False, True)
    ]
    if times[0].isdisjoint(times[1]):
        return found
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix=key, PaginationConfig={"PageSize": 1}
    )
    ordered = []
    for page in pages:
        [item] = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if item["Key"] != key:
            break
        ordered.append(item["VersionId"])
    # One that was removed in between is not there any more.
    there = [one for one in found if one[0]["VersionId"] in ordered]
    return sorted(there, key=lambda one: ordered.index(one[0]["VersionId"]))


def by_key(kept: Iterable[Kept]) -> dict[str, list[Kept]]:
    """What was kept of each key, the oldest first."""
    found: dict[str, list[Kept]] = defaultdict(list)
    for one in kept:
        found[one.key].append(one)
    return found


def copy_object(
    s3: Any, source: Place, target: Place, size: int, encryption: Mapping[str, Any]
) -> str:
    """Have S3 copy an object with its metadata and tags, and give the checksum that S3 computed of
    what it wrote. `encryption` is empty for the target bucket's own.
    """
    if size > LARGEST_SINGLE_COPY:
        return _copy_in_parts(s3, source, target, size, encryption)
    answer = s3.copy_object(
        Bucket=target.bucket,
        Key=target.key,
        CopySource=source.as_source(),
        ChecksumAlgorithm=CHECKSUM,
        **encryption,
    )
    return str(answer["CopyObjectResult"][f"Checksum{CHECKSUM}"])


def checksum_of(s3: Any, place: Place) -> str | None:
    """The checksum that S3 has of an object; None when it has no such, or there is no such object."""
    version = {"VersionId": place.version_id} if place.version_id else {}
    try:
        head = s3.head_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED", **version)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
        return None
    found: str | None = head.get(f"Checksum{CHECKSUM}")
    return found


def remove_versions(s3: Any, bucket: str, versions: Sequence[tuple[str, str]]) -> None:
    """Remove versions and delete markers for good, by key and version id."""
    for begin in range(0, len(versions), _DELETE_AT_A_TIME):
        some = versions[begin : begin + _DELETE_AT_A_TIME]
        objects = [{"Key": key, "VersionId": version_id} for key, version_id in some]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        if refused := answer.get("Errors"):
            raise OSError(f"{refused[0]['Key']} could not be removed: {refused[0]['Message']}")


def in_parallel(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Do something for each item by PARALLEL_REQUESTS threads; the first error ends it."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _copy_in_parts(
    s3: Any, source: Place, target: Place, size: int, encryption: Mapping[str, Any]
) -> str:
    """A copy in parts takes neither metadata nor tags along by itself.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
    """
    version = {"VersionId": source.version_id} if source.version_id else {}
    head = s3.head_object(Bucket=source.bucket, Key=source.key, **version)
    kept = ("Metadata", "ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage")
    tags = s3.get_object_tagging(Bucket=source.bucket, Key=source.key, **version)["TagSet"]
    upload = s3.create_multipart_upload(
        Bucket=target.bucket,
        Key=target.key,
        ChecksumAlgorithm=CHECKSUM,
        ChecksumType="FULL_OBJECT",
        **{name: head[name] for name in (*kept, "CacheControl") if name in head},
        **encryption,
    )
    of_upload = {"Bucket": target.bucket, "Key": target.key, "UploadId": upload["UploadId"]}

    def copy_part(number: int) -> dict[str, Any]:
        begin = (number - 1) * _PART
        answer = s3.upload_part_copy(
            CopySource=source.as_source(),
            CopySourceRange=f"bytes={begin}-{min(begin + _PART, size) - 1}",
            PartNumber=number,
            **of_upload,
        )["CopyPartResult"]
        checksum = f"Checksum{CHECKSUM}"
        return {"PartNumber": number, "ETag": answer["ETag"], checksum: answer[checksum]}

    try:
        parts = [copy_part(number) for number in range(1, -(-size // _PART) + 1)]
        done = s3.complete_multipart_upload(
            MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT", **of_upload
        )
    except BaseException:
        s3.abort_multipart_upload(**of_upload)
        raise
    if tags:
        s3.put_object_tagging(Bucket=target.bucket, Key=target.key, Tagging={"TagSet": tags})
    return str(done[f"Checksum{CHECKSUM}"])
