"""What a resumed run keeps and brings back: as the operator said then, of what is still there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trading.archive.choice import Restoring
from trading.display import Showing
from trading.engine.engine import Engine
from trading.engine.graph import Graph
from trading.engine.journal import Journal, RecordedStep, read_run
from trading.engine.order import FRESH, Order, Step, Verb
from trading.interaction import Asking
from trading.targets import AwsTarget
from trading.verbs import deploy, resume

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project

DATA, SECURITY = "data-us-east-1", "security-us-east-1"
LATER, EARLIER = "20261122T111500Z", "20261122T101500Z"


@pytest.fixture
def graph(project: Project) -> Graph:
    return Graph.read(project.work / "dev" / "cdktf.out")


@pytest.fixture
def engine(project: Project) -> Engine:
    return Engine("prod", AwsTarget(), parallelism=1)


def order(graph: Graph, verb: Verb, *names: str, **more: Any) -> Order:
    steps = [Step(graph.stacks[name], verb, **more) for name in names]
    return Order(verb, steps, {name: set() for name in names})


def recorded(folder: Path, begun: Order) -> list[RecordedStep]:
    with Journal(folder, "run") as journal:
        journal.begin(begun, "aws", frozenset())
    run = read_run(folder / "run.jsonl")
    assert run
    return run.left


def test_what_was_to_be_lost_is_lost(engine: Engine, graph: Graph, tmp_path: Path) -> None:
    begun = order(graph, Verb.DESTROY, DATA, SECURITY)
    keeping = resume._kept(engine, begun, recorded(tmp_path, begun))
    assert keeping.lose == {DATA, SECURITY}


def test_what_is_destroyed_already_is_not_to_be_lost(
    engine: Engine, graph: Graph, tmp_path: Path
) -> None:
    begun = order(graph, Verb.DESTROY, DATA, SECURITY)
    left = order(graph, Verb.DESTROY, SECURITY)
    assert resume._kept(engine, left, recorded(tmp_path, begun)).lose == {SECURITY}


def test_nothing_is_lost_that_nobody_was_asked_about(
    engine: Engine, graph: Graph, tmp_path: Path
) -> None:
    """By a journal of before anything was kept."""
    begun = order(graph, Verb.DESTROY, DATA, SECURITY)
    recorded(tmp_path, begun)
    journal = tmp_path / "run.jsonl"
    first = json.loads(journal.read_text())
    for step in first["steps"]:
        del step["keep"], step["asked"]
    journal.write_text(json.dumps(first))
    run = read_run(journal)
    assert run
    assert not resume._kept(engine, begun, run.left).lose


@pytest.mark.parametrize("asked", ["", FRESH, EARLIER])
def test_only_what_was_typed_is_asked_for_again(
    engine: Engine, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Another generation may be the newest by then."""

    def chooses_later(_: Engine, begun: Order, restoring: Restoring) -> Order:
        restore = restoring.wanted.get(DATA, LATER)
        return order(graph, begun.verb, DATA, restore=restore)

    monkeypatch.setattr(deploy, "with_restores", chooses_later)
    restoring = Restoring({DATA: asked} if asked else {})
    begun = deploy._with_restores(engine, order(graph, Verb.DEPLOY, DATA), restoring)
    again = resume._restored(recorded(tmp_path, begun))
    assert again == Restoring(restoring.wanted, insistent=False)


def test_what_killed_runs_left_is_taken_over_before_it_is_decided(
    engine: Engine, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a cluster that was just being restored would be taken for an empty one, or for none."""
    done: list[str] = []

    def decides(_: Engine, begun: Order, __: Restoring) -> Order:
        done.append("decided")
        return begun

    monkeypatch.setattr(deploy, "take_over_shown", lambda *_: done.append("taken over"))
    monkeypatch.setattr(deploy, "with_restores", decides)
    monkeypatch.setattr(deploy, "run_shown", lambda *_: [])
    monkeypatch.setattr(deploy, "fresh_plans", lambda *_: {})
    monkeypatch.setattr(deploy, "forget_plans", lambda *_: None)
    asking = Asking(yes=True, name="prod")
    begun = order(graph, Verb.DEPLOY, DATA)
    deploy.preview(engine, begun, Restoring(), asking, Showing(quiet=True))
    assert done == ["taken over", "decided"]
