"""S3: checksums of copies and of whole multipart objects, at the speed of the machine."""

from __future__ import annotations

import re
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING

from awscrt import checksums
from ministack.services import s3

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response

_FULL, _COMPOSITE = "FULL_OBJECT", "COMPOSITE"
_TYPE = "x-amz-checksum-type"
# The checksum of the whole object whose upload is being completed.
_of_the_whole: ContextVar[str | None] = ContextVar("_of_the_whole", default=None)


@corrects("services.s3", "_crc64nvme")
def crc64nvme_is_quick(_: Function, body: bytes) -> int:
    """CRC64NVME is what SDKs use by default.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    checksum: int = checksums.crc64nvme(body)
    return checksum


@corrects("services.s3", "_crc32c")
def crc32c_is_quick(_: Function, body: bytes) -> int:
    """CRC32C is meant for large objects.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    checksum: int = checksums.crc32c(body)
    return checksum


@corrects("services.s3", "_copy_object")
def copy_has_the_checksum_asked_for(
    original: Function, bucket: str, key: str, headers: dict[str, str]
) -> Response:
    """CopyObject with a checksum algorithm computes that checksum, and only that, and tells it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    if algorithm:
        headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
    response: Response = original(bucket, key, headers)
    status, answered, body = response
    if status != HTTPStatus.OK:
        return response
    record = s3._buckets[bucket]
    stored: dict[str, str] = record["objects"][key]["checksums"]
    if algorithm and stored.keys() != {algorithm}:
        for other in stored.keys() - {algorithm}:
            del stored[other]
        s3._persist_version_state(bucket, key, record)
    told = "".join(f"<Checksum{name}>{value}</Checksum{name}>" for name, value in stored.items())
    if told:
        told += f"<ChecksumType>{_type_of(stored)}</ChecksumType>"
    return status, answered, _with_elements(body, told, "CopyObjectResult")


@corrects("services.s3", "_object_response_headers")
def checksum_tells_its_type(
    original: Function,
    stored: Record,
    bucket: str = "",
    key: str = "",
    include_checksums: bool = False,
) -> dict[str, str]:
    """GetObject and HeadObject tell whether a checksum is of the whole object or of its parts.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    headers: dict[str, str] = original(stored, bucket, key, include_checksums)
    if _TYPE in headers:
        headers[_TYPE] = _type_of(stored["checksums"])
    return headers


@corrects("services.s3", "_create_multipart_upload")
def upload_remembers_checksum_type_and_tags(
    original: Function, bucket: str, key: str, headers: dict[str, str]
) -> Response:
    """CreateMultipartUpload takes the kind of checksum, and tags.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
    """
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    kind = headers.get(_TYPE, "").upper() or (_FULL if algorithm == "CRC64NVME" else _COMPOSITE)
    if (algorithm, kind) == ("CRC64NVME", _COMPOSITE) or (algorithm[:3], kind) == ("SHA", _FULL):
        message = f"The {kind} checksum type cannot be used with the {algorithm} algorithm."
        error: Response = s3._error("InvalidRequest", message, HTTPStatus.BAD_REQUEST.value)
        return error
    response: Response = original(bucket, key, headers)
    status, answered, body = response
    if status == HTTPStatus.OK:
        upload = s3._multipart_uploads[_element(body, "UploadId")]
        upload |= {"checksum_type": kind, "tagging": headers.get("x-amz-tagging", "")}
        if algorithm:
            answered[_TYPE] = kind
    return response


@corrects("services.s3", "_upload_part_copy")
def copied_part_has_a_checksum(
    original: Function,
    bucket: str,
    key: str,
    query: dict[str, list[str]],
    headers: dict[str, str],
) -> Response:
    """UploadPartCopy computes the checksum of the upload's algorithm.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
    """
    response: Response = original(bucket, key, query, headers)
    status, answered, body = response
    if status != HTTPStatus.OK:
        return response
    upload = s3._multipart_uploads[s3._qp(query, "uploadId")]
    algorithm = upload.get("checksum_algorithm")
    if not algorithm:
        return response
    part = upload["parts"][int(s3._qp(query, "partNumber"))]
    value = s3._compute_s3_checksum(algorithm, part["body"])
    part["checksums"] = {algorithm: value}
    told = f"<Checksum{algorithm}>{value}</Checksum{algorithm}>"
    return status, answered, _with_elements(body, told, "CopyPartResult")


@corrects("services.s3", "_complete_multipart_upload")
def whole_object_has_a_checksum(
    original: Function,
    bucket: str,
    key: str,
    body: bytes,
    query: dict[str, list[str]],
    headers: dict[str, str] | None = None,
) -> Response:
    """CompleteMultipartUpload of type FULL_OBJECT gives the checksum that one upload would have.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    identifier = s3._qp(query, "uploadId")
    upload = s3._multipart_uploads.get(identifier)
    if upload is None:
        repeated: Response = original(bucket, key, body, query, headers)
        return repeated
    token = _of_the_whole.set(_checksum_of_the_whole(upload, body))
    try:
        response: Response = original(bucket, key, body, query, headers)
    finally:
        _of_the_whole.reset(token)
    status, answered, told = response
    if status != HTTPStatus.OK:
        return response
    if upload.get("tagging"):
        _tag(bucket, key, upload["tagging"])
    if upload.get("checksum_type") == _FULL:
        told = told.replace(
            f">{_COMPOSITE}</ChecksumType>".encode(), f">{_FULL}</ChecksumType>".encode()
        )
    response = (status, answered, told)
    s3._completed_multipart_uploads[identifier] = {"key": key, "response": response}
    return response


@corrects("services.s3", "_composite_checksum")
def checksum_of_the_whole_is_no_composite(
    original: Function, algorithm: str, parts: list[str]
) -> str | None:
    """The checksum of type FULL_OBJECT is of the bytes, not of the parts' checksums.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    return _of_the_whole.get() or original(algorithm, parts)


def _checksum_of_the_whole(upload: Record, request: bytes) -> str | None:
    if upload.get("checksum_type") != _FULL or not upload.get("checksum_algorithm"):
        return None
    numbers = sorted(map(int, re.findall(rb"<PartNumber>\s*(\d+)\s*</PartNumber>", request)))
    parts = [upload["parts"][number]["body"] for number in numbers if number in upload["parts"]]
    value: str = s3._compute_s3_checksum(upload["checksum_algorithm"], b"".join(parts))
    return value


def _tag(bucket: str, key: str, tagging: str) -> None:
    record = s3._buckets[bucket]
    version = record["objects"][key].get("version_id")
    parsed = s3._parse_qs(tagging, keep_blank_values=True)
    s3._object_tags[bucket, key, version] = {name: values[0] for name, values in parsed.items()}
    s3._persist_version_state(bucket, key, record)


def _type_of(stored: dict[str, str]) -> str:
    # Only a checksum of checksums ends with the number of its parts.
    return _COMPOSITE if any("-" in value for value in stored.values()) else _FULL


def _element(body: bytes, name: str) -> str:
    return body.split(f"<{name}>".encode())[1].split(f"</{name}>".encode())[0].decode()


def _with_elements(body: bytes, elements: str, parent: str) -> bytes:
    return body.replace(f"</{parent}>".encode(), f"{elements}</{parent}>".encode())
