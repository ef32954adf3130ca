"""Whether a generation has all that a data stack holds, so that nothing need be kept anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.archive.holdings import APPENDED_TO
from trading.archive.manifest import Phase
from trading.archive.objects import Kept
from trading.archive.restore import unrestorable
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.manifest import Manifest, Tally
    from trading.archive.source import Source


def covering(source: Source) -> Manifest | None:
    """That of a restore which was not finished, or of a destroy which was cut off, or the newest where
    nothing has changed since; None where it is all to be kept anew.

    Raises OperatorError where neither the archive nor what is left has all of it.
    """
    standing = source.shelf.standing()
    unfinished = standing.generation if standing and standing.unfinished else None
    manifest = source.shelf.manifest(unfinished) if unfinished else source.shelf.newest()
    if manifest is None:
        _require_nothing_begun(source, unfinished)
        return None
    if not _is_of_its_cluster(source, manifest):
        restoring = standing is not None and standing.phase is Phase.RESTORING
        return _being_restored(source, manifest) if restoring else None
    known = {kept.identity for kept in _kept(source, manifest)}
    there = source.identities()
    cluster = source.cluster()
    answers = cluster is not None and cluster.answers
    if answers:
        # The snapshot of one that was written to meanwhile may have what was never counted.
        covered = not manifest.living and source.tally(cluster) == _tables(manifest)
    else:
        # One that was not begun to be destroyed may have rows that nobody can read now.
        covered = unfinished is not None or source.holdings.cluster is None
    half_gone = unfinished and (known - there or (manifest.database is not None and not answers))
    if there <= known and covered:
        return _still_good(source, manifest, needed=bool(half_gone))
    if half_gone:
        raise OperatorError(
            f"a destroy of {source.stack} had begun after {manifest.generation} was kept, and it was"
            f" written to since: run `trading deploy {source.stack}`, which makes it whole, first"
        )
    return None


def _require_nothing_begun(source: Source, unfinished: str | None) -> None:
    if unfinished:
        raise OperatorError(
            f"{source.stack} was being restored from {unfinished}, or destroyed after it was kept, and"
            f" the archive has it no more: run `trading deploy {source.stack}` to finish, or say"
            f" --lose-data {source.stack}"
        )


def _being_restored(source: Source, manifest: Manifest) -> Manifest | None:
    """That from which another cluster was being made, unless it was written to before it was whole."""
    known = {(kept.bucket, kept.key, kept.size, kept.marker) for kept in _kept(source, manifest)}
    there = {
        (address, version.key, version.size, version.marker)
        for address in source.holdings.buckets.keys() - APPENDED_TO
        for version, _ in source.versions_in(address)
    }
    cluster = source.cluster()
    rows = source.tally(cluster) if cluster and cluster.answers else _tables(manifest)
    if not there <= known or not (manifest.living or rows == _tables(manifest)):
        raise OperatorError(
            f"the restore of {source.stack} from {manifest.generation} was not finished, and what is"
            " there is not all of it: finish it (`trading resume`), or say --lose-data"
            f" {source.stack} to have no more than {manifest.generation}"
        )
    return _still_good(source, manifest, needed=True)


def _kept(source: Source, manifest: Manifest) -> list[Kept]:
    lines = map(Kept.parse, source.shelf.inventory(manifest))
    return [kept for kept in lines if kept.bucket not in APPENDED_TO]


def _tables(manifest: Manifest) -> dict[str, Tally]:
    return manifest.database.tables if manifest.database else {}


def _is_of_its_cluster(source: Source, manifest: Manifest) -> bool:
    kept_of = manifest.database.resource_id if manifest.database else None
    # Terraform destroys the cluster before it is through with the buckets.
    return source.holdings.resource_id in {None, kept_of}


def _still_good(source: Source, manifest: Manifest, *, needed: bool) -> Manifest | None:
    """A generation, unless it cannot be brought back any more. One that is `needed` has what is not
    there now: without it, what is left is all there is.
    """
    fault = unrestorable(source.shelf, manifest)
    if fault is None:
        return manifest
    if needed:
        raise OperatorError(
            f"only generation {manifest.generation} has all of {source.stack}, and it is not whole"
            f" any more, so nothing is destroyed: {fault}"
        ) from fault
    source.telling.milestone(f"keeping anew what had been kept: {fault}")
    return None
