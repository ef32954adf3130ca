"""The real Terraform, on stacks that need no AWS: workspaces, states, outputs, failures."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from stacks.base import AWS_PROVIDER_VERSION
from trading.engine.engine import Engine
from trading.engine.events import ResourceFinished, StackPlanned, State
from trading.engine.executable import provider_address
from trading.engine.graph import Selection
from trading.engine.plugins import PROVIDER_LOCK, this_platform
from trading.engine.terraform import Output, read_message, require_version
from trading.errors import OperatorError
from trading.state.states import StateName, list_states
from trading.targets import AwsTarget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trading.engine.events import Event, StackFinished

    from .conftest import Project

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="Terraform is not installed")


@pytest.fixture
def engine(project: Project, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Two stacks of Terraform's built-in resource, one reading the other's state."""
    monkeypatch.delenv("TRADING_TERRAFORM")
    engine = Engine("dev", AwsTarget(), parallelism=2)
    engine.__dict__["graph"] = project.graph
    write(engine, "security-us-east-1", {"count": 3, "input": "${terraform.workspace}"})
    write(
        engine,
        "network-us-east-1",
        {"count": 1, "input": "${data.terraform_remote_state.security.outputs.environment}"},
        reads="security-us-east-1",
    )
    return engine


def write(engine: Engine, stack: str, data: Mapping[str, Any], reads: str | None = None) -> None:
    configuration: dict[str, Any] = {
        "terraform": {"backend": {"local": backend(stack)}},
        "resource": {"terraform_data": {"thing": data}},
        "output": {
            "environment": {"value": "${terraform.workspace}"},
            "id": {"value": "${terraform_data.thing[*].output}"},
        },
    }
    if reads:
        remote = {
            "backend": "local",
            "workspace": "${terraform.workspace}",
            "config": backend(reads),
        }
        configuration["data"] = {"terraform_remote_state": {"security": remote}}
    rewrite(engine, stack, configuration)


def rewrite(engine: Engine, stack: str, configuration: dict[str, Any]) -> None:
    """Replace what Terraform reads; the graph was read before."""
    path = engine.graph.stacks[stack].directory / "cdk.tf.json"
    path.write_text(json.dumps(configuration))


def backend(stack: str) -> dict[str, str]:
    folder = f"../../../../state/{stack}"
    return {"path": f"{folder}/terraform.tfstate", "workspace_dir": folder}


def run(engine: Engine, verb: str, *names: str) -> tuple[list[StackFinished], list[Event]]:
    events: list[Event] = []
    selected = engine.graph.select(Selection(names=names))
    order = getattr(engine, f"{verb}_order")(selected)
    return engine.run(order, events.append), events


def test_deploys_into_a_workspace_that_it_creates(engine: Engine) -> None:
    [security, network], events = run(engine, "deploy", "security-us-east-1", "network-us-east-1")
    assert (security.state, network.state) == (State.DONE, State.DONE)
    assert security.changes.add == 3
    assert StackPlanned("security-us-east-1", operations=3) in events
    finished = [event for event in events if isinstance(event, ResourceFinished) and event.planned]
    assert len([event for event in finished if event.stack == "security-us-east-1"]) == 3
    assert list_states({}) == {
        StateName("dev", "security-us-east-1"),
        StateName("dev", "network-us-east-1"),
    }
    read = engine.terraform.outputs(engine.graph.stacks["network-us-east-1"].directory)
    assert read == {"environment": Output("dev", False), "id": Output(["dev"], False)}


def test_a_stack_that_was_never_applied_has_no_outputs(engine: Engine) -> None:
    assert engine.terraform.outputs(engine.graph.stacks["security-us-east-1"].directory) == {}
    assert not engine.is_deployed(engine.graph.stacks["security-us-east-1"])


def test_destroys_and_removes_the_workspace(engine: Engine) -> None:
    run(engine, "deploy", "security-us-east-1")
    assert engine.is_deployed(engine.graph.stacks["security-us-east-1"])
    [security], _ = run(engine, "destroy", "security-us-east-1")
    assert (security.state, security.changes.remove) == (State.DONE, 3)
    assert list_states({}) == set()


