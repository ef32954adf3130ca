"""What measurements of the function come to, by hand-made ones."""

from __future__ import annotations

import pytest

from benchmarks.lambda_figures import (
    Latency,
    Spread,
    import_goal,
    largest_imports,
    overhead_goal,
    percentile,
    throughput_goal,
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([7.0], 99, 7.0, id="one value"),
        pytest.param([1.0, 2.0, 3.0, 4.0], 50, 2.0, id="the lower of two middles"),
        pytest.param([1.0, 2.0, 3.0], 50, 2.0, id="the middle"),
        pytest.param([float(n) for n in range(1, 101)], 99, 99.0, id="one of a hundred is above"),
        pytest.param(
            [float(n) for n in range(1, 51)], 99, 50.0, id="fewer than a hundred: the last"
        ),
        pytest.param([1.0, 2.0], 0, 1.0, id="the first"),
        pytest.param([1.0, 2.0], 100, 2.0, id="the last"),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_what_is_added_is_taken_request_by_request() -> None:
    # The slowest request is slow because of the database, and adds least to it.
    times = [(0.010, 0.009), (0.100, 0.0999), (0.020, 0.015)]
    latency = Latency.of(times)
    assert latency.total == Spread(0.020, 0.100)
    assert latency.database == Spread(0.015, 0.0999)
    assert latency.added.p99 == pytest.approx(0.005)
    assert str(latency.total) == "20.00 / 100.00 ms"


@pytest.mark.parametrize(("seconds", "reached"), [(0.1499, True), (0.150, False)])
def test_import_goal(seconds: float, reached: bool) -> None:
    assert import_goal(seconds).reached is reached


@pytest.mark.parametrize(("worst", "reached"), [(0.0049, True), (0.0051, False)])
def test_one_slow_endpoint_misses_the_goal(worst: float, reached: bool) -> None:
    quick, slow = Latency.of([(0.002, 0.001)]), Latency.of([(worst, 0.0)])
    assert overhead_goal([quick, slow]).reached is reached


@pytest.mark.parametrize(("least", "reached"), [(5.0, True), (4.9, False)])
def test_every_number_of_workers_counts(least: float, reached: bool) -> None:
    goal = throughput_goal([30.0, least, 12.0])
    assert goal.reached is reached
    assert goal.measured == f"{least} times"


def test_largest_imports_are_by_their_own_time_and_the_least_of_several_runs() -> None:
    first = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1000 |       1000 |   small\n"
        "import time:      9000 |      90000 | package\n"
        "import time:     80000 |      80000 |     package.large\n"
    )
    second = first.replace("80000", "30000").replace("9000 ", "9500 ")
    assert largest_imports([first, second], 2) == [("package.large", 0.03), ("package", 0.009)]
