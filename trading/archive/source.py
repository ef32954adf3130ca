"""What a data stack holds, as AWS tells of it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trading.archive.holdings import APPENDED_TO, its_cluster
from trading.archive.objects import Version, list_versions
from trading.archive.tally import opened, tally
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.cluster import Cluster
    from trading.archive.holdings import Holdings
    from trading.archive.manifest import Tally
    from trading.archive.shelf import Shelf
    from trading.archive.telling import Telling


@dataclass(frozen=True)
class Source:
    """One data stack, and the shelf that it is kept on."""

    stack: str
    holdings: Holdings
    shelf: Shelf
    telling: Telling

    def versions(self) -> dict[str, list[tuple[Version, str]]]:
        """Every version of every object, by the address of its bucket, and when it was made."""
        return {address: self.versions_in(address) for address in self.holdings.buckets}

    def versions_in(self, address: str) -> list[tuple[Version, str]]:
        """Those of one bucket; none when it is gone."""
        s3 = self.shelf.archive.s3
        try:
            return list(list_versions(s3, self.holdings.buckets[address]))
        except s3.exceptions.NoSuchBucket:
            return []  # Destroyed, and its state not written yet when that was cut off.

    def identities(self) -> set[tuple[str, str, str]]:
        """Of each version what no other one bears, but for those that go on being written."""
        return {
            (address, version.key, version.version_id)
            for address in self.holdings.buckets.keys() - APPENDED_TO
            for version, _ in self.versions_in(address)
        }

    def cluster(self) -> Cluster | None:
        """The very cluster of the state; None when there is none, or it is gone."""
        rds = client("rds", self.shelf.archive.environment, self.shelf.region)
        return its_cluster(rds, self.holdings)

    def require_cluster(self) -> Cluster | None:
        """The same, None only when the stack has none. Raises OperatorError when it does not answer."""
        if self.holdings.cluster is None:
            return None
        cluster = self.cluster()
        if cluster is None or not cluster.answers:
            state = cluster.status if cluster else "gone"
            raise OperatorError(
                f"the rows of {self.holdings.cluster} cannot be kept: it is {state}"
                f"{' and has no writer' if cluster and not cluster.has_writer else ''};"
                f" put it right (`trading deploy {self.stack}`), or say --lose-data {self.stack}"
            )
        return cluster

    def tally(self, cluster: Cluster | None) -> dict[str, Tally]:
        """What every table holds."""
        if cluster is None:
            return {}
        with opened(cluster, self.shelf.archive.environment, self.shelf.region) as api:
            return tally(api, self.telling.counting)
