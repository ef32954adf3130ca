"""Measure the trade API's function against one written the usual way, in turns, on one database server.

The product is its real ZIP; the baseline is `benchmarks/baseline_lambda`, with the libraries of that ZIP.
Both run as Lambda runs them: a process for each execution environment, which answers one request at a time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.lambda_environment import BASELINE, PRODUCT, Function, Platform
from benchmarks.lambda_figures import (
    Goal,
    Latency,
    import_goal,
    largest_imports,
    overhead_goal,
    throughput_goal,
)
from benchmarks.lambda_requests import GET, LIST, POST
from stacks.paths import work_directory
from trading.local.local_target import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.lambda_environment import ExecutionEnvironment

ENDPOINTS = (POST, GET, LIST)
WORKERS = (1, 8, 32)
HOT_WORKERS = 8
# A block of one function's requests, before the other's turn.
_BLOCK = 100
_LARGEST = 10

_console = Console(width=120)


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    cold_starts: int
    blocks: int
    pairs: int
    seconds: float


@dataclass(frozen=True)
class Throughput:
    """What some execution environments did together; processor times are seconds for each request."""

    per_second: float
    processor: float
    database_processor: float
    latency: Latency


Functions = dict[str, Function]


def measure_cold(functions: Functions, effort: Effort) -> Goal:
    """Import in a fresh process, with and without bytecode; and the first answer after it."""
    compiled = {name: function.with_bytecode() for name, function in functions.items()}
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(effort.cold_starts + 1):
        for name, function in functions.items():
            environment = function.start()
            first, _ = environment.ask("requests", endpoint=POST, count=1)["times"][0]
            with_bytecode = compiled[name].start()
            if number > 0:  # The first start finds files that no memory holds yet.
                seconds[name, "wall"].append(environment.imported["wall"])
                seconds[name, "processor"].append(environment.imported["processor"])
                seconds[name, "compiled"].append(with_bytecode.imported["wall"])
                seconds[name, "compiled processor"].append(with_bytecode.imported["processor"])
                seconds[name, "answer"].append(environment.imported["wall"] + first)
            environment.close()
            with_bytecode.close()
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    rows = {
        "import": ("wall", "processor"),
        "import, with bytecode": ("compiled", "compiled processor"),
        "import and first answer": ("answer",),
    }
    table = _table(f"Cold, median of {effort.cold_starts}: wall / processor time", *functions)
    for title, keys in rows.items():
        cells = (
            " / ".join(f"{medians[name, key] * 1000:.0f}" for key in keys) + " ms"
            for name in functions
        )
        table.add_row(title, *cells)
    _console.print(table)
    return import_goal(medians[PRODUCT, "wall"])


def show_imports(function: Function) -> None:
    """The product's largest imports."""
    reports = [function.start("-X", "importtime").close() for _ in range(3)]
    table = _table("Largest imports of the product, without bytecode (-X importtime)", "alone")
    for module, seconds in largest_imports(reports, _LARGEST):
        table.add_row(module, f"{seconds * 1000:.1f} ms")
    _console.print(table)


def measure_warm(functions: Functions, effort: Effort) -> Goal:
    """One execution environment each, in turns, one endpoint after the other."""
    times: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with ExitStack() as stack:
        environments = {name: _started(function, stack) for name, function in functions.items()}
        for _ in range(effort.blocks):
            for endpoint in ENDPOINTS:
                for name, environment in environments.items():
                    answer = environment.ask("requests", endpoint=endpoint, count=_BLOCK)
                    times[name, endpoint] += answer["times"]
    latencies = {key: Latency.of(measured) for key, measured in times.items()}
    title = f"Warm, {effort.blocks * _BLOCK:,} requests each: p50 / p99"
    table = _table(title, "", "total", "the database's", "added to it")
    for endpoint in ENDPOINTS:
        for name in functions:
            one = latencies[name, endpoint]
            table.add_row(endpoint, name, str(one.total), str(one.database), str(one.added))
    _console.print(table)
    return overhead_goal(latencies[PRODUCT, endpoint] for endpoint in ENDPOINTS)


def measure_throughput(place: Platform, functions: Functions, effort: Effort) -> Goal:
    """Several execution environments at once, over many positions, and apart from that over one."""
    table = _table(
        f"Throughput, median of {effort.pairs} times {effort.seconds:g} s",
        *("", "requests/s", "product: times", "processor + database's", "latency"),
    )
    ratios: list[float] = []
    with ExitStack() as stack:
        fleets = {
            name: [_started(function, stack) for _ in range(max(WORKERS))]
            for name, function in functions.items()
        }
        ratios += [
            _compare(place, table, fleets, workers, effort, hot=False) for workers in WORKERS
        ]
        _compare(place, table, fleets, HOT_WORKERS, effort, hot=True)
    _console.print(table)
    return throughput_goal(ratios)


