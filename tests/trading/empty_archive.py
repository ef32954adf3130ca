"""Archives in which nothing was ever kept, for where there is no AWS behind Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.archive import choice, copies, safekeeping

if TYPE_CHECKING:
    from collections.abc import Collection

# The modules that ask for the archives.
KNOWING_ARCHIVES = (choice, copies, safekeeping)


class _EmptyArchive:
    """The archive of a region where nothing was ever kept."""

    def shelf(self, *_: str) -> _EmptyArchive:
        return self

    def require_usable(self) -> None:
        pass

    def standing(self) -> None:
        return None

    def generations(self) -> list[str]:
        return []

    def manifest(self, _: str) -> None:
        return None

    def manifests(self) -> list[str]:
        return []


def empty_archives(_: object, regions: Collection[str]) -> dict[str, _EmptyArchive]:
    """In place of what the foundation publishes."""
    return {region: _EmptyArchive() for region in regions}
