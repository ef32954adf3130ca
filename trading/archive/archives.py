"""The archives of all regions, as the foundation publishes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.archive.shelf import Archive
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection

    from trading.engine.engine import Engine

_OUTPUTS = {"archive_bucket", "kms_key_arn"}


def archives(engine: Engine, regions: Collection[str]) -> dict[str, Archive]:
    """The archive of each of these regions. Raises OperatorError where the foundation has none."""
    found = existing_archives(engine, regions)
    if missing := sorted(set(regions) - found.keys()):
        names = ", ".join(f"foundation-{region}" for region in missing)
        raise OperatorError(f"{names} has no archive: run `trading foundation deploy` first")
    return found


def existing_archives(engine: Engine, regions: Collection[str]) -> dict[str, Archive]:
    """The archive of each of these regions that has one."""
    foundation = engine.foundation
    stacks = [stack for stack in foundation.all_stacks() if stack.region in regions]
    published = foundation.outputs(stacks)
    return {
        stack.region: Archive(
            stack.region,
            published[stack.name]["archive_bucket"],
            published[stack.name]["kms_key_arn"],
            foundation.environment,
        )
        for stack in stacks
        if stack.region and published.get(stack.name, {}).keys() >= _OUTPUTS
    }
