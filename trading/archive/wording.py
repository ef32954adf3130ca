"""How what is kept is told to people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trading.display import plural

if TYPE_CHECKING:
    from trading.archive.manifest import Manifest

_UNITS = ("kB", "MB", "GB", "TB")


def described(manifest: Manifest) -> str:
    """How much a generation is, such as `1,204 rows in 3 tables, 45 versions of objects, 1.2 MB`."""
    database = manifest.database
    rows = (
        f"{database.rows:,} rows in {plural(len(database.tables), 'table')}, " if database else ""
    )
    return f"{rows}{manifest.versions:,} versions of objects, {size(manifest.bytes)}"


def size(count: int) -> str:
    """Bytes for people, such as `1.2 MB`."""
    if count < 1000:
        return plural(count, "byte")
    power = min(int(math.log(count, 1000)), len(_UNITS))
    return f"{count / 1000**power:.1f} {_UNITS[power - 1]}"
