"""That the faults find what is broken: the product, broken in one way after the other.

Takes minutes, and tells of the test rather than of the product: pytest finds it by its name alone, which
``make prove-faults`` gives.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.breakages import BREAKAGES, Breakage
from tests.faults.load import run
from tests.faults.platform import running_platform

if TYPE_CHECKING:
    from pathlib import Path

SEED = os.environ.get("FAULTS_SEED") or "1"
# Some show only in what is verified at the end.
COUNTS = (60, 250, 1000)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_a_broken_product_is_found_out(
    tmp_path: Path, breakage: Breakage, capsys: pytest.CaptureFixture[str]
) -> None:
    for count in COUNTS:
        with running_platform(tmp_path / str(count), breakage.apply) as platform:
            outcome = run(platform, SEED, count)
        if outcome.violations:
            with capsys.disabled():
                first = outcome.violations[0][:300]
                print(f"\n{breakage.name}: after {outcome.faults} faults: {first}")  # noqa: T201
            return
    pytest.fail(f"{COUNTS[-1]} faults did not show: {breakage.name}")
