"""Keep what a data stack holds, so that it can be destroyed, and its key with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from trading.archive.cluster import Cluster, Snapshots
from trading.archive.covering import covering
from trading.archive.holdings import APPENDED_TO
from trading.archive.manifest import (
    KeptBucket,
    KeptDatabase,
    Manifest,
    Phase,
    Started,
    Tally,
    later,
)
from trading.archive.objects import (
    Kept,
    Place,
    Progress,
    Version,
    checksum_of,
    copy_object,
    in_parallel,
)
from trading.archive.source import Source
from trading.archive.wording import described
from trading.errors import OperatorError
from trading.state.deployments import source_revision
from trading.state.holder import operator

if TYPE_CHECKING:
    from trading.archive.holdings import Holdings
    from trading.archive.shelf import Shelf
    from trading.archive.telling import Telling


class ChangedMeanwhileError(OperatorError):
    """Somebody wrote while it was being kept: what was kept is not all."""


@dataclass(frozen=True)
class Keep:
    """One keep of one data stack onto a shelf. `generation` is its name, unless one that was cut off
    can be gone on with. A `living` one goes on being written to.
    """

    stack: str
    holdings: Holdings
    shelf: Shelf
    generation: str
    telling: Telling
    living: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def run(self) -> Manifest | None:
        """Keep everything, unless a generation has it already; None when there is nothing to keep.

        Raises OperatorError when it cannot be kept: then nothing may be destroyed.
        """
        self.shelf.archive.require_usable()
        if found := covering(self._source):
            self.telling.milestone(f"generation {found.generation} has all of it")
            return found
        buckets = self._source.versions()
        if self.holdings.cluster is None and not any(buckets.values()):
            return None
        self._require_rows_where_there_were_some()
        cluster = self._source.require_cluster()
        before = self._source.tally(cluster)
        started = self._begin(before)
        snapshot = self._snapshot(cluster, started.generation) if cluster else None
        kept = self._copy(buckets, started.generation)
        if not self.living:
            self._require_unchanged(before, self._source.tally(cluster), buckets)
        manifest = self._manifest(started, cluster, before, snapshot, kept)
        self.shelf.write_manifest(manifest)
        self.telling.milestone(f"kept as generation {manifest.generation}: {described(manifest)}")
        return manifest

    def _require_rows_where_there_were_some(self) -> None:
        """A generation of objects alone would be the newest, and the next database empty."""
        newest, standing = self.shelf.newest(), self.shelf.standing()
        declined = standing is not None and standing.phase is Phase.DECLINED
        if self.holdings.cluster is None and newest and newest.database and not declined:
            raise OperatorError(
                f"{self.stack} has objects and no database, and generation {newest.generation} has one:"
                f" run `trading deploy {self.stack}` first, or say --lose-data {self.stack}"
            )

    def _begin(self, tables: dict[str, Tally]) -> Started:
        """Go on with the newest generation if it is unfinished and of this very cluster. Its snapshot
        is taken anew when somebody has written since.
        """
        generations = self.shelf.generations()
        started = Started(
            generation=later(self.generation, next(iter(generations), None)),
            resource_id=self.holdings.resource_id,
            tables=tables,
            operator=operator(),
            started_at=self.started_at,
        )
        for generation in generations[:1]:
            earlier = self.shelf.started(generation)
            if earlier is None or self.shelf.manifest(generation) is not None:
                break
            if earlier.resource_id == started.resource_id:
                self.telling.milestone(f"going on with generation {generation}")
                if earlier.tables == tables:
                    return earlier
                self._forget_snapshots(generation)
                started = earlier.model_copy(update={"tables": tables})
        self.shelf.write_started(started)
        return started

    def _snapshot(self, cluster: Cluster, generation: str) -> str:
        """A snapshot of the cluster is under the cluster's key, which is to go: a copy is not."""
        name, tags = self.shelf.snapshot_name(generation), self.shelf.tags(generation)
        passing = self.shelf.passing_snapshot_name(generation)
        if self._snapshots.find(name) is None:
            self.telling.milestone("taking a snapshot")
            source = self._snapshots.take(cluster, passing, tags)
            self.telling.milestone("copying the snapshot under the archive's key")
            self._snapshots.copy(source, name, self.shelf.archive.kms_key_arn, tags)
        copy = self._snapshots.available(name)
        self._snapshots.remove(passing)
        return copy

    def _forget_snapshots(self, generation: str) -> None:
        self._snapshots.remove(self.shelf.snapshot_name(generation))
        self._snapshots.remove(self.shelf.passing_snapshot_name(generation))

    def _copy(self, buckets: dict[str, list[tuple[Version, str]]], generation: str) -> list[Kept]:
        """A copy of every object version in the archive, and the line of each in the inventory."""
        every = [
            (address, version, modified)
            for address, versions in buckets.items()
            for version, modified in versions
        ]
        if every:
            self.telling.milestone(f"copying {len(every)} versions of objects")
        total = sum(version.size for _, version, _ in every)
        progress = Progress(len(every), total, self.telling.copied)
        s3, archive = self.shelf.archive.s3, self.shelf.archive
        copied = self.shelf.copied(generation)

        def keep(one: tuple[str, Version, str]) -> Kept:
            address, version, modified = one
            self.telling.require_going_on()
            checksum = ""
            if not version.marker:
                name = self.holdings.buckets[address]
                source = Place(name, version.key, version.version_id)
                key = self.shelf.object_key(generation, version.stored_as)
                target = Place(archive.bucket, key)
                there = checksum_of(s3, target) if version.stored_as in copied else None
                checksum = there or copy_object(
                    s3, source, target, version.size, archive.encryption
                )
            progress.done(version)
            return Kept(
                address,
                version.key,
                version.version_id,
                version.size,
                version.marker,
                modified,
                checksum,
            )

        return in_parallel(keep, every)

    def _require_unchanged(
        self,
        before: dict[str, Tally],
        after: dict[str, Tally],
        buckets: dict[str, list[tuple[Version, str]]],
    ) -> None:
        written = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        written += [
            self.holdings.buckets[address]
            for address, versions in buckets.items()
            if address not in APPENDED_TO and self._source.versions_in(address) != versions
        ]
        if written:
            raise ChangedMeanwhileError(
                f"{', '.join(written)} was written to while it was being kept: stop who writes to"
                f" {self.stack}, and go on"
            )

    def _manifest(
        self,
        started: Started,
        cluster: Cluster | None,
        tables: dict[str, Tally],
        snapshot: str | None,
        kept: list[Kept],
    ) -> Manifest:
        commit, modified = source_revision()
        database = None
        if cluster and snapshot:
            database = KeptDatabase(
                cluster=cluster.identifier,
                resource_id=cluster.resource_id,
                snapshot_arn=snapshot,
                tables=tables,
            )
        # Oldest first, as they are put back.
        lines = [one.to_json() for one in reversed(kept)]
        return Manifest(
            workspace=self.shelf.workspace,
            region=self.shelf.region,
            generation=started.generation,
            stack=self.stack,
            living=self.living,
            operator=operator(),
            revision=f"{commit or 'unknown'}{' + changes' if modified else ''}",
            started_at=started.started_at,
            kept_at=datetime.now(UTC),
            kms_key_arn=self.shelf.archive.kms_key_arn,
            database=database,
            buckets={
                address: _kept_bucket(name, [one for one in kept if one.bucket == address])
                for address, name in self.holdings.buckets.items()
            },
            inventory_sha256=self.shelf.write_inventory(started.generation, lines),
        )

    @cached_property
    def _snapshots(self) -> Snapshots:
        return Snapshots(self.shelf.archive.environment, self.shelf.region, self.telling.pause)

    @cached_property
    def _source(self) -> Source:
        return Source(self.stack, self.holdings, self.shelf, self.telling)


def _kept_bucket(name: str, kept: list[Kept]) -> KeptBucket:
    return KeptBucket(
        name=name,
        versions=len(kept),
        delete_markers=sum(one.marker for one in kept),
        bytes=sum(one.size for one in kept),
    )
