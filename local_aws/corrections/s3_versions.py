"""S3: versions are listed page by page, and read like the current object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from ministack.services import s3

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_aws.corrections.shapes import Record, Response

_NULL = "null"


@dataclass(frozen=True)
class _Entry:
    """A version, or a prefix that stands for all versions of its keys."""

    key: str
    version: Record | None

    @property
    def version_id(self) -> str:
        return str(self.version["version_id"]) if self.version else ""


@corrects("services.s3", "_list_object_versions")
def versions_are_listed_in_pages(
    original: Function, bucket: str, query: dict[str, list[str]]
) -> Response:
    """ListObjectVersions goes on after its markers, also when what they name is gone meanwhile.

    Keys come in the order of their bytes, the newest version of a key first, and prefixes among
    them. With `encoding-type=url` names are encoded.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    record = s3._ensure_bucket(bucket)
    if record is None:
        response: Response = original(bucket, query)
        return response
    names = ("prefix", "delimiter", "key-marker", "version-id-marker", "encoding-type")
    asked = {name: s3._qp(query, name) for name in names}
    limit = int(s3._qp(query, "max-keys", "1000"))
    entries = list(islice(_entries_after(bucket, record, asked), limit + 1))
    page, more = entries[:limit], len(entries) > limit > 0
    body = _listing(bucket, asked, limit, page, more)
    return HTTPStatus.OK, {"Content-Type": "application/xml"}, s3._xml_body(body)


def _entries_after(bucket: str, record: Record, asked: dict[str, str]) -> Iterator[_Entry]:
    prefix, delimiter, marker = asked["prefix"], asked["delimiter"], asked["key-marker"]
    named = {key for holder, key in s3._object_versions if holder == bucket}
    group = None
    for key in sorted(named | record["objects"].keys()):
        if not key.startswith(prefix) or key < marker:
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end >= 0:
            found = key[: end + len(delimiter)]
            if found not in {group, marker}:
                yield _Entry(found, None)
            group = found
            continue
        versions = _versions(bucket, record, key)
        if key == marker:
            versions = _older(versions, asked["version-id-marker"])
        yield from (_Entry(key, version) for version in versions)


def _versions(bucket: str, record: Record, key: str) -> list[Record]:
    """A key's versions, the newest first."""
    history: list[Record] = s3._object_versions.get((bucket, key)) or []
    if history:
        return history[::-1]
    current = record["objects"].get(key)
    if current is None:
        return []
    return [{**current, "version_id": current.get("version_id") or _NULL, "is_latest": True}]


def _older(versions: list[Record], marker: str) -> list[Record]:
    """The versions after a marker: all that are left when it has been deleted since."""
    if not marker:
        return []
    identifiers = [version["version_id"] for version in versions]
    return versions[identifiers.index(marker) + 1 :] if marker in identifiers else versions


def _listing(
    bucket: str, asked: dict[str, str], limit: int, page: list[_Entry], more: bool
) -> Element:
    encode = _encoder(asked["encoding-type"])
    root = Element("ListVersionsResult", xmlns=s3.S3_NS)
    head = {
        "Name": bucket,
        "Prefix": encode(asked["prefix"]),
        "KeyMarker": encode(asked["key-marker"]),
        "VersionIdMarker": asked["version-id-marker"],
        "MaxKeys": str(limit),
        "IsTruncated": str(more).lower(),
    }
    optional = {"Delimiter": encode(asked["delimiter"]), "EncodingType": asked["encoding-type"]}
    if more:
        last = page[-1]
        optional |= {"NextKeyMarker": encode(last.key), "NextVersionIdMarker": last.version_id}
    _add(root, head | {name: text for name, text in optional.items() if text})
    for entry in page:
        if entry.version is None:
            _add(SubElement(root, "CommonPrefixes"), {"Prefix": encode(entry.key)})
        else:
            _add_version(root, encode(entry.key), entry.version)
    return root


def _encoder(encoding: str) -> Any:
    return (lambda name: quote(name, safe="/")) if encoding == "url" else str


def _add_version(root: Element, key: str, version: Record) -> None:
    marker = bool(version.get("is_delete_marker"))
    element = SubElement(root, "DeleteMarker" if marker else "Version")
    fields = {
        "Key": key,
        "VersionId": version["version_id"],
        "IsLatest": str(bool(version["is_latest"])).lower(),
        "LastModified": version["last_modified"],
    }
    if not marker:
        fields |= {
            "ETag": version["etag"],
            "Size": str(version["size"]),
            "StorageClass": version.get("storage_class") or "STANDARD",
        }
        for algorithm in version.get("checksums") or {}:
            fields["ChecksumAlgorithm"] = algorithm
    _add(element, fields)
    owner = {"ID": s3._canonical_owner_id(), "DisplayName": "ministack"}
    _add(SubElement(element, "Owner"), owner)


def _add(element: Element, fields: dict[str, str]) -> None:
    for name, text in fields.items():
        SubElement(element, name).text = text


@corrects("services.s3", "_get_object")
def part_of_a_version_is_read(
    original: Function,
    bucket: str,
    key: str,
    headers: dict[str, str],
    query: dict[str, list[str]] | None = None,
) -> Response:
    """GetObject of a version heeds Range, which SDKs download large objects by.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    asked = headers.get("range", "")
    whole = headers
    if asked and s3._qp(query or {}, "versionId"):
        whole = {name: value for name, value in headers.items() if name != "range"}
    response: Response = original(bucket, key, whole, query)
    status, answered, body = response
    if whole is headers or status != HTTPStatus.OK:
        return response
    size, found = len(body), s3._parse_range(asked, len(body))
    if found is None:
        unsatisfied = {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}
        error = s3._xml_body(s3._range_error_xml(bucket, key))
        return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, unsatisfied, error
    start, end = found
    part = body[start : end + 1]
    kept = {n: value for n, value in answered.items() if not n.startswith("x-amz-checksum-")}
    kept |= {"Content-Length": str(len(part)), "Content-Range": f"bytes {start}-{end}/{size}"}
    return HTTPStatus.PARTIAL_CONTENT, kept, part


@corrects("services.s3", "_get_object_tagging")
def hidden_version_has_its_tags(
    original: Function, bucket: str, key: str, query: dict[str, list[str]] | None = None
) -> Response:
    """GetObjectTagging finds a version's tags under a delete marker, too.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html
    """
    asked, record = s3._qp(query or {}, "versionId"), s3._ensure_bucket(bucket)
    history = s3._object_versions.get((bucket, key)) or []
    version = next((v for v in history if v["version_id"] == asked), None)
    hidden = record is not None and key not in record["objects"]
    if not hidden or version is None or version.get("is_delete_marker"):
        response: Response = original(bucket, key, query)
        return response
    record["objects"][key] = version  # Only for as long as the original looks.
    try:
        response = original(bucket, key, query)
    finally:
        del record["objects"][key]
    return response


@corrects("services.s3", "_dispatch")
def null_version_can_be_copied(
    original: Function, method: str, bucket: str, key: str, headers: dict[str, str], *rest: Any
) -> Response:
    """An object from before versioning is copied by the version id ``null``.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
    """
    source = headers.get("x-amz-copy-source", "")
    if source.endswith(f"?versionId={_NULL}"):
        holder, _, name = s3.url_unquote(source.partition("?")[0]).lstrip("/").partition("/")
        if not s3._object_versions.get((holder, name)):
            current = re.sub(r"\?versionId=null$", "", source)
            headers = {**headers, "x-amz-copy-source": current}
    response: Response = original(method, bucket, key, headers, *rest)
    return response
