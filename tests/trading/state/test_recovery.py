"""Whose Terraform's lock a resume may free without asking."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.trading.conftest import Project
from tests.trading.state.test_unlock import STACK, locked
from trading.engine.engine import Engine
from trading.engine.events import TerraformStarted
from trading.engine.journal import Journal, RecordedStep, TerraformProcess, last_run
from trading.engine.order import Order, Step, Verb
from trading.engine.recovery import free_state
from trading.state.holder import this_machine
from trading.targets import AwsTarget

__all__ = ["locked"]

NO_PROCESS = 2**22 + 1


@pytest.mark.parametrize("of_this_machine", [True, False])
@pytest.mark.usefixtures("locked")
def test_a_terraform_that_cannot_be_seen_from_here_keeps_its_lock(
    project: Project, of_this_machine: bool
) -> None:
    engine = Engine("dev", AwsTarget(), 1)
    engine.__dict__["graph"] = project.graph
    machine = this_machine() if of_this_machine else "another container of the same name"
    step = RecordedStep(STACK, terraform=TerraformProcess(NO_PROCESS, 1.0, machine))
    assert (free_state(engine, step) is not None) is of_this_machine
    assert bool(project.calls("force-unlock")) is of_this_machine


def test_a_journal_tells_where_terraform_ran(project: Project, tmp_path: Path) -> None:
    order = Order(Verb.DEPLOY, [Step(project.stacks[STACK], Verb.DEPLOY)], {})
    with Journal(tmp_path / "journal", "1-deploy") as journal:
        journal.begin(order, "aws", frozenset())
        journal(TerraformStarted(STACK, os.getpid()))
    run = last_run(tmp_path / "journal")
    assert run
    terraform = run.steps[STACK].terraform
    assert terraform
    assert terraform.is_of_this_machine
    assert len(terraform.machine.split("/")) == (4 if sys.platform == "linux" else 2)