def test_two_workspaces_of_a_stack_do_not_meet(engine: Engine) -> None:
    run(engine, "deploy", "security-us-east-1")
    other = Engine("dev-pr42", AwsTarget(), parallelism=2)
    other.__dict__["graph"] = engine.graph
    [security], _ = run(other, "deploy", "security-us-east-1")
    assert security.changes.add == 3
    [security], _ = run(other, "destroy", "security-us-east-1")
    assert security.changes.remove == 3
    assert engine.is_deployed(engine.graph.stacks["security-us-east-1"])


def test_a_failure_gives_terraforms_own_error_and_place(engine: Engine) -> None:
    write(engine, "security-us-east-1", {"count": 1, "input": '${file("missing.txt")}'})
    [security], _ = run(engine, "deploy", "security-us-east-1")
    assert security.state is State.FAILED
    assert "Invalid function argument" in security.reason
    assert "\n" not in security.reason
    assert security.log is not None
    assert "cdk.tf.json:" in security.log.read_text()


def test_a_failed_init_is_a_failed_stack(engine: Engine) -> None:
    rewrite(engine, "security-us-east-1", {"terraform": {"backend": {"nowhere": {}}}})
    [security], _ = run(engine, "deploy", "security-us-east-1")
    assert (security.state, security.reason) == (State.FAILED, "terraform init failed")
    assert security.log is not None
    assert "nowhere" in security.log.read_text()


def test_the_version_is_compared_by_number(engine: Engine) -> None:
    version = require_version((1, 5))
    assert version.split(".")[0].isdecimal()
    with pytest.raises(OperatorError, match=r"Terraform 99\.1 or later is needed"):
        require_version((99, 1))


def test_lines_that_are_no_messages_are_told_apart() -> None:
    assert read_message('{"type": "version", "@message": "Terraform"}') is not None
    assert read_message("panic: runtime error") is None
    assert read_message('"type"') is None
    assert read_message('{"kind": "other"}') is None


def needs_the_provider(engine: Engine, stack: str) -> None:
    """A stack that asks for the provider as all of ours do."""
    required = {"aws": {"source": "hashicorp/aws", "version": AWS_PROVIDER_VERSION}}
    settings = {"backend": {"local": backend(stack)}, "required_providers": required}
    rewrite(engine, stack, {"terraform": settings})


def test_the_machines_own_package_is_in_the_lock(engine: Engine) -> None:
    if "TF_CLI_CONFIG_FILE" not in engine.environment:
        pytest.skip("this machine has no mirror of the provider")
    needs_the_provider(engine, "security-us-east-1")
    directory = engine.graph.stacks["security-us-east-1"].directory
    assert engine.terraform.initialise(directory, print) == 0
    # Terraform found nothing to add: the package is one of those that are listed.
    written = (directory / ".terraform.lock.hcl").read_text()
    assert re.findall(r'".*"', written) == re.findall(r'".*"', PROVIDER_LOCK.read_text())


def test_another_package_of_the_provider_is_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mirror" / provider_address() / "5.100.0" / this_platform()
    package.mkdir(parents=True)
    (package / "terraform-provider-aws_v5.100.0_x5").write_text("tampered with")
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path / "mirror"))
    needs_the_provider(engine, "security-us-east-1")
    [security], _ = run(engine, "deploy", "security-us-east-1")
    assert security.state is State.FAILED
    assert security.log is not None
    assert "doesn't match any" in security.log.read_text()


def test_what_init_made_and_is_gone_is_made_again(engine: Engine) -> None:
    if "TF_CLI_CONFIG_FILE" not in engine.environment:
        pytest.skip("this machine has no mirror of the provider")
    needs_the_provider(engine, "security-us-east-1")
    directory = engine.graph.stacks["security-us-east-1"].directory
    said: list[str] = []

    def initialised() -> bool:
        said.clear()
        assert engine.terraform.initialise(directory, said.append) == 0
        return bool(said)

    assert initialised()
    assert not initialised()
    (directory / ".terraform" / "terraform.tfstate").unlink()
    assert initialised()
    [package] = (directory / ".terraform" / "providers").glob("*/*/*/*/*")
    package.unlink()
    package.symlink_to(directory / "moved")
    assert initialised()
    assert not initialised()
