"""Runs with a stand-in for Terraform: side by side, in order, failing, interrupted."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from trading.engine.engine import Engine
from trading.engine.events import Interrupted, ResourceFinished, StackFinished, StackPlanned, State
from trading.engine.graph import Selection
from trading.engine.journal import Journal
from trading.targets import AwsTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from trading.engine.events import Event

    from .conftest import Project


@pytest.fixture
def engine(project: Project) -> Engine:
    engine = Engine("dev", AwsTarget(), parallelism=4)
    engine.__dict__["graph"] = project.graph
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")
    return engine


def deploy(engine: Engine, *names: str, events: list[Event] | None = None) -> list[StackFinished]:
    order = engine.deploy_order(engine.graph.select(Selection(names=names)))
    return engine.run(order, (events if events is not None else []).append)


def test_deploys_all_in_order_and_tells_what_changed(project: Project, engine: Engine) -> None:
    results = deploy(engine)
    assert {result.state for result in results} == {State.DONE}
    assert sum(result.changes.add for result in results) == 20
    for name, stack in project.stacks.items():
        for needed in stack.dependencies:
            assert project.span(needed)[1] <= project.span(name)[0]


def test_a_second_deploy_changes_nothing_and_initialises_nothing(
    project: Project, engine: Engine
) -> None:
    deploy(engine)
    initialised = len(project.calls("init"))
    results = deploy(engine)
    assert sum(result.changes.total for result in results) == 0
    assert len(project.calls("init")) == initialised


def test_another_backend_is_initialised_again(project: Project, engine: Engine) -> None:
    deploy(engine, "global-zone")
    configuration = project.stacks["global-zone"].directory / "cdk.tf.json"
    configuration.write_text(configuration.read_text().replace('"local"', '"s3"'))
    deploy(engine, "global-zone")
    assert len([call for call in project.calls("init") if call["moment"] == "start"]) == 2


def test_every_call_names_its_workspace_and_asks_nothing(project: Project, engine: Engine) -> None:
    deploy(engine, "global-zone")
    assert {call["workspace"] for call in project.calls("apply")} == {"dev"}
    assert {call["workspace"] for call in project.calls("init")} == {"default"}
    for call in [*project.calls("apply"), *project.calls("init")]:
        assert "-input=false" in call["arguments"]


def test_independent_stacks_run_side_by_side(project: Project, engine: Engine) -> None:
    names = ("security-us-east-1", "security-us-west-2", "global-zone")
    for name in names:
        project.behave(name, seconds=1)
    deploy(engine, *names)
    assert max(project.span(name)[0] for name in names) < min(
        project.span(name)[1] for name in names
    )


def test_no_more_stacks_at_once_than_asked(project: Project, engine: Engine) -> None:
    engine.parallelism = 1
    names = ("security-us-east-1", "security-us-west-2", "global-zone")
    deploy(engine, *names)
    spans = sorted(project.span(name) for name in names)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_a_failure_stops_only_what_depends_on_it(project: Project, engine: Engine) -> None:
    project.behave("network-us-east-1", fail="no more addresses")
    results = {result.stack: result for result in deploy(engine)}
    failed = results["network-us-east-1"]
    assert failed.state is State.FAILED
    assert failed.reason == "creating Fake: no more addresses"
    skipped = {name for name, result in results.items() if result.state is State.SKIPPED}
    assert skipped == {"data-us-east-1", "api-us-east-1", "global-dns"}
    assert results["global-dns"].reason == "network-us-east-1 failed"
    assert results["api-us-west-2"].state is State.DONE
    assert not [call for call in project.calls("apply") if call["stack"] in skipped]


def test_the_whole_output_is_on_disk(project: Project, engine: Engine) -> None:
    project.behave("global-zone", fail="no more zones")
    [result] = deploy(engine, "global-zone")
    assert result.log is not None
    log = result.log.read_text()
    assert result.log.name == "global-zone.log"
    assert result.log.parent.parent == project.work / "dev" / "logs"
    assert result.log.parent.name.endswith("-deploy")
    for part in ("Initializing the backend...", "Plan to create", "no more zones"):
        assert part in log


def test_progress_is_told_as_it_happens(project: Project, engine: Engine) -> None:
    project.behave("global-zone", resources=3)
    events: list[Event] = []
    deploy(engine, "global-zone", events=events)
    assert StackPlanned("global-zone", operations=3) in events
    assert len([event for event in events if isinstance(event, ResourceFinished)]) == 3
    assert isinstance(events[-1], StackFinished)


def test_destroy_goes_in_reverse_and_leaves_no_state(project: Project, engine: Engine) -> None:
    deploy(engine)
    project.calls_file.unlink()
    results = engine.run(engine.destroy_order(engine.all_stacks()), lambda event: None)
    assert sum(result.changes.remove for result in results) == 20
    for name, stack in project.stacks.items():
        for needed in stack.dependencies:
            assert project.span(name)[1] <= project.span(needed)[0]
    assert not list((project.work / "state").glob("*/dev"))
    assert engine.destroy_order(engine.all_stacks()).steps == []


def press_ctrl_c(project: Project, times: int) -> threading.Thread:
    """Interrupt this process once Terraform applies, and again once Terraform has ignored it."""

    def press() -> None:
        wait_for(lambda: bool(project.calls("apply")))
        os.kill(os.getpid(), signal.SIGINT)
        if times > 1:
            wait_for(lambda: any(call["moment"] == "ignored" for call in project.calls("apply")))
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_lets_terraform_stop_cleanly(project: Project, engine: Engine) -> None:
    project.behave("security-us-east-1", seconds=600)
    engine.parallelism = 1
    events: list[Event] = []
    before = signal.getsignal(signal.SIGINT)
    pressing = press_ctrl_c(project, times=1)
    results = deploy(engine, "security-us-east-1", "network-us-east-1", events=events)
    pressing.join()
    states = {result.stack: (result.state, result.reason) for result in results}
    assert states["security-us-east-1"] == (State.FAILED, "interrupted")
    assert states["network-us-east-1"] == (State.SKIPPED, "interrupted")
    assert Interrupted(("security-us-east-1",), forced=False) in events
    # Terraform itself ended the call: it was not killed.
    assert [call["moment"] for call in project.calls("apply")] == ["start", "end"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_kills(project: Project, engine: Engine) -> None:
    project.behave("global-zone", seconds=600, stubborn=True)
    events: list[Event] = []
    pressing = press_ctrl_c(project, times=2)
    began = time.monotonic()
    [result] = deploy(engine, "global-zone", events=events)
    pressing.join()
    assert time.monotonic() - began < 500
    assert result.state is State.FAILED
    assert Interrupted(("global-zone",), forced=True) in events
    pid = project.calls("apply")[0]["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_cannot_be_recorded_is_deployed_all_the_same(project: Project, engine: Engine) -> None:
    (project.work / "state/global-zone/dev/deployment.json").mkdir(parents=True)
    [result] = deploy(engine, "global-zone")
    assert result.state is State.DONE
    assert result.reason.startswith("deployed, but it could not be recorded: ")


@pytest.mark.parametrize("error", [BrokenPipeError, SystemExit])
def test_the_run_goes_on_without_its_display(engine: Engine, error: type[BaseException]) -> None:
    """As with `trading deploy | head -1`."""
    told: list[Event] = []

    def broken(event: Event) -> None:
        told.append(event)
        raise error

    order = engine.deploy_order(engine.all_stacks())
    assert {result.state for result in engine.run(order, broken)} == {State.DONE}
    assert len(told) == 1


def test_a_run_that_cannot_go_on_ends_what_it_started(
    project: Project, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And still tells of it."""
    project.behave("security-us-east-1", seconds=600)
    record = Journal.__call__
    recorded: list[StackFinished] = []

    def full_disk(self: Journal, event: Event) -> None:
        record(self, event)
        if isinstance(event, StackFinished):
            recorded.append(event)
        if isinstance(event, ResourceFinished) and event.stack == "global-zone":
            wait_for(lambda: "security-us-east-1" in str(project.calls("apply")))
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Journal, "__call__", full_disk)
    events: list[Event] = []
    with pytest.raises(OSError, match="no space left"):
        deploy(engine, "security-us-east-1", "global-zone", events=events)
    assert any(isinstance(event, Interrupted) and not event.forced for event in events)
    assert {event.stack for event in recorded} == {"security-us-east-1", "global-zone"}
    moments = [call["moment"] for call in project.calls("apply") if "security" in call["stack"]]
    assert moments == ["start", "end"]
