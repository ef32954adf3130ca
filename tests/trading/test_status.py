"""What `trading status` knows without asking AWS, and what it says."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from trading.cli import main
from trading.engine import engine
from trading.engine.events import StackStarted
from trading.engine.graph import Graph
from trading.engine.journal import Journal
from trading.engine.order import Order, Step, Verb
from trading.state.deployments import read_deployments
from trading.state.holder import operator
from trading.state.run_lock import run_lock

if TYPE_CHECKING:
    from typer.testing import Result

    from .conftest import Project


@pytest.fixture(autouse=True)
def _small_platform(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / "dev" / "cdktf.out")

    monkeypatch.setattr(engine, "synthesize", synthesized)
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def deploy(*stacks: str) -> Result:
    return trading("deploy", *stacks, "--env", "dev", "--yes")


def status_of(stack: str, *arguments: str) -> dict[str, Any]:
    told = json.loads(trading("status", "--env", "dev", "--json", *arguments).stdout)
    found: dict[str, Any] = told["dev"]["stacks"][stack]
    return found


def test_the_foundation_is_told_of_too() -> None:
    result = trading("status", "--env", "foundation")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("foundation")


def test_what_is_not_deployed_is_told() -> None:
    result = trading("status", "--env", "dev")
    assert result.exit_code == 0, result.output
    assert "us-west-2" in result.stdout
    assert status_of("security-us-east-1") == {
        "layer": "security",
        "region": "us-east-1",
        "condition": "not deployed",
        "deployment": None,
        "lock": None,
        "pending": None,
    }


def test_a_deploy_is_recorded_with_what_it_did(project: Project) -> None:
    deploy("security-us-east-1")
    found = status_of("security-us-east-1")
    assert found["condition"] == "deployed"
    assert found["deployment"]["operator"] == operator()
    assert found["deployment"]["changes"] == {"add": 2, "change": 0, "remove": 0}
    assert found["deployment"]["commit"]
    shown = trading("status", "--env", "dev").stdout
    assert found["deployment"]["commit"][:7] in shown
    assert " s ago" in shown
    calls = {call["arguments"][0] for call in project.calls()} - {"version"}
    assert calls == {"init", "apply"}, "the matrix needs no Terraform"


def test_a_state_without_a_finished_deploy_is_partly_deployed(project: Project) -> None:
    project.deploy_state("network-us-east-1")
    assert status_of("network-us-east-1")["condition"] == "partly deployed"
    assert "partly deployed" in trading("status", "--env", "dev").stdout


def test_a_failed_run_is_remembered_until_it_is_repeated(project: Project) -> None:
    deploy("security-us-east-1")
    project.behave("security-us-east-1", fail="no permission")
    assert deploy("security-us-east-1").exit_code == 1
    found = status_of("security-us-east-1")
    assert found["condition"] == "last run failed"
    assert found["deployment"]["commit"]
    project.behave("security-us-east-1")
    deploy("security-us-east-1")
    assert status_of("security-us-east-1")["condition"] == "deployed"


def test_a_run_that_was_cut_off_is_told_from_one_that_goes_on(project: Project) -> None:
    project.deploy_state("security-us-east-1")
    journal = Journal(project.work / "dev" / "journal", "20250131T120000000000Z-deploy")
    stack = project.stacks["security-us-east-1"]
    with run_lock("dev", "deploy", os.environ), journal:
        order = Order(Verb.DEPLOY, [Step(stack, Verb.DEPLOY)], {stack.name: set()})
        journal.begin(order, "aws", frozenset())
        journal(StackStarted(stack.name, project.work, project.work))
        assert status_of(stack.name)["condition"] == "in progress"
    assert status_of(stack.name)["condition"] == "run cut off"


def test_a_destroyed_stack_is_not_deployed(project: Project) -> None:
    deploy("security-us-east-1")
    result = trading("destroy", "security-us-east-1", "--env", "dev", "--confirm", "dev")
    assert result.exit_code == 0, result.output
    assert status_of("security-us-east-1")["condition"] == "not deployed"
    assert read_deployments("dev", os.environ) == {}


def test_a_run_is_shown() -> None:
    with run_lock("dev", "destroy", os.environ):
        shown = trading("status", "--env", "dev").stdout
    assert f"a run holds dev: destroy by {operator()} since " in shown
    assert "a run holds" not in trading("status", "--env", "dev").stdout


def test_drained_and_absent_regions_are_marked(project: Project) -> None:
    path = project.stacks["global-dns"].directory / "cdk.tf.json"
    configuration = json.loads(path.read_text())
    configuration["output"] |= {"drained_regions": {}, "absent_regions": {}}
    path.write_text(json.dumps(configuration))
    project.deploy_state("global-dns")
    routing = {"drained_regions": ["us-west-2"], "absent_regions": []}
    project.behave("global-dns", values=routing)
    told = json.loads(trading("status", "--env", "dev", "--json").stdout)["dev"]
    assert told["drained_regions"] == ["us-west-2"]
    assert told["absent_regions"] == []
    assert "drained" in trading("status", "--env", "dev").stdout
    project.behave("global-dns", values={"drained_regions": [], "absent_regions": ["us-east-1"]})
    shown = trading("status", "--env", "dev").stdout
    assert "absent from DNS" in shown
    assert "drained" not in shown


def test_pending_changes_are_looked_for_when_asked(project: Project) -> None:
    deploy("security-us-east-1", "network-us-east-1", "security-us-west-2")
    result = trading("status", "--env", "dev", "--pending", "--json")
    assert result.exit_code == 0, result.output
    project.behave("security-us-east-1", changes={"fake_resource.r0": "update"})
    result = trading("status", "--env", "dev", "--pending", "--json")
    assert result.exit_code == 2, result.output
    stacks = json.loads(result.stdout)["dev"]["stacks"]
    assert stacks["security-us-east-1"]["pending"]["change"] == 1
    assert stacks["security-us-west-2"]["pending"]["change"] == 0
    assert stacks["data-us-east-1"]["pending"] is None
    for call in project.calls("plan"):
        assert "-lock=false" in call["arguments"]
    assert not list((project.work / "dev" / "plans").glob("*"))


def test_a_plan_that_fails_is_told(project: Project) -> None:
    deploy("security-us-east-1")
    project.behave("security-us-east-1", fail_plan="no permission")
    result = trading("status", "--env", "dev", "--pending")
    assert result.exit_code == 1
    assert "security-us-east-1 could not be planned: " in result.stdout
    assert result.stderr.endswith("error: security-us-east-1 could not be planned\n")


def test_all_environments_that_have_a_state(project: Project) -> None:
    project.deploy_state("security-us-east-1", workspace="dev-pr42")
    project.deploy_state("security-us-east-1", workspace="staging")
    project.deploy_state("security-us-east-1", workspace="unknown")
    told = json.loads(trading("status", "--all", "--json").stdout)
    assert list(told) == ["dev-pr42", "staging"]


def test_a_stack_that_is_configured_no_more_is_named(project: Project) -> None:
    project.deploy_state("data-eu-west-1")
    shown = trading("status", "--env", "dev").stdout
    assert "deployed, and configured no more: data-eu-west-1" in shown
