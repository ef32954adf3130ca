"""Small documents that lie beside the states in the state bucket: locks and records."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from stacks.settings import PROJECT
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stacks.settings import StateBucket

# S3 answers a write whose condition does not hold with the one, and one that came to pass at the same
# moment as another with the other: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


class Document(NamedTuple):
    """A document's text, and the version that a conditional write may name."""

    text: str
    version: str


class BucketObjects:
    """The documents of the state bucket. Raises OperatorError where the bucket is missing."""

    def __init__(self, bucket: StateBucket, environment: Mapping[str, str]) -> None:
        self.bucket = bucket
        self.environment = environment

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that begin so."""
        pages = self._s3.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self.bucket.name, Prefix=prefix):
                yield from (item["Key"] for item in page.get("Contents", []))
        except self._s3.exceptions.NoSuchBucket as error:
            raise self._no_bucket() from error

    def read(self, key: str) -> Document | None:
        """A document, or None when there is none."""
        try:
            found = self._s3.get_object(Bucket=self.bucket.name, Key=key)
        except self._s3.exceptions.NoSuchKey:
            return None
        except self._s3.exceptions.NoSuchBucket as error:
            raise self._no_bucket() from error
        return Document(found["Body"].read().decode(errors="replace"), found["ETag"])

    def write(self, key: str, text: str) -> None:
        """Put a document, whatever was there."""
        self._put(key, text)

    def create(self, key: str, text: str) -> bool:
        """Put a document unless there is one; tell whether it was put."""
        return self._put_if(key, text, IfNoneMatch="*")

    def replace(self, key: str, text: str, version: str) -> bool:
        """Put a document in place of exactly this version; tell whether it was put."""
        return self._put_if(key, text, IfMatch=version)

    def remove(self, key: str) -> None:
        """Remove a document that may be there."""
        self._s3.delete_object(Bucket=self.bucket.name, Key=key)

    def _put_if(self, key: str, text: str, **condition: str) -> bool:
        try:
            self._put(key, text, **condition)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _CONDITION_FAILED:
                raise
            return False
        return True

    def _put(self, key: str, text: str, **condition: str) -> None:
        try:
            self._s3.put_object(
                Bucket=self.bucket.name,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                **condition,
            )
        except self._s3.exceptions.NoSuchBucket as error:
            raise self._no_bucket() from error

    def _no_bucket(self) -> OperatorError:
        return OperatorError(
            f"the state bucket {self.bucket.name} does not exist:"
            " run `trading foundation deploy` first"
        )

    @cached_property
    def _s3(self) -> Any:
        return client("s3", self.environment, self.bucket.region)


def workspace_prefix(workspace: str) -> str:
    """Where everything of a workspace lies, beginning with its states."""
    return f"{PROJECT}/{workspace}/"
