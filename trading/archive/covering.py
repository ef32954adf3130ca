"""Whether a generation has all that a data stack holds, so that nothing need be kept anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.archive.holdings import APPENDED_TO
from trading.archive.manifest import Phase
from trading.archive.objects import Kept
from trading.archive.restore import require_restorable
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.manifest import Manifest
    from trading.archive.source import Source


def covering(source: Source) -> Manifest | None:
    """That of a restore which was not finished, or of a destroy which was cut off, or the newest where
    nothing has changed since; None where it is all to be kept anew.

    Raises OperatorError where neither the archive nor what is left has all of it.
    """
    standing = source.shelf.standing()
    if standing and standing.phase is Phase.RESTORING:
        return _being_restored(source, standing.generation)
    newest = source.shelf.newest()
    if newest is None or not _is_of_its_cluster(source, newest):
        return None
    lines = map(Kept.parse, source.shelf.inventory(newest))
    known = {kept.identity for kept in lines if kept.bucket not in APPENDED_TO}
    there = source.identities()
    destroying = standing is not None and standing.phase is Phase.DESTROYING
    cluster = source.cluster()
    answers = cluster is not None and cluster.answers
    if answers:
        tables = newest.database.tables if newest.database else {}
        covered = source.tally(cluster) == tables
    else:
        # One that was not begun to be destroyed may have rows that nobody can read now.
        covered = destroying or source.holdings.cluster is None
    half_gone = destroying and (known - there or (newest.database is not None and not answers))
    if there <= known and covered:
        return _still_good(source, newest, needed=bool(half_gone))
    if half_gone:
        raise OperatorError(
            f"a destroy of {source.stack} had begun after {newest.generation} was kept, and it was"
            f" written to since: run `trading deploy {source.stack}`, which makes it whole, first"
        )
    return None


def _being_restored(source: Source, generation: str) -> Manifest | None:
    manifest = source.shelf.manifest(generation)
    if manifest is None:
        raise OperatorError(
            f"{source.stack} was being restored from {generation}, which the archive has no more:"
            " finish the restore, or say --lose-data"
        )
    return _still_good(source, manifest, needed=True)


def _is_of_its_cluster(source: Source, manifest: Manifest) -> bool:
    kept_of = manifest.database.resource_id if manifest.database else None
    # Terraform destroys the cluster before it is through with the buckets.
    return source.holdings.resource_id in {None, kept_of}


def _still_good(source: Source, manifest: Manifest, *, needed: bool) -> Manifest | None:
    """A generation, unless it cannot be brought back any more. One that is `needed` has what is not
    there now: without it, what is left is all there is.
    """
    try:
        require_restorable(source.shelf, manifest)
    except OperatorError as error:
        if needed:
            raise OperatorError(
                f"only generation {manifest.generation} has all of {source.stack}, and it is not whole"
                f" any more, so nothing is destroyed: {error}"
            ) from error
        source.telling.milestone(f"keeping anew what had been kept: {error}")
        return None
    return manifest
