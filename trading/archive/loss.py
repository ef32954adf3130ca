"""What is lost with the foundation: all that its archives have."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trading.archive.catalogue import Catalogue, catalogue_of
from trading.archive.cluster import Snapshots, is_the_archives
from trading.archive.shelf import Archive
from trading.aws import errors
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

_AT_ONCE = 8
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Loss:
    """What the archives have, and their snapshots, each with its region; Terraform knows of neither."""

    catalogue: Catalogue
    snapshots: list[tuple[Snapshots, str]]
    not_examined: list[str]

    @property
    def certainly_none(self) -> bool:
        """Whether nothing is kept, and all could be looked at."""
        return not (self.catalogue.generations or self.snapshots or self.not_examined)

    def remove_snapshots(self) -> None:
        """Delete the snapshots, and return when they are gone."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda found: found[0].remove(found[1]), self.snapshots))


def loss_with(foundation: Engine) -> Loss:
    """What would be lost with the foundation of all regions."""
    catalogue = catalogue_of(_archives_in_state(foundation))
    snapshots, not_examined = [], list(catalogue.refusals)
    for region in sorted({stack.region for stack in foundation.all_stacks() if stack.region}):
        there = Snapshots(foundation.environment, region, lambda: time.sleep(_POLL_SECONDS))
        try:
            found = there.manual()
        except errors() as error:
            not_examined.append(f"the snapshots in {region}: {error}")
            continue
        names = [one["DBClusterSnapshotIdentifier"] for one in found if is_the_archives(one)]
        snapshots += [(there, name) for name in names]
    return Loss(catalogue, snapshots, not_examined)


def _archives_in_state(foundation: Engine) -> dict[str, Archive]:
    """The archives that are there, also where a destroy was cut off: outputs are the first to go."""
    existing = stacks_with_state(foundation.workspace, foundation.environment)
    stacks = [stack for stack in foundation.all_stacks() if stack.name in existing]
    with ThreadPoolExecutor(foundation.parallelism) as pool:
        found = list(pool.map(lambda stack: _archive_in_state(foundation, stack), stacks))
    return {archive.region: archive for archive in found if archive}


def _archive_in_state(foundation: Engine, stack: Stack) -> Archive | None:
    state = foundation.terraform.show(stack.directory)
    resources = state.get("values", {}).get("root_module", {}).get("resources", [])
    values = {resource["address"]: resource["values"] for resource in resources}
    bucket = values.get("aws_s3_bucket.archive_bucket")
    if bucket is None or stack.region is None:
        return None
    key = values.get("aws_kms_key.key", {}).get("arn", "")
    return Archive(stack.region, bucket["bucket"], key, foundation.environment)
