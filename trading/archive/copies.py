"""A generation in the archive of another region, for a region can be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings import REGIONS, parse_workspace
from trading.archive.archives import archives
from trading.archive.cluster import Snapshots
from trading.archive.objects import Kept, Place, Progress, checksum_of, copy_object, in_parallel
from trading.archive.restore import require_restorable, unrestorable
from trading.archive.shelf import UnreadableError
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.manifest import Manifest
    from trading.archive.shelf import Shelf
    from trading.archive.telling import Telling
    from trading.engine.engine import Engine


def copy_region(region: str) -> str:
    """The region whose archive has the copies of this one's."""
    [copied_to] = (one.archive_copy_region for one in REGIONS if one.name == region)
    return copied_to


def copy_shelf(engine: Engine, region: str) -> Shelf:
    """Where the copies of a region's generations are. Raises OperatorError without its archive."""
    elsewhere = copy_region(region)
    return archives(engine, {elsewhere})[elsewhere].shelf(engine.workspace, region)


def copy_away(engine: Engine, shelf: Shelf, manifest: Manifest, telling: Telling) -> bool:
    """Copy a generation to another region's archive, where the settings ask for that; tell if so."""
    copied = parse_workspace(engine.workspace).environment.archive_copied
    if copied:
        copy_generation(shelf, copy_shelf(engine, shelf.region), manifest, telling)
    return copied


def bring_home(engine: Engine, shelf: Shelf, generation: str, telling: Telling) -> None:
    """Copy a generation back that only another region's archive has whole."""
    fault: OperatorError | None
    try:
        here = shelf.manifest(generation)
        fault = unrestorable(shelf, here) if here else None
    except UnreadableError as error:
        here, fault = None, error
    if here and fault is None:
        return
    elsewhere = copy_shelf(engine, shelf.region)
    manifest = elsewhere.manifest(generation)
    if manifest is None:
        raise fault or OperatorError(
            f"no archive has the generation {generation} of {shelf.region}"
        )
    if fault:
        telling.milestone(f"bringing it home anew: {fault}")
        require_restorable(elsewhere, manifest)
    if here:
        shelf.withdraw(generation)
    elif fault:
        # What is left of it is under the lost key, too: nothing that a copy could go on with.
        archive = shelf.archive
        snapshots = Snapshots(archive.environment, archive.region, telling.pause)
        snapshots.remove(shelf.snapshot_name(generation))
        shelf.clear(generation)
    copy_generation(elsewhere, shelf, manifest, telling)


def copy_generation(source: Shelf, target: Shelf, manifest: Manifest, telling: Telling) -> None:
    """Copy all of a generation to another shelf, under that one's key; its manifest last.

    Goes on with what was copied before.
    """
    generation = manifest.generation
    if there := target.manifest(generation):
        if there.kept_at != manifest.kept_at:
            raise OperatorError(
                f"the archive in {target.archive.region} has another generation {generation}: remove it"
                f" by `trading archive prune {generation}`"
            )
        return
    telling.milestone(f"copying generation {generation} to {target.archive.region}")
    database = manifest.database
    if database:
        snapshots = Snapshots(target.archive.environment, target.archive.region, telling.pause)
        arn = snapshots.copy(
            database.snapshot_arn,
            target.snapshot_name(generation),
            target.archive.kms_key_arn,
            target.tags(generation),
        )
        database = database.model_copy(update={"snapshot_arn": arn})
    lines = source.inventory(manifest)
    _copy_objects(source, target, generation, [Kept.parse(line) for line in lines], telling)
    target.write_inventory(generation, lines)
    copied = manifest.model_copy(
        update={
            "database": database,
            "kms_key_arn": target.archive.kms_key_arn,
            "copied_from": source.archive.region,
        }
    )
    target.write_manifest(copied)


def _copy_objects(
    source: Shelf, target: Shelf, generation: str, kept: list[Kept], telling: Telling
) -> None:
    there = target.copied(generation)
    objects = [one for one in kept if not one.marker]
    progress = Progress(len(objects), sum(one.size for one in objects), telling.copied)
    s3 = target.archive.s3

    def copy(one: Kept) -> None:
        telling.require_going_on()
        name = one.version.stored_as
        to = Place(target.archive.bucket, target.object_key(generation, name))
        found = checksum_of(s3, to) if name in there else None
        if found != one.checksum:
            origin = Place(source.archive.bucket, source.object_key(generation, name))
            found = copy_object(s3, origin, to, one.size, target.archive.encryption)
        if found != one.checksum:
            raise OperatorError(
                f"the copy of {one.key!r} in {target.archive.region} has other bytes:"
                " see `trading archive verify`"
            )
        progress.done(one.version)

    in_parallel(copy, objects)
