"""The archive of one region: its bucket, its key, and the generations it has of each environment."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from trading.archive.cluster import ARCHIVE_TAGS
from trading.archive.manifest import Manifest, ManifestError, Phase, Standing, Started
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

# So many copies of objects are under way at a time; S3 itself takes thousands a second from each prefix:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
PARALLEL_REQUESTS = 16

_Written = TypeVar("_Written", bound=BaseModel)


@dataclass(frozen=True)
class Archive:
    """The archive of a region. `kms_key_arn` is the foundation's key, which outlives all environments."""

    region: str
    bucket: str
    kms_key_arn: str
    environment: Mapping[str, str]

    def shelf(self, workspace: str, region: str | None = None) -> Shelf:
        """What is kept here of one environment and region, which is this one unless told."""
        return Shelf(self, workspace, region or self.region)

    def workspaces(self) -> list[tuple[str, str]]:
        """The environments, with their regions, of which something is kept here."""
        found = set()
        for workspace in self._folders(""):
            found |= {(workspace, region) for region in self._folders(f"{workspace}/")}
        return sorted(found)

    def require_usable(self) -> None:
        """Raises OperatorError when nothing could be kept in it or brought back from it."""
        state = self.key_state()
        if state != "Enabled":
            raise OperatorError(
                f"the archive's key in {self.region} is {state}: nothing can be kept or restored;"
                f" enable {self.kms_key_arn} first"
            )
        try:
            self.s3.head_bucket(Bucket=self.bucket)
        except self.s3.exceptions.ClientError as error:
            raise OperatorError(
                f"the archive bucket {self.bucket} cannot be used ({error}):"
                " run `trading foundation deploy` first"
            ) from error

    def key_state(self) -> str:
        """The state of its key, such as Enabled, Disabled or PendingDeletion."""
        if not self.kms_key_arn:
            return "gone"
        kms = client("kms", self.environment, self.region)
        try:
            return str(kms.describe_key(KeyId=self.kms_key_arn)["KeyMetadata"]["KeyState"])
        except kms.exceptions.NotFoundException:
            return "gone"

    @property
    def encryption(self) -> dict[str, Any]:
        """How objects are written under its key."""
        return {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": self.kms_key_arn,
            "BucketKeyEnabled": True,
        }

    @cached_property
    def s3(self) -> Any:
        """A client of S3 in the region, for many requests at a time."""
        return s3_client(self.environment, self.region)

    def _folders(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        return [
            folder["Prefix"].removeprefix(prefix).rstrip("/")
            for page in found
            for folder in page.get("CommonPrefixes", [])
        ]


@dataclass(frozen=True)
class Shelf:
    """What an archive has of one environment in one region."""

    archive: Archive
    workspace: str
    region: str

    def generations(self) -> list[str]:
        """All generations, the newest first; unfinished ones too."""
        return sorted(self.archive._folders(f"{self.workspace}/{self.region}/"), reverse=True)

    def manifests(self) -> list[Manifest]:
        """The finished generations, the newest first. Raises OperatorError for a corrupt one."""
        found = [self.manifest(generation) for generation in self.generations()]
        return [manifest for manifest in found if manifest]

    def newest(self) -> Manifest | None:
        """The newest finished generation. Raises OperatorError when its manifest is corrupt."""
        found = (self.manifest(generation) for generation in self.generations())
        return next((manifest for manifest in found if manifest), None)

    def manifest(self, generation: str) -> Manifest | None:
        """The manifest of a generation; None while it is unfinished. Raises OperatorError."""
        text = self._read(self._key(generation, "manifest.json"))
        if text is None:
            return None
        try:
            return Manifest.parse(text.decode(errors="replace"))
        except ManifestError as error:
            where = f"s3://{self.archive.bucket}/{self._key(generation, 'manifest.json')}"
            raise OperatorError(
                f"the manifest {where} is corrupt ({error}): put an earlier version of it back, or"
                " choose another generation by --from"
            ) from error

    def write_manifest(self, manifest: Manifest) -> None:
        """Declare a generation finished."""
        self._write(self._key(manifest.generation, "manifest.json"), manifest.to_json().encode())

    def started(self, generation: str) -> Started | None:
        """What was written when a generation was begun; None when that cannot be read."""
        return self._document(Started, self._key(generation, "started.json"))

    def write_started(self, started: Started) -> None:
        """Begin a generation."""
        self._put(self._key(started.generation, "started.json"), started)

    def standing(self) -> Standing | None:
        """How the data of the region stands towards the archive; None when it never met it."""
        return self._document(Standing, f"{self.workspace}/{self.region}/standing.json")

    def stand(self, generation: str, phase: Phase) -> None:
        """Record how the data of the region stands towards the archive."""
        standing = Standing(generation=generation, phase=phase, since=datetime.now(UTC))
        self._put(f"{self.workspace}/{self.region}/standing.json", standing)

    def inventory(self, manifest: Manifest) -> list[str]:
        """The lines of a generation's inventory. Raises OperatorError when it is not what was kept."""
        key = self._key(manifest.generation, "inventory.jsonl.gz")
        packed = self._read(key)
        where = f"the inventory s3://{self.archive.bucket}/{key}"
        if packed is None:
            raise OperatorError(f"{where} is gone: choose another generation by --from")
        try:
            lines = gzip.decompress(packed)
        except (OSError, EOFError) as error:
            raise OperatorError(f"{where} is corrupt: {error}") from error
        if hashlib.sha256(lines).hexdigest() != manifest.inventory_sha256:
            raise OperatorError(f"{where} is not the one that its manifest names")
        return lines.decode().splitlines()

    def write_inventory(self, generation: str, lines: list[str]) -> str:
        """Write a generation's inventory, and give its checksum."""
        text = "".join(f"{line}\n" for line in lines).encode()
        self._write(self._key(generation, "inventory.jsonl.gz"), gzip.compress(text, mtime=0))
        return hashlib.sha256(text).hexdigest()

    def snapshot_name(self, generation: str) -> str:
        """What the snapshot of a generation is called; RDS takes no capital letters."""
        return f"archive-{self.workspace}-{self.region}-{generation.lower()}"

    def passing_snapshot_name(self, generation: str) -> str:
        """What the snapshot is called of which that one is a copy, as long as there is one."""
        return f"{self.snapshot_name(generation)}-source"

    def withdraw(self, generation: str) -> None:
        """Take a generation's manifest away: from then on it counts as unfinished."""
        self.archive.s3.delete_object(
            Bucket=self.archive.bucket, Key=self._key(generation, "manifest.json")
        )

    def clear(self, generation: str) -> None:
        """Delete all objects of a generation. They can be had back for ARCHIVE_UNDO_DAYS."""
        pages = self.archive.s3.get_paginator("list_objects_v2")
        prefix = self._key(generation, "")
        for page in pages.paginate(Bucket=self.archive.bucket, Prefix=prefix):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                delete = {"Objects": keys, "Quiet": True}
                answer = self.archive.s3.delete_objects(Bucket=self.archive.bucket, Delete=delete)
                if refused := answer.get("Errors"):
                    raise OperatorError(
                        f"{refused[0]['Key']} could not be removed: {refused[0]['Message']}"
                    )

    def tags(self, generation: str) -> dict[str, str]:
        """The tags of what a generation has outside the bucket. It belongs to no environment."""
        return {
            **ARCHIVE_TAGS,
            "Region": self.region,
            "ArchiveOf": self.workspace,
            "Generation": generation,
        }

    def object_key(self, generation: str, name: str) -> str:
        """Where the copy of an object version lies."""
        return self._key(generation, f"objects/{name}")

    def copied(self, generation: str) -> dict[str, int]:
        """The copies of object versions that a generation has, by name, with their bytes."""
        prefix = self.object_key(generation, "")
        pages = self.archive.s3.get_paginator("list_objects_v2")
        return {
            item["Key"].removeprefix(prefix): item["Size"]
            for page in pages.paginate(Bucket=self.archive.bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        }

    def _key(self, generation: str, name: str) -> str:
        return f"{self.workspace}/{self.region}/{generation}/{name}"

    def _document(self, kind: type[_Written], key: str) -> _Written | None:
        text = self._read(key)
        try:
            return kind.model_validate_json(text) if text else None
        except ValidationError as error:
            raise OperatorError(
                f"s3://{self.archive.bucket}/{key} cannot be read: put an earlier version of it back"
            ) from error

    def _put(self, key: str, document: BaseModel) -> None:
        self._write(key, document.model_dump_json(indent=2).encode() + b"\n")

    def _read(self, key: str) -> bytes | None:
        s3 = self.archive.s3
        try:
            return bytes(s3.get_object(Bucket=self.archive.bucket, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None
        except s3.exceptions.ClientError:
            # It says what is to be done where the reason is the archive's key or bucket.
            self.archive.require_usable()
            raise

    def _write(self, key: str, body: bytes) -> None:
        self.archive.s3.put_object(Bucket=self.archive.bucket, Key=key, Body=body)


def s3_client(environment: Mapping[str, str], region: str) -> Any:
    """A client of S3 for PARALLEL_REQUESTS, which waits out what S3 asks to be waited for."""
    from botocore.config import Config  # noqa: PLC0415 - see `trading.aws.session`

    retries: Any = {"mode": "standard", "total_max_attempts": 10}
    patient = Config(
        max_pool_connections=PARALLEL_REQUESTS,
        connect_timeout=10,
        # S3 answers a copy of gigabytes when it is done.
        read_timeout=600,
        retries=retries,
    )
    return client("s3", environment, region, patient)
