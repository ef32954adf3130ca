"""Objects in one bucket, which encrypts them with the region's key by itself."""

from __future__ import annotations

import base64
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Outcome(StrEnum):
    """What putting an object came to."""

    WRITTEN = "written"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


class Objects:
    """Puts what is not there already."""

    def __init__(self, region: str, bucket: str) -> None:
        # Only here: boto3 is slow to import, and the functions that answer requests do without it.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        self._bucket = bucket
        self._client: S3Client = boto3.client(
            "s3",
            region_name=region,
            config=Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard"}),
        )

    def put(self, key: str, content: BinaryIO, sha256: bytes, content_type: str) -> Outcome:
        """Write an object, unless the same is there; S3 checks what it received by the checksum.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: S3 cannot be reached, or refuses.
        """
        checksum = base64.b64encode(sha256).decode()
        present = self._checksum(key)
        if present == checksum:
            return Outcome.UNCHANGED
        content.seek(0)
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ChecksumSHA256=checksum,
            ContentType=content_type,
        )
        return Outcome.WRITTEN if present is None else Outcome.REPLACED

    def _checksum(self, key: str) -> str | None:
        """The object's SHA-256, empty where it was put without one; None when there is no object."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            # Who may not list a bucket is told 403 of what is not there; if more is refused, so is the put.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                return None
            raise
        return head.get("ChecksumSHA256", "")
