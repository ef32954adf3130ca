"""Time the keep and the restore of a bucket's objects on a local AWS of its own, in turns with a copy
through the operator's machine by as many threads: what `aws s3 sync` to a disk and back does.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading.archive.holdings import Holdings
from trading.archive.keep import Keep
from trading.archive.objects import in_parallel, list_versions
from trading.archive.restore import Restore
from trading.archive.shelf import Archive
from trading.archive.telling import Telling
from trading.aws import client
from trading.engine.processes import Processes
from trading.engine.report import Report
from trading.local.local_target import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REGION = "us-east-1"
ADDRESS = "aws_s3_bucket.artifacts_bucket"
STACK = "data-us-east-1"


@dataclass(frozen=True)
class Load:
    """So many objects of so many bytes."""

    count: int
    size: int

    @property
    def bytes(self) -> int:
        """All bytes."""
        return self.count * self.size

    def __str__(self) -> str:
        return f"{self.count:,} objects of {self.size / 1e6:g} MB"


class Bench:
    """A local AWS with an archive, and a bucket full of objects."""

    def __init__(self, environment: Mapping[str, str], load: Load) -> None:
        self.load = load
        self.s3 = client("s3", environment, REGION)
        key = client("kms", environment, REGION).create_key()["KeyMetadata"]["Arn"]
        self.archive = Archive(REGION, self._bucket("archive", key), key, environment)
        self.source = self._bucket("source", key)
        body = os.urandom(load.size)
        in_parallel(
            lambda number: self.s3.put_object(Bucket=self.source, Key=f"{number:06}", Body=body),
            range(load.count),
        )
        self.runs = 0

    def keep_and_restore(self) -> tuple[float, float]:
        """The seconds that our keep takes, and our restore with its verification."""
        self.runs += 1
        shelf = self.archive.shelf(f"dev-{self.load.count}x{self.runs}")
        telling = Telling("keeping", Report(STACK, lambda _: None, io.StringIO()), Processes())
        held = Holdings(buckets={ADDRESS: self.source})
        keep = Keep(STACK, held, shelf, "20250101T000000Z", telling)
        kept, manifest = _timed(keep.run)
        assert manifest is not None
        target = Holdings(buckets={ADDRESS: self._bucket("target", self.archive.kms_key_arn)})
        restored, _ = _timed(Restore(STACK, target, shelf, manifest, telling).run)
        return kept, restored

    def sync_and_back(self, folder: Path) -> tuple[float, float]:
        """The seconds that the same takes through this machine's disk."""
        self.runs += 1
        target = self._bucket("target", self.archive.kms_key_arn)
        versions = [version for version, _ in list_versions(self.s3, self.source)]
        there, _ = _timed(
            lambda: in_parallel(
                lambda one: self.s3.download_file(self.source, one.key, str(folder / one.key)),
                versions,
            )
        )
        back, _ = _timed(
            lambda: in_parallel(
                lambda one: self.s3.upload_file(str(folder / one.key), target, one.key), versions
            )
        )
        return there, back

    def _bucket(self, purpose: str, key: str) -> str:
        name = f"{purpose}-{self.load.count}-{getattr(self, 'runs', 0)}"
        self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        self.s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]
            },
        )
        return name


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def _measure(
    environment: Mapping[str, str], load: Load, pairs: int, say: Callable[[str], None]
) -> None:
    bench = Bench(environment, load)
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(bench.keep_and_restore())
        with tempfile.TemporaryDirectory() as folder:
            theirs.append(bench.sync_and_back(Path(folder)))
    say(f"{load}, median of {pairs}:")
    for number, what in enumerate(("keep", "restore")):
        mine = statistics.median(times[number] for times in ours)
        other = statistics.median(times[number] for times in theirs)
        per_gigabyte = mine / load.bytes * 1e9
        say(
            f"  {what}: {mine:.1f} s ({per_gigabyte:.0f} s per GB), through this machine"
            f" {other:.1f} s: {other / mine:.1f} times"
        )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Measure large and small objects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        local = LocalTarget(Path(folder))
        local.up(lambda _: None)
        try:
            for load in (Load(8, 64_000_000), Load(1_000, 10_000)):
                _measure(local.environment(), load, pairs, _say)
        finally:
            local.forget()


if __name__ == "__main__":
    main()
