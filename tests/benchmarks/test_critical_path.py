"""The slowest chain of a run, by hand-made runs."""

from __future__ import annotations

import pytest

from benchmarks.critical_path import critical_path


@pytest.mark.parametrize(
    ("seconds", "needs", "chain", "length"),
    [
        pytest.param({"only": 3.0}, {"only": []}, ["only"], 3.0, id="one stack"),
        pytest.param(
            {"quick": 1.0, "slow": 5.0}, {"quick": [], "slow": []}, ["slow"], 5.0, id="no order"
        ),
        pytest.param(
            {"key": 10.0, "zone": 82.0, "network": 20.0, "api": 40.0},
            {"api": ["network", "zone"], "network": ["key"], "zone": [], "key": []},
            ["zone", "api"],
            122.0,
            id="a shorter chain of slower stacks",
        ),
        pytest.param(
            {"key": 10.0, "zone": 25.0, "network": 20.0, "api": 40.0},
            {"api": ["network", "zone", "key"], "network": ["key"], "zone": [], "key": []},
            ["key", "network", "api"],
            70.0,
            id="a longer chain of quicker stacks",
        ),
        pytest.param(
            {"api": 40.0, "left": 90.0},
            {"api": [], "left": []},
            ["left"],
            90.0,
            id="the slowest need not be last in the order",
        ),
    ],
)
def test_the_slowest_chain(
    seconds: dict[str, float], needs: dict[str, list[str]], chain: list[str], length: float
) -> None:
    assert critical_path(seconds, needs) == (chain, length)
