"""Remove what is kept beyond need, and never the only copy of what is not deployed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trading.archive.cluster import Snapshots
from trading.archive.holdings import DATA, holdings, living_cluster
from trading.archive.manifest import Phase
from trading.archive.shelf import USABLE
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from trading.archive.catalogue import Catalogue, Generation
    from trading.engine.engine import Engine

_POLL_SECONDS = 1.0

_UNFINISHED = {
    Phase.DESTROYING: "was destroyed, or begun to be, after it was kept",
    Phase.RESTORING: "is not restored from it to the end",
}


def named(engine: Engine, catalogue: Catalogue, names: Collection[str]) -> list[Generation]:
    """The generations of these names. Raises OperatorError for a name that nothing has, and for the
    only copy of what is not deployed.
    """
    chosen = catalogue.named(names)
    needed = _needed(engine, catalogue)
    for one in chosen:
        if why := needed.get((one.region, one.name)):
            raise OperatorError(f"{one.name} of {one.region} stays: {why}")
    return chosen


def surplus(engine: Engine, catalogue: Catalogue, count: int) -> list[Generation]:
    """What is beyond the newest `count` readable generations of each region, and what is unfinished:
    a run that was at it would hold the workspace; and what is under a key that cannot be used. What is
    corrupt goes by its name only, and what an empty start was preferred to.
    """
    found = []
    for generations in _by_region(catalogue).values():
        readable = [one.name for one in generations if one.readable]
        # Those that are damaged do not count: they stand in for nothing.
        oldest = readable[count - 1] if len(readable) >= count else ""
        found += [
            one
            for one in generations
            if one.unfinished or one.unreadable or (one.manifest and one.name < oldest)
        ]
    staying = _needed(engine, catalogue).keys() | _declined(catalogue)
    return [one for one in found if (one.region, one.name) not in staying]


def require_known(catalogue: Catalogue) -> None:
    """Raises OperatorError when it is not known what all is kept: that could be the last of it."""
    catalogue.require_whole()
    for entry in catalogue.entries:
        told = entry.manifest or entry.unfinished or entry.unreadable
        if not told and entry.key_state != USABLE:
            region, key = entry.shelf.archive.region, entry.shelf.archive.kms_key_arn
            raise OperatorError(
                f"the archive's key in {region} is {entry.key_state}, so that nobody can tell what is"
                f" kept there: enable {key} first"
            )


def remove(generation: Generation) -> None:
    """Remove a generation from every archive that has it. May be repeated after it was cut off."""
    # Never a manifest without what it names: from here on it is unfinished everywhere, and goes with
    # the next prune.
    for entry in generation.present:
        entry.shelf.withdraw(generation.name)
    for entry in generation.present:
        shelf = entry.shelf
        snapshots = Snapshots(shelf.archive.environment, shelf.archive.region, _pause)
        snapshots.remove(shelf.snapshot_name(generation.name))
        snapshots.remove(shelf.passing_snapshot_name(generation.name))
        shelf.clear(generation.name)


def _needed(engine: Engine, catalogue: Catalogue) -> dict[tuple[str, str], str]:
    """By region and name: what must stay, and why."""
    return {
        (region, name): why
        for region, generations in _by_region(catalogue).items()
        for name, why in _needed_of(engine, catalogue, region, generations)
    }


def _needed_of(
    engine: Engine, catalogue: Catalogue, region: str, generations: Iterable[Generation]
) -> Iterator[tuple[str, str]]:
    standing = catalogue.standings.get((engine.workspace, region))
    unfinished = standing is not None and standing.unfinished
    if not unfinished and _has_cluster(engine, region):
        return
    stack = f"{DATA}-{region}"
    finished = [one for one in generations if not one.unfinished]
    for one in finished:
        if one.unreadable:
            yield one.name, f"{stack} is not deployed, and its key may be made usable again"
    # One that is damaged may be put right; until then the newest other one is all there is.
    for some in (finished, [one for one in finished if one.readable]):
        if some:
            yield some[0].name, f"{stack} is not deployed, and would come back from it"
    if standing and unfinished:
        yield standing.generation, f"{stack} {_UNFINISHED[standing.phase]}"


def _declined(catalogue: Catalogue) -> set[tuple[str, str]]:
    """What there was before a region began anew: none of the newer generations has it."""
    return {
        (region, standing.generation)
        for (_, region), standing in catalogue.standings.items()
        if standing.phase is Phase.DECLINED
    }


def _has_cluster(engine: Engine, region: str) -> bool:
    stacks = [one for one in engine.all_stacks() if (one.layer, one.region) == (DATA, region)]
    rds = client("rds", engine.environment, region)
    return any(living_cluster(rds, holdings(engine, stack)) for stack in stacks)


def _by_region(catalogue: Catalogue) -> dict[str, list[Generation]]:
    found: dict[str, list[Generation]] = {}
    for one in catalogue.generations:
        found.setdefault(one.region, []).append(one)
    return found


def _pause() -> None:
    time.sleep(_POLL_SECONDS)
