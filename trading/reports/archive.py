"""What the archives have, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trading.advice import command
from trading.archive.manifest import Phase
from trading.archive.wording import described, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from trading.archive.catalogue import Catalogue
    from trading.archive.inspection import Entry
    from trading.archive.objects import Kept

_STANDING = {
    Phase.DESTROYING: "destroyed, or begun to be, after {} was kept: {} brings it back",
    Phase.RESTORING: "the restore from {} is not finished: {} goes on with it",
}


def entries_table(entries: Iterable[Entry]) -> Table:
    """A row for each generation in each archive that has it."""
    table = Table("Environment", "Region")
    table.add_column("Generation", no_wrap=True)
    table.add_column("Kept at (UTC)")
    for title in ("Rows", "Versions", "Size"):
        table.add_column(title, justify="right")
    table.add_column("Where")
    table.add_column("Readable")
    for entry in entries:
        where = f"{entry.shelf.archive.region}{' (copy)' if entry.is_copy else ''}"
        readable = f"[red]{escape(entry.fault.brief)}[/]" if entry.fault else "[green]yes[/]"
        row = [entry.shelf.workspace, entry.shelf.region, entry.generation, *_amounts(entry), where]
        table.add_row(*row, readable)
    return table


def catalogue_json(catalogue: Catalogue) -> dict[str, Any]:
    """All that is kept, for machines."""
    return {
        "generations": [_entry_json(entry) for entry in catalogue.entries],
        "standings": [
            {"environment": place[0], "region": place[1], **standing.model_dump(mode="json")}
            for place, standing in catalogue.standings.items()
        ],
        "not_examined": catalogue.not_examined,
    }


def generation_json(entry: Entry, kept: Iterable[Kept] | None) -> dict[str, Any]:
    """A generation in one archive: its manifest, what was found, and its objects where asked for."""
    return {
        "manifest": entry.manifest.model_dump(mode="json") if entry.manifest else None,
        "examined": _examined_json(entry),
        **({} if kept is None else {"objects": [asdict(one) for one in kept]}),
    }


def verdict(entry: Entry) -> str:
    """Whether a generation could be brought back from one archive, in one line."""
    where = entry.shelf.archive.region
    of = f"{entry.generation} of {entry.shelf.region}{f' in {where}' if entry.is_copy else ''}"
    if entry.fault:
        return f"{of}: {entry.fault.brief}: {entry.fault.text}"
    return f"{of}: ok{f', {described(entry.manifest)}' if entry.manifest else ''}"


def standing_lines(catalogue: Catalogue) -> Iterator[str]:
    """What is not finished between the archives and the data of the regions."""
    for (workspace, region), standing in catalogue.standings.items():
        if standing.unfinished:
            stack = f"data-{region}"
            text = _STANDING[standing.phase].format(
                standing.generation, command(f"deploy {stack}", workspace)
            )
            yield f"{stack} of {workspace}: {text}"


def description(entry: Entry) -> Table:
    """All that is known of a generation in one archive, without its objects."""
    table = Table.grid(padding=(0, 3))
    table.add_column()
    # Folded, not cut: an ARN is of use only when it is whole.
    table.add_column(overflow="fold")
    for name, value in _facts(entry):
        table.add_row(name, escape(value))
    return table


def objects_table(kept: Iterable[Kept]) -> Table:
    """The object versions of a generation, the oldest first."""
    table = Table("Bucket", "Key", "Version")
    table.add_column("Size", justify="right")
    table.add_column("Modified (UTC)")
    table.columns[1].overflow = "fold"
    for one in kept:
        amount = "delete marker" if one.marker else size(one.size)
        cells = (one.bucket, one.key, one.version_id, amount, one.modified)
        table.add_row(*map(escape, cells))
    return table


def _amounts(entry: Entry) -> tuple[str, str, str, str]:
    manifest = entry.manifest
    if manifest is None:
        return "", "", "", "" if entry.absent else size(entry.bytes)
    rows = f"{manifest.database.rows:,}" if manifest.database else "none"
    return _moment(manifest.kept_at), rows, f"{manifest.versions:,}", size(entry.bytes)


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    archive = entry.shelf.archive
    place = f"{archive.bucket}{', a copy' if entry.is_copy else ''}"
    yield "generation", f"{entry.generation} of {entry.shelf.workspace} in {entry.shelf.region}"
    yield "readable", entry.fault.text if entry.fault else "yes"
    yield "where", place
    yield "key", f"{archive.kms_key_arn}, {entry.key_state}"
    manifest = entry.manifest
    if manifest is None:
        yield "objects", size(entry.bytes)
    else:
        yield "kept", f"{_moment(manifest.kept_at)} UTC by {manifest.operator}"
        yield "commit", manifest.revision
        yield "stack", manifest.stack
        if database := manifest.database:
            yield "cluster", f"{database.cluster} ({database.resource_id})"
            yield "snapshot", f"{database.snapshot_arn}, {entry.snapshot_status or 'gone'}"
            written = " when counted; it went on living" if manifest.living else ""
            for name, tally in database.tables.items():
                yield f"table {name}", f"{tally.rows:,} rows, checksum {tally.checksum}{written}"
        for bucket in manifest.buckets.values():
            markers = f"{bucket.delete_markers:,} of them delete markers"
            versions = f"{bucket.versions:,} versions, {markers}, {size(bucket.bytes)}"
            yield f"bucket {bucket.name}", versions


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _entry_json(entry: Entry) -> dict[str, Any]:
    manifest = entry.manifest
    database = manifest.database if manifest else None
    return {
        "environment": entry.shelf.workspace,
        "region": entry.shelf.region,
        "generation": entry.generation,
        "kept_at": manifest.kept_at.isoformat() if manifest else None,
        "rows": database.rows if database else None,
        "versions": manifest.versions if manifest else None,
        "bytes": entry.bytes,
        **_examined_json(entry),
    }


def _examined_json(entry: Entry) -> dict[str, Any]:
    return {
        "archive": entry.shelf.archive.region,
        "bucket": entry.shelf.archive.bucket,
        "is_copy": entry.is_copy,
        "readable": entry.fault is None,
        "fault": asdict(entry.fault) if entry.fault else None,
        "key_state": entry.key_state,
        "snapshot_status": entry.snapshot_status,
    }
