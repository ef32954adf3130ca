"""Ask tests of ours about other evidence: `python -m tests.scan.ask_tests`, in one process for all of it.

It reads which tests to run for each folder that TESTS_SYNTHESIZED is to name, and tells which of them failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stacks.paths import PROJECT_ROOT

QUIETLY = ("--quiet", "--no-header", "--no-summary", "-p", "no:cacheprovider")


@dataclass
class Verdicts:
    """Whether each test passed in all its phases."""

    passed: dict[str, bool] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for each phase of each test."""
        self.passed[report.nodeid] = report.passed and self.passed.get(report.nodeid, True)


def ask(
    asked: Mapping[Path, Sequence[str]], tree: Path = PROJECT_ROOT
) -> dict[str, dict[str, bool]]:
    """Whether each of the tests of a tree passed, by the name of the folder that it was asked about."""
    # What pytest tells its own processes is not for this one.
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    result = subprocess.run(
        [sys.executable, "-m", "tests.scan.ask_tests"],
        cwd=tree,
        env=environment,
        input=json.dumps({str(folder): tests for folder, tests in asked.items()}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, dict[str, bool]] = json.loads(result.stdout)
    return {Path(folder).name: passed for folder, passed in told.items()}


def main() -> None:
    """Answer on standard output, which pytest itself must leave alone."""
    asked: dict[str, list[str]] = json.load(sys.stdin)
    answer, sys.stdout = sys.stdout, sys.stderr
    told = {}
    for folder, tests in asked.items():
        os.environ["TESTS_SYNTHESIZED"] = folder
        verdicts = Verdicts()
        pytest.main([*QUIETLY, *tests], plugins=[verdicts])
        told[folder] = verdicts.passed
    json.dump(told, answer)


if __name__ == "__main__":
    main()
