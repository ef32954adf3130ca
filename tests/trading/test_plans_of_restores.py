"""What is restored is planned like anything else: nothing is done, and what reads from it waits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from trading.cli import main
from trading.verbs import plan

if TYPE_CHECKING:
    from trading.archive.choice import Restoring
    from trading.engine.engine import Engine
    from trading.engine.order import Order

    from .conftest import Project

DATA, API = "data-us-east-1", "api-us-east-1"
SHARED = ("security-us-east-1", "network-us-east-1", "global-zone")


def _restored(_: Engine, order: Order, __: Restoring) -> Order:
    """Every data stack comes back from a generation."""
    steps = [
        replace(step, restore="20250131T120000Z") if step.stack.layer == "data" else step
        for step in order.steps
    ]
    return replace(order, steps=steps)


@pytest.fixture
def planned(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `trading plan` says of a database without changes that is to be restored."""
    monkeypatch.setattr("trading.engine.engine.synthesize", lambda _: project.graph)
    monkeypatch.setattr(plan, "with_restores", _restored)
    project.deploy_state(*SHARED, DATA)
    project.behave(DATA, changes={})
    result = CliRunner().invoke(main, ["plan", DATA, API, "--env", "dev"])
    assert result.exit_code == 2, result.output
    return result.output


def test_nothing_is_applied(project: Project, planned: str) -> None:
    assert project.calls("plan")
    assert project.calls("apply") == []


def test_what_reads_from_it_waits(project: Project, planned: str) -> None:
    assert f"{DATA} has pending changes" in planned
    assert {call["stack"] for call in project.calls("plan")} == {DATA}
