"""Folders are initialised while nothing is planned, each once, and never after the run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from trading.engine.events import StackFinished, StackPlanned, StackStarted, State
from trading.engine.graph import Selection
from trading.engine.plugins import terraform_environment
from trading.engine.preparation import Preparation
from trading.engine.terraform import Terraform
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Project

WAIT_SECONDS = 10


class Recorder(Terraform):
    """Notes what is initialised; `broken` raises, as when the run was interrupted."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.initialised: list[str] = []

    def initialise(self, directory: Path, on_line: Callable[[str], None]) -> int:
        self.initialised.append(directory.name)
        if directory.name == self.broken:
            raise OperatorError("interrupted")
        time.sleep(0.01)
        return 0

    def wait_for(self, count: int) -> list[str]:
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.initialised) < count and time.monotonic() < deadline:
            time.sleep(0.001)
        return self.initialised


def started(stack: str) -> StackStarted:
    return StackStarted(stack, Path("log"), Path("transcript"))


FOLDERS = [Path(name) for name in ("network", "data", "api")]


def test_nothing_is_prepared_while_a_stack_is_planned() -> None:
    terraform = Recorder()
    with Preparation(terraform, FOLDERS) as preparation:
        preparation(started("security"))
        preparation(started("zone"))
        preparation(StackPlanned("zone", 1))
        time.sleep(0.05)
        assert terraform.initialised == []
        preparation(StackPlanned("security", 1))
        assert terraform.wait_for(3) == ["network", "data", "api"]


def test_a_stack_that_ended_plans_no_more() -> None:
    terraform = Recorder()
    with Preparation(terraform, FOLDERS) as preparation:
        preparation(started("security"))
        preparation(StackFinished("security", State.FAILED))
        assert terraform.wait_for(3) == ["network", "data", "api"]


def test_a_run_that_ends_first_leaves_the_rest() -> None:
    terraform = Recorder()
    with Preparation(terraform, FOLDERS * 100) as preparation:
        preparation(StackFinished("security", State.DONE))
        terraform.wait_for(1)
    count = len(terraform.initialised)
    assert count < len(FOLDERS) * 100
    time.sleep(0.05)
    assert len(terraform.initialised) == count


def test_an_interrupted_run_prepares_no_more() -> None:
    terraform = Recorder(broken="data")
    with Preparation(terraform, FOLDERS) as preparation:
        preparation(StackFinished("security", State.FAILED))
        terraform.wait_for(2)
        time.sleep(0.05)
    assert terraform.initialised == ["network", "data"]


def test_threads_that_want_one_folder_initialise_it_once(project: Project) -> None:
    (stack,) = project.graph.select(Selection(["security-us-east-1"]))
    terraform = Terraform(terraform_environment(), "dev")
    with ThreadPoolExecutor(4) as pool:
        codes = list(
            pool.map(lambda _: terraform.initialise(stack.directory, lambda _: None), range(4))
        )
    assert codes == [0] * 4
    assert len([call for call in project.calls("init") if call["moment"] == "start"]) == 1
