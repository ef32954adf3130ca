"""Whether what is kept could be brought back: looked at without raising for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trading.archive.cluster import Snapshots
from trading.archive.objects import Kept, Place, checksum_of, in_parallel
from trading.archive.shelf import USABLE, UnreadableError
from trading.aws import errors
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.manifest import Manifest
    from trading.archive.shelf import Archive, Shelf


@dataclass(frozen=True)
class Fault:
    """What keeps a generation from being brought back: in two words, and in a sentence."""

    brief: str
    text: str


@dataclass(frozen=True)
class Entry:
    """A generation as one archive has it. `fault` is the first that was found; `key_state` and
    `snapshot_status` are AWS's own words. An `absent` one should be there and is not; `stored` is how many
    bytes of objects there are where no manifest tells. An `unreadable` one is under an earlier key of the
    archive, which cannot be used.
    """

    shelf: Shelf
    generation: str
    manifest: Manifest | None = None
    fault: Fault | None = None
    unfinished: bool = False
    absent: bool = False
    unreadable: bool = False
    stored: int = 0
    key_state: str = USABLE
    snapshot_status: str | None = None

    @property
    def bytes(self) -> int:
        """How large it is: all of its objects."""
        return self.manifest.bytes if self.manifest else self.stored

    @property
    def is_copy(self) -> bool:
        """Whether it lies in another region's archive."""
        return self.shelf.archive.region != self.shelf.region

    def verified(self, *, thorough: bool) -> Entry:
        """The same after a look at its inventory and its objects; `thorough` asks S3 for the checksum
        of each.
        """
        if self.fault or self.manifest is None:
            return self
        return replace(self, fault=_content_fault(self.shelf, self.manifest, thorough=thorough))


@dataclass(frozen=True)
class Condition:
    """The condition of one archive: of its key, and of the snapshots of its region, by ARN."""

    archive: Archive
    key_state: str
    snapshots: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, archive: Archive) -> Condition:
        """Ask AWS. The SDK's errors come through: then nothing can be said of the archive."""
        # The key first: where a region is lost, this client gives up sooner than that of S3.
        key_state = archive.key_state()
        snapshots = Snapshots(archive.environment, archive.region, lambda: None).manual()
        by_arn = {snapshot["DBClusterSnapshotArn"]: snapshot for snapshot in snapshots}
        return cls(archive, key_state, by_arn)

    @property
    def usable(self) -> bool:
        """Whether what its key has encrypted can be read."""
        return self.key_state == USABLE

    def entry(self, shelf: Shelf, generation: str) -> Entry:
        """A generation as it is found, without a look at its objects."""
        entry = self._entry(shelf, generation)
        if entry.manifest:
            return entry
        return replace(entry, stored=sum(shelf.copied(generation).values()))

    def _entry(self, shelf: Shelf, generation: str) -> Entry:
        entry = Entry(shelf, generation, key_state=self.key_state)
        if not self.usable:
            key = self.archive.kms_key_arn
            return replace(
                entry, fault=Fault(f"key {self.key_state}", f"its key {key} is {self.key_state}")
            )
        try:
            manifest = shelf.manifest(generation)
        except UnreadableError as error:
            fault = Fault(f"key {error.key_state}", str(error))
            return replace(entry, fault=fault, unreadable=True, key_state=error.key_state)
        except OperatorError as error:
            return replace(entry, fault=Fault("manifest corrupt", str(error)))
        except errors() as error:
            return replace(entry, fault=Fault("manifest unreadable", f"AWS refused: {error}"))
        if manifest is None:
            fault = Fault("unfinished", "it has no manifest: what kept or pruned it was cut off")
            return replace(entry, fault=fault, unfinished=True)
        snapshot = self.snapshots.get(manifest.database.snapshot_arn) if manifest.database else None
        return replace(
            entry,
            manifest=manifest,
            snapshot_status=snapshot["Status"] if snapshot else None,
            fault=self._snapshot_fault(manifest, snapshot),
        )

    def _snapshot_fault(self, manifest: Manifest, snapshot: dict[str, Any] | None) -> Fault | None:
        if manifest.database is None:
            return None
        arn = manifest.database.snapshot_arn
        if snapshot is None:
            return Fault("snapshot gone", f"its snapshot {arn} is gone")
        if snapshot["Status"] != "available":
            status = snapshot["Status"]
            return Fault(f"snapshot {status}", f"its snapshot {arn} is {status}")
        key, ours = snapshot.get("KmsKeyId", "no key"), self.archive.kms_key_arn
        if key != ours:
            return Fault("snapshot's key", f"its snapshot {arn} is under {key}, not {ours}")
        return None


def _content_fault(shelf: Shelf, manifest: Manifest, *, thorough: bool) -> Fault | None:
    try:
        kept = [Kept.parse(line) for line in shelf.inventory(manifest)]
        objects = [one for one in kept if not one.marker]
        sizes = shelf.copied(manifest.generation)
        if lacking := [one for one in objects if sizes.get(one.version.stored_as) != one.size]:
            return _objects_fault(lacking, "is not there with its size")
        if thorough and (changed := _changed(shelf, manifest.generation, objects)):
            return _objects_fault(changed, "has other bytes than were kept")
    except OperatorError as error:
        return Fault("inventory corrupt", str(error))
    except errors() as error:
        return Fault("objects unreadable", f"AWS refused: {error}")
    return None


def _changed(shelf: Shelf, generation: str, objects: list[Kept]) -> list[Kept]:
    archive = shelf.archive

    def is_whole(one: Kept) -> bool:
        place = Place(archive.bucket, shelf.object_key(generation, one.version.stored_as))
        return checksum_of(archive.s3, place) == one.checksum

    whole = in_parallel(is_whole, objects)
    return [one for one, same in zip(objects, whole, strict=True) if not same]


def _objects_fault(objects: list[Kept], what: str) -> Fault:
    first = objects[0]
    more = f", and so {len(objects) - 1} more" if objects[1:] else ""
    return Fault("objects damaged", f"the copy of {first.key!r} ({first.version_id}) {what}{more}")
