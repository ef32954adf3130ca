"""All that the archives have: which generations of which environments, and in what condition."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stacks.settings import REGIONS, SettingsError, parse_workspace
from trading.archive.archives import existing_archives
from trading.archive.copies import copy_region
from trading.archive.inspection import Condition, Entry, Fault
from trading.aws import errors
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from trading.archive.manifest import Manifest, Standing
    from trading.archive.shelf import Archive, Shelf
    from trading.engine.engine import Engine


@dataclass(frozen=True)
class Generation:
    """What was kept of one region of an environment in one run, in every archive that has it."""

    workspace: str
    region: str
    name: str
    entries: tuple[Entry, ...]

    @property
    def manifest(self) -> Manifest | None:
        """What was kept, as any archive tells it."""
        return next((entry.manifest for entry in self.entries if entry.manifest), None)

    @property
    def present(self) -> tuple[Entry, ...]:
        """The entries without those that should be there and are not."""
        return tuple(entry for entry in self.entries if not entry.absent)

    @property
    def readable(self) -> bool:
        """Whether it could be brought back from one archive at least."""
        return any(entry.fault is None for entry in self.entries)

    @property
    def unfinished(self) -> bool:
        """Whether no archive has all of it."""
        return all(entry.unfinished for entry in self.entries)

    @property
    def unreadable(self) -> bool:
        """Whether all that there is of it is under keys that cannot be used."""
        useless = all(entry.unfinished or entry.unreadable for entry in self.entries)
        return useless and not self.unfinished

    def verified(self, *, thorough: bool) -> Generation:
        """The same after a look at its inventories and objects."""
        entries = tuple(entry.verified(thorough=thorough) for entry in self.entries)
        return replace(self, entries=entries)


@dataclass(frozen=True)
class Catalogue:
    """Generations by environment and region, the newest first; how the data of a region stands towards
    them; what AWS refused; and the regions that have no archive.
    """

    generations: list[Generation]
    standings: dict[tuple[str, str], Standing]
    refusals: list[str]
    without: list[str]

    @property
    def entries(self) -> list[Entry]:
        """Each generation as each archive has it, or should have it."""
        return [entry for generation in self.generations for entry in generation.entries]

    @property
    def present(self) -> list[Entry]:
        """The same without what is not there."""
        return [entry for generation in self.generations for entry in generation.present]

    @property
    def not_examined(self) -> list[str]:
        """What could not be looked at, and why."""
        missing = [
            f"foundation-{region} has no archive: run `trading foundation deploy`"
            for region in self.without
        ]
        return missing + self.refusals

    def require_whole(self) -> None:
        """Raises OperatorError when not all could be looked at."""
        if self.not_examined:
            raise OperatorError(
                "not all archives could be looked at: what is kept there is not known"
            )

    def named(self, names: Collection[str]) -> list[Generation]:
        """The generations of these names. Raises OperatorError for a name that none has."""
        found = [generation for generation in self.generations if generation.name in names]
        if unknown := sorted(set(names) - {generation.name for generation in found}):
            self.require_whole()
            known = ", ".join(sorted({one.name for one in self.generations}, reverse=True))
            raise OperatorError(
                f"no generation {unknown[0]} is kept: choose from {known or 'none'}"
            )
        return found


def read_catalogue(
    engine: Engine, workspace: str | None, regions: Collection[str] = ()
) -> Catalogue:
    """What the archives have of an environment, or of all for None; of some regions, or of all."""
    # The copies lie elsewhere.
    copied_to = {copy_region(region) for region in regions}
    looked_at = {*regions, *copied_to} or {region.name for region in REGIONS}
    found = existing_archives(engine, looked_at)
    catalogue = catalogue_of(found, workspace, regions)
    return replace(catalogue, without=sorted({*catalogue.without, *(looked_at - found.keys())}))


def catalogue_of(
    archives: Mapping[str, Archive], workspace: str | None = None, regions: Collection[str] = ()
) -> Catalogue:
    """The same of these archives."""

    def look(archive: Archive) -> _Look | str | None:
        try:
            return _Look.at(archive, workspace, regions)
        except archive.s3.exceptions.NoSuchBucket:
            return None
        except errors() as error:
            return f"the archive in {archive.region}: {error}"

    with ThreadPoolExecutor(len(REGIONS)) as pool:
        looks = dict(zip(archives, pool.map(look, archives.values()), strict=True))
    done = [one for one in looks.values() if isinstance(one, _Look)]
    refused = [one for one in looks.values() if isinstance(one, str)]
    return Catalogue(
        generations=list(_generations(done)),
        standings={place: standing for one in done for place, standing in one.standings.items()},
        refusals=[*refused, *(refusal for one in done for refusal in one.refusals)],
        without=[region for region, one in looks.items() if one is None],
    )


@dataclass(frozen=True)
class _Look:
    """At one archive."""

    condition: Condition
    entries: list[Entry]
    standings: dict[tuple[str, str], Standing]
    refusals: list[str]

    @classmethod
    def at(cls, archive: Archive, workspace: str | None, regions: Collection[str]) -> _Look:
        look = cls(Condition.of(archive), [], {}, [])
        for place in archive.workspaces():
            if workspace in {None, place[0]} and (not regions or place[1] in regions):
                look._take_in(archive.shelf(*place))
        return look

    def _take_in(self, shelf: Shelf) -> None:
        self.entries.extend(self.condition.entry(shelf, name) for name in shelf.generations())
        if shelf.region != shelf.archive.region or not self.condition.usable:
            return
        try:
            if standing := shelf.standing():
                self.standings[shelf.workspace, shelf.region] = standing
        except OperatorError as error:
            self.refusals.append(str(error))


def _generations(looks: Iterable[_Look]) -> Iterator[Generation]:
    conditions = {look.condition.archive.region: look.condition for look in looks}
    found: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in (entry for look in looks for entry in look.entries):
        found.setdefault((entry.shelf.workspace, entry.shelf.region, entry.generation), []).append(
            entry
        )
    newest_first = sorted(found, key=lambda key: key[2], reverse=True)
    for key in sorted(newest_first, key=lambda key: key[:2]):
        entries = sorted(found[key], key=lambda entry: entry.is_copy)
        yield Generation(*key, (*entries, *_missing_copy(key, entries, conditions)))


def _missing_copy(
    key: tuple[str, str, str], entries: list[Entry], conditions: Mapping[str, Condition]
) -> Iterator[Entry]:
    """The copy that the settings ask for, where it is not."""
    workspace, region, generation = key
    home = entries[0]
    if len(entries) > 1 or home.is_copy or home.manifest is None or not _copied(workspace):
        return
    if elsewhere := conditions.get(copy_region(region)):
        where = elsewhere.archive.region
        fault = Fault("not copied", f"it is not in {where}, where the settings have it copied to")
        shelf = elsewhere.archive.shelf(workspace, region)
        key_state = elsewhere.key_state
        yield Entry(shelf, generation, fault=fault, absent=True, key_state=key_state)


def _copied(workspace: str) -> bool:
    try:
        return parse_workspace(workspace).environment.archive_copied
    except SettingsError:
        return False  # Kept of an environment that the settings do not know any more.
