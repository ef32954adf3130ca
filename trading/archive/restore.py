"""Bring back what was kept of a data stack, and prove that all of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trading.archive.cluster import Snapshots, find_cluster
from trading.archive.holdings import APPENDED_TO
from trading.archive.manifest import Phase
from trading.archive.objects import (
    Kept,
    Place,
    Progress,
    Version,
    by_key,
    checksum_of,
    copy_object,
    in_parallel,
    list_versions,
    remove_versions,
)
from trading.archive.tally import opened, tally
from trading.archive.wording import described
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.holdings import Holdings
    from trading.archive.manifest import Manifest
    from trading.archive.shelf import Shelf
    from trading.archive.telling import Telling


class NotRestoredError(OperatorError):
    """What is there is not what was kept."""


@dataclass(frozen=True)
class Restore:
    """One restore of one data stack from a shelf, after Terraform has made its cluster and buckets."""

    stack: str
    holdings: Holdings
    shelf: Shelf
    manifest: Manifest
    telling: Telling

    def run(self) -> None:
        """Put the objects back and verify everything. May be called again after it was cut off.

        Raises OperatorError when not all came back: the restore stays unfinished then.
        """
        self._verify_rows()
        kept = [Kept.parse(line) for line in self.shelf.inventory(self.manifest)]
        for address in self.manifest.buckets:
            if address not in self.holdings.buckets:
                raise NotRestoredError(f"{self.stack} has no {address}, which objects were kept of")
            self._put_back(address, [one for one in kept if one.bucket == address])
        self.shelf.stand(self.manifest.generation, Phase.WHOLE)
        self.telling.milestone(
            f"verified against generation {self.manifest.generation}: {described(self.manifest)}"
        )

    def _verify_rows(self) -> None:
        kept = self.manifest.database
        if kept is None:
            return
        rds = client("rds", self.shelf.archive.environment, self.shelf.region)
        cluster = find_cluster(rds, self.holdings.cluster) if self.holdings.cluster else None
        if cluster is None or not cluster.answers:
            state = cluster.status if cluster else "gone"
            raise NotRestoredError(f"the rows of {self.stack} cannot be verified: it is {state}")
        if self._never_destroyed:
            self.telling.milestone("the cluster was never destroyed: its rows stay as they are")
            return
        self.telling.milestone(f"counting {kept.rows:,} rows")
        with opened(cluster, self.shelf.archive.environment, self.shelf.region) as api:
            found = tally(api, self.telling.counting)
        for table, difference in kept.differences(found).items():
            # Of what was written to while it was kept, nobody can tell what the snapshot had.
            if not self.manifest.living or table not in found:
                raise NotRestoredError(difference)
            self.telling.milestone(f"{difference}, while it was written to")

    def _put_back(self, address: str, kept: list[Kept]) -> None:
        """Replay the versions of each key, the oldest first, after those that a try before this one has
        put there.
        """
        bucket = self.holdings.buckets[address]
        there: dict[str, list[Version]] = {}
        for version, _ in list_versions(self._s3, bucket):
            there.setdefault(version.key, []).insert(0, version)
        wanted = by_key(kept)
        strange = sorted(there.keys() - wanted.keys())
        if strange and address not in APPENDED_TO and not self._never_destroyed:
            raise NotRestoredError(
                f"the bucket {bucket} has {strange[0]!r}, which the archive knows nothing of"
                f"{f' (and {len(strange) - 1} more)' if strange[1:] else ''}: move it elsewhere"
            )
        progress = Progress(len(kept), sum(one.size for one in kept), self.telling.copied)
        if kept:
            self.telling.milestone(f"putting {len(kept):,} versions of objects back into {bucket}")

        def put_back(key: str) -> None:
            self._replay(bucket, wanted[key], there.get(key, []), progress)

        in_parallel(put_back, wanted)

    def _replay(
        self, bucket: str, kept: list[Kept], there: list[Version], progress: Progress
    ) -> None:
        same = self._same(bucket, kept, there)
        unknown = any(not self._is_known(bucket, kept, one) for one in there[same:])
        if unknown and self._never_destroyed:
            # What was made newest since stays so; nothing can be put below it.
            same = len(kept)
        elif len(there) > same:
            if unknown:
                raise NotRestoredError(
                    f"{there[0].key!r} in {bucket} was written to during the restore: move it elsewhere"
                )
            # What a destroy that was cut off has left is not the beginning of what was kept.
            remove_versions(self._s3, bucket, [(one.key, one.version_id) for one in there])
            same = 0
        for one in kept[:same]:
            progress.done(one.version)
        for one in kept[same:]:
            self.telling.require_going_on()
            self._write(bucket, one)
            progress.done(one.version)

    def _same(self, bucket: str, kept: list[Kept], there: list[Version]) -> int:
        """How many of the versions that are there are the first of those that were kept."""
        pairs = enumerate(zip(kept, there, strict=False))
        others = (number for number, (one, found) in pairs if not self._is(bucket, one, found))
        return next(others, min(len(kept), len(there)))

    def _is_known(self, bucket: str, kept: list[Kept], found: Version) -> bool:
        return any(self._is(bucket, one, found) for one in kept)

    def _is(self, bucket: str, one: Kept, found: Version) -> bool:
        """Whether a version is what was kept: the very same, or what was put back of it before."""
        if one.version_id == found.version_id:
            return True
        if (one.size, one.marker) != (found.size, found.marker):
            return False
        place = Place(bucket, found.key, found.version_id)
        return one.marker or checksum_of(self._s3, place) == one.checksum

    def _write(self, bucket: str, one: Kept) -> None:
        if one.marker:
            self._s3.delete_object(Bucket=bucket, Key=one.key)
            return
        name = self.shelf.object_key(self.manifest.generation, one.version.stored_as)
        source, target = Place(self.shelf.archive.bucket, name), Place(bucket, one.key)
        # Under the bucket's own encryption: the key that there is now.
        checksum = copy_object(self._s3, source, target, one.size, {})
        if checksum != one.checksum:
            # The next try must not take it for what somebody wrote.
            written = self._s3.head_object(Bucket=bucket, Key=one.key)["VersionId"]
            remove_versions(self._s3, bucket, [(one.key, written)])
            raise NotRestoredError(
                f"{one.key!r} came back with other bytes than were kept (checksum {checksum}, not"
                f" {one.checksum}): see `trading archive verify`"
            )

    @property
    def _never_destroyed(self) -> bool:
        """Whether the destroy was cut off before it came to the cluster: then what there is more than
        was kept is newer.
        """
        kept = self.manifest.database
        return kept is not None and kept.resource_id == self.holdings.resource_id

    @cached_property
    def _s3(self) -> Any:
        return self.shelf.archive.s3


def unrestorable(shelf: Shelf, manifest: Manifest) -> OperatorError | None:
    """Why a generation could not be brought back whole, if so."""
    try:
        require_restorable(shelf, manifest)
    except OperatorError as error:
        return error
    return None


def require_restorable(shelf: Shelf, manifest: Manifest) -> None:
    """Raises OperatorError when a generation could not be brought back whole: before anything is made."""
    archive = shelf.archive
    archive.require_usable()
    if manifest.database:
        arn = manifest.database.snapshot_arn
        snapshots = Snapshots(archive.environment, archive.region, lambda: None)
        snapshot = snapshots.find(arn)
        if snapshot is None:
            raise OperatorError(
                f"the snapshot {arn} of generation {manifest.generation} is gone: choose another"
                " generation by --from, or start empty by --fresh"
            )
        if snapshot["Status"] != "available":
            raise OperatorError(f"the snapshot {arn} is {snapshot['Status']}: try again later")
    kept = [Kept.parse(line) for line in shelf.inventory(manifest)]
    copies = shelf.copied(manifest.generation)
    for one in kept:
        if not one.marker and copies.get(one.version.stored_as) != one.size:
            raise OperatorError(
                f"generation {manifest.generation} lacks the copy of {one.key!r}"
                f" ({one.version_id}): choose another generation by --from"
            )
