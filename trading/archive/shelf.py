"""The archive of one region: its bucket, its key, and the generations it has of each environment."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from trading.archive.cluster import ARCHIVE_TAGS
from trading.archive.manifest import Manifest, ManifestError, Phase, Standing, Started
from trading.archive.s3_client import s3_client
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

# AWS's own word for a key that encrypts and decrypts.
USABLE = "Enabled"

_KEY_ARN = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d+:key/[\w-]+")

_Written = TypeVar("_Written", bound=BaseModel)


class UnreadableError(OperatorError):
    """An object is under a key that cannot be used. `key_state` is AWS's own word for it."""

    def __init__(self, where: str, key: str, key_state: str) -> None:
        super().__init__(
            f"{where} is under {key}, which is {key_state}: make that key usable again, or remove the"
            " object if nobody needs it"
        )
        self.key_state = key_state


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
        for workspace in self.folders(""):
            found |= {(workspace, region) for region in self.folders(f"{workspace}/")}
        return sorted(found)

    def require_usable(self) -> None:
        """Raises OperatorError when nothing could be kept in it or brought back from it."""
        state = self.key_state()
        if state != USABLE:
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

    def key_state(self, key: str | None = None) -> str:
        """The state of its key, or of another: such as Enabled, Disabled or PendingDeletion."""
        key = key or self.kms_key_arn
        if not key:
            return "gone"
        kms = client("kms", self.environment, self.region)
        try:
            return str(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
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

    def folders(self, prefix: str) -> list[str]:
        """The parts that follow a prefix in its keys, up to the next slash."""
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
        return sorted(self.archive.folders(f"{self.workspace}/{self.region}/"), reverse=True)

    def manifests(self) -> list[Manifest]:
        """The finished generations, the newest first. Raises OperatorError for a corrupt one."""
        found = [self.manifest(generation) for generation in self.generations()]
        return [manifest for manifest in found if manifest]

    def newest(self) -> Manifest | None:
        """The newest finished generation, of those whose key can be used. Raises OperatorError when its
        manifest is corrupt, and when the archive's own key cannot be used.
        """
        for generation in self.generations():
            with suppress(UnreadableError):
                if manifest := self.manifest(generation):
                    return manifest
        return None

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
        """What was written when a generation was begun; None when nothing was, when it was withdrawn, and
        when it is under a key that cannot be used. Raises OperatorError when it is corrupt.
        """
        with suppress(UnreadableError):
            return self._document(Started, self._key(generation, "started.json"))
        return None

    def write_started(self, started: Started) -> None:
        """Begin a generation."""
        self._put(self._key(started.generation, "started.json"), started)

    def standing(self) -> Standing | None:
        """How the data of the region stands towards the archive; None when it never met it, or under a
        key that is no more.
        """
        with suppress(UnreadableError):
            return self._document(Standing, f"{self.workspace}/{self.region}/standing.json")
        return None

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
        except (OSError, EOFError, zlib.error) as error:
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
        """Take a generation's manifest away: from then on it counts as unfinished, and no keep goes on
        with it.
        """
        for name in ("started.json", "manifest.json"):
            self.archive.s3.delete_object(
                Bucket=self.archive.bucket, Key=self._key(generation, name)
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
        except s3.exceptions.ClientError as error:
            # They say what is to be done where the reason is a key or the bucket.
            self.archive.require_usable()
            self._require_usable_key(key, str(error))
            raise

    def _require_usable_key(self, key: str, refusal: str) -> None:
        """What was written before the archive got another key is still under the one of then, which S3's
        refusal names.
        """
        if arn := _KEY_ARN.search(refusal):
            state = self.archive.key_state(arn[0])
            if state != USABLE:
                raise UnreadableError(f"s3://{self.archive.bucket}/{key}", arn[0], state)

    def _write(self, key: str, body: bytes) -> None:
        self.archive.s3.put_object(Bucket=self.archive.bucket, Key=key, Body=body)
