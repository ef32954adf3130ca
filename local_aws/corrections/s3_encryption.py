"""S3: an object encrypted under a KMS key is read and written only while that key can be used.

ministack keeps the key's name with an object, and never looks at the key.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from ministack.core.responses import get_region
from ministack.services import s3

from local_aws.corrections.kms_keys import key_arn, why_unusable
from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from local_aws.corrections.shapes import Record, Response

_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


@corrects("services.s3", "_resolve_sse_write_headers")
def written_object_remembers_its_key(
    original: Function, headers: dict[str, str], bucket: str
) -> tuple[dict[str, str] | None, Response | None]:
    """An object is written under the request's key or else the bucket's, told by its ARN.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    encryption, error = original(headers, bucket)
    if error or _KEY not in encryption:
        return encryption, error
    region = s3.bucket_region(bucket) or get_region()
    encryption[_KEY] = key_arn(encryption[_KEY], region)
    return encryption, _refusal(encryption[_KEY], region)


@corrects("services.s3", "_check_sse_read_headers")
def reading_needs_the_key(
    original: Function, headers: dict[str, str], stored: Record
) -> Response | None:
    """GetObject and HeadObject decrypt with the key that the object was written under.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    return original(headers, stored) or _refusal_of(stored)


@corrects("services.s3", "_check_sse_c_copy_source")
def copying_needs_the_sources_key(
    original: Function, headers: dict[str, str], source: Record
) -> Response | None:
    """CopyObject and UploadPartCopy decrypt the source with its own key.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    return original(headers, source) or _refusal_of(source)


@corrects("services.s3", "_check_sse_c_part")
def parts_need_the_uploads_key(
    original: Function, headers: dict[str, str], upload: Record
) -> Response | None:
    """UploadPart and CompleteMultipartUpload use the key that the upload began with.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
    """
    return original(headers, upload) or _refusal_of(upload)


def _refusal_of(stored: Record) -> Response | None:
    key = (stored.get("preserved_headers") or {}).get(_KEY)
    return _refusal(key, get_region()) if key else None


def _refusal(key: str, region: str) -> Response | None:
    unusable = why_unusable(key, region)
    if unusable is None:
        return None
    code = f"KMS.{unusable.exception}"
    error: Response = s3._error(code, unusable.message, HTTPStatus.BAD_REQUEST.value)
    return error