def _compare(
    place: Platform,
    table: Table,
    fleets: Mapping[str, list[ExecutionEnvironment]],
    workers: int,
    effort: Effort,
    *,
    hot: bool,
) -> float:
    runs: dict[str, list[Throughput]] = defaultdict(list)
    for _ in range(effort.pairs):
        for name, fleet in fleets.items():
            runs[name].append(_load(place, fleet[:workers], effort.seconds, hot=hot))
    medians = {
        name: statistics.median(run.per_second for run in measured)
        for name, measured in runs.items()
    }
    what = f"{workers} workers, one position" if hot else f"{workers} workers"
    for name, measured in runs.items():
        middle = sorted(measured, key=lambda run: run.per_second)[len(measured) // 2]
        table.add_row(
            what,
            name,
            f"{medians[name]:,.0f}",
            "" if name == PRODUCT else f"{medians[PRODUCT] / medians[name]:.1f}",
            f"{middle.processor * 1000:.2f} + {middle.database_processor * 1000:.2f} ms",
            str(middle.latency.total),
        )
    return medians[PRODUCT] / medians[BASELINE]


def _load(
    place: Platform, fleet: list[ExecutionEnvironment], seconds: float, *, hot: bool
) -> Throughput:
    at = time.monotonic() + 0.2
    before = place.database_processor_seconds()
    for environment in fleet:
        environment.tell("load", at=at, seconds=seconds, hot=hot)
    answers = [environment.answer() for environment in fleet]
    database = place.database_processor_seconds() - before
    times = [times for answer in answers for times in answer["times"]]
    return Throughput(
        per_second=sum(len(answer["times"]) / answer["elapsed"] for answer in answers),
        processor=sum(answer["processor"] for answer in answers) / len(times),
        database_processor=database / len(times),
        latency=Latency.of(times),
    )


def _started(function: Function, stack: ExitStack) -> ExecutionEnvironment:
    """An execution environment that has answered each endpoint before."""
    environment = function.start()
    stack.callback(environment.close)
    for endpoint in ENDPOINTS:
        environment.ask("requests", endpoint=endpoint, count=5)
    return environment


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _show_goals(goals: list[Goal]) -> None:
    table = _table("Goals", "measured", "reached")
    for goal in goals:
        table.add_row(goal.what, goal.measured, "yes" if goal.reached else "no")
    _console.print(table)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lambda_service", description=__doc__
    )
    parser.add_argument("--cold-starts", type=int, default=11)
    parser.add_argument("--blocks", type=int, default=10, help=f"of {_BLOCK} requests, each warm")
    parser.add_argument("--pairs", type=int, default=3, help="of loads, one of each function")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a load lasts")
    parser.add_argument("--interpreter", default=sys.executable, help="what runs the functions")
    options = vars(parser.parse_args())
    interpreter = options.pop("interpreter")
    effort = Effort(**options)
    # All data in a folder of its own, but not once more what a local AWS is installed from.
    os.environ.setdefault("TRADING_LOCAL_VENV", str(work_directory() / "local" / "venv"))
    with tempfile.TemporaryDirectory(prefix="bench-lambda-") as name:
        folder = Path(name)
        local = LocalTarget(folder / "local")
        local.up(lambda _: None)
        try:
            _measure(Platform(folder / "functions", local, interpreter), effort)
        finally:
            local.forget()


def _measure(place: Platform, effort: Effort) -> None:
    functions = place.functions()
    version = subprocess.check_output([functions[PRODUCT].interpreter, "--version"], text=True)
    load = os.getloadavg()[0]
    _console.print(f"{version.strip()}, {os.cpu_count()} cores, load before: {load:.1f}")
    # The tuned baseline differs from the other when it connects, not when it is imported.
    imported = {name: functions[name] for name in (PRODUCT, BASELINE)}
    goals = [measure_cold(imported, effort)]
    show_imports(functions[PRODUCT])
    goals.append(measure_warm(functions, effort))
    goals.append(measure_throughput(place, functions, effort))
    for name, function in imported.items():
        differing = place.differing_positions(function)
        _console.print(f"{name}: positions that are not the sum of their trades: {differing}")
    _show_goals(goals)


if __name__ == "__main__":
    main()
