"""What is written down of a generation: what was kept, of what, and how to tell that it is all there."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

# How a generation is called: the moment of its run, the same for all regions.
GENERATION_FORMAT = "%Y%m%dT%H%M%SZ"


class ManifestError(ValueError):
    """A document of the archive that is not what was written; the message says how."""


def new_generation() -> str:
    """The name of a generation that is kept now."""
    return datetime.now(UTC).strftime(GENERATION_FORMAT)


def later(generation: str, newest: str | None) -> str:
    """The name, or the next one after the newest: another machine's clock may be ahead of ours."""
    if newest is None or generation > newest:
        return generation
    moment = datetime.strptime(newest, GENERATION_FORMAT).replace(tzinfo=UTC)
    return (moment + timedelta(seconds=1)).strftime(GENERATION_FORMAT)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tally(_Document):
    """What a table holds: how many rows, and a checksum of them all that no order of rows changes."""

    rows: int
    checksum: str


class KeptDatabase(_Document):
    """The rows: a snapshot under the archive's key, and what it holds of each table.

    `resource_id` is AWS's own name of the cluster they were kept of: no other one ever bears it.
    """

    cluster: str
    resource_id: str
    snapshot_arn: str
    tables: dict[str, Tally]

    def differences(self, found: dict[str, Tally]) -> dict[str, str]:
        """In what each table differs from the one that was kept, in words."""
        told = {}
        for table in sorted(self.tables.keys() | found.keys()):
            kept, there = self.tables.get(table), found.get(table)
            if kept != there:
                had = f"where {kept.rows:,} were kept" if kept else "and was not kept"
                if kept and there and kept.rows == there.rows:
                    had = "with another content"
                told[table] = f"{table} has {f'{there.rows:,}' if there else 'no'} rows {had}"
        return told

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(tally.rows for tally in self.tables.values())


class KeptBucket(_Document):
    """The objects of one bucket: how many versions, how many delete markers among them, bytes."""

    name: str
    versions: int
    delete_markers: int
    bytes: int


class Started(_Document):
    """Written first: a keep that was cut off goes on where its cluster is still this one, and its
    tables are as they were.
    """

    generation: str
    resource_id: str | None
    tables: dict[str, Tally]
    operator: str
    started_at: datetime


class Manifest(_Document):
    """Written last: all that it names is in the archive. Buckets go by their Terraform address.

    A `living` one was kept of what went on being written to: its snapshot is of some moment while it
    was kept, its tables were counted at another.

    `form` is of the manifest, the inventory and the tallies together: another one is another version's.
    """

    form: Literal[1] = 1

    workspace: str
    region: str
    generation: str
    stack: str
    living: bool
    operator: str
    revision: str
    started_at: datetime
    kept_at: datetime
    kms_key_arn: str
    database: KeptDatabase | None
    buckets: dict[str, KeptBucket]
    inventory_sha256: str
    copied_from: str | None = None

    @property
    def versions(self) -> int:
        """All object versions and delete markers of all buckets."""
        return sum(bucket.versions for bucket in self.buckets.values())

    @property
    def bytes(self) -> int:
        """The bytes of all objects."""
        return sum(bucket.bytes for bucket in self.buckets.values())

    def to_json(self) -> str:
        """What `parse` reads: the manifest, and the digest by which a changed one is told."""
        told = json.loads(self.model_dump_json())
        return json.dumps({"manifest": told, "sha256": _digest(told)}, indent=2) + "\n"

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """A manifest from its JSON. Raises ManifestError when it is not as it was written."""
        try:
            told = json.loads(text)
            content, digest = told["manifest"], told["sha256"]
        except (ValueError, TypeError, LookupError) as error:
            raise ManifestError("it is cut off, or none that was written here") from error
        if digest != _digest(content):
            raise ManifestError("its digest is not that of its content")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ManifestError(
                f"{where}: {first['msg']}; was it kept by a newer version?"
            ) from error


def _digest(content: object) -> str:
    """Of what was written, whatever fields this version knows."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Phase(StrEnum):
    """How the data of a region stands towards the archive.

    DESTROYING: a generation has all of it, and Terraform may have begun to destroy it.
    RESTORING: a generation is being brought back.
    WHOLE: what was restored was verified.
    DECLINED: the operator began anew.
    """

    DESTROYING = "destroying"
    RESTORING = "restoring"
    WHOLE = "whole"
    DECLINED = "declined"


class Standing(_Document):
    """The last that was done between the archive and the data of a region."""

    generation: str
    phase: Phase
    since: datetime

    @property
    def unfinished(self) -> bool:
        """Whether what is deployed may lack what the generation has."""
        return self.phase in {Phase.DESTROYING, Phase.RESTORING}
