"""A thousand faults over a load of clients, and then: nothing lost, nothing doubled, all of it answered.

The faults and what the clients do come from a seed. FAULTS_SEED and FAULTS_COUNT choose others:
``make faults FAULTS_SEED=7 FAULTS_COUNT=5000``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import run
from tests.faults.platform import running_platform

if TYPE_CHECKING:
    from pathlib import Path

SEED = os.environ.get("FAULTS_SEED") or "1"
COUNT = int(os.environ.get("FAULTS_COUNT") or 1000)
MOST_SHOWN, LONGEST_SHOWN = 20, 2000


def test_nothing_is_lost_or_doubled_whatever_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_platform(tmp_path) as platform:
        outcome = run(platform, SEED, COUNT)
    with capsys.disabled():
        print("", *outcome.report, sep="\n")  # noqa: T201 - what `make faults` is for
    if outcome.violations:
        again = f"make faults FAULTS_SEED={SEED} FAULTS_COUNT={COUNT}"
        shown = [violation[:LONGEST_SHOWN] for violation in outcome.violations[:MOST_SHOWN]]
        heading = f"{len(outcome.violations)} violations after {outcome.faults} faults; {again}"
        pytest.fail("\n".join([heading, *shown]), pytrace=False)
