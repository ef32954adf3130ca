"""What an operator sees: refusals in one line, confirmations, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from rich.text import Text
from typer.testing import CliRunner

from stacks.paths import PROJECT_ROOT
from trading import interaction
from trading.cli import main
from trading.engine import engine
from trading.engine.engine import Engine
from trading.engine.graph import Graph
from trading.errors import OperatorError
from trading.targets import AwsTarget
from trading.verbs import synth

if TYPE_CHECKING:
    from typer.testing import Result

    from .conftest import Project


@pytest.fixture(autouse=True)
def _small_platform(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / workspace / "cdktf.out")

    monkeypatch.setattr(engine, "synthesize", synthesized)
    monkeypatch.setattr(synth, "synthesize", synthesized)
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    """The one line of a refusal."""
    result = trading(*arguments)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.mark.parametrize("name", ["default", "production", "dev_x", "DEV", ""])
def test_an_unknown_environment_is_refused(project: Project, name: str) -> None:
    assert "dev, staging, prod" in refused("deploy", "--env", name, "--yes")
    assert not project.calls()


def test_no_environment_is_refused() -> None:
    assert "no environment chosen" in refused("destroy", "--yes")


def test_the_environment_may_come_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_WORKSPACE", "dev")
    assert trading("stacks").exit_code == 0


def test_an_unknown_stack_is_refused_with_what_there_is() -> None:
    line = refused("deploy", "data-us-east-9", "--env", "dev")
    assert line.startswith("there is no stack 'data-us-east-9': choose from api-us-east-1, ")


def test_a_missing_upstream_is_named_before_terraform_starts(project: Project) -> None:
    project.deploy_state("security-us-east-1")
    line = refused("deploy", "data-us-east-1", "--env", "dev", "--yes")
    assert "network-us-east-1 is not deployed; add --with-dependencies, or run" in line
    assert not project.calls("apply")


def test_an_upstream_whose_apply_failed_is_not_deployed(project: Project) -> None:
    project.behave("network-us-east-1", fail="no more addresses")
    project.deploy_state("security-us-east-1", "network-us-east-1")
    state = project.work / "state" / "network-us-east-1" / "dev" / "terraform.tfstate"
    state.write_text("{}")
    assert "network-us-east-1 is not deployed" in refused(
        "deploy", "data-us-east-1", "--env", "dev"
    )


def test_deployed_upstream_is_enough(project: Project) -> None:
    project.deploy_state("security-us-east-1", "network-us-east-1")
    result = trading("deploy", "data-us-east-1", "--env", "dev", "--yes")
    assert result.exit_code == 0, result.output
    assert "1 stack done: +2 ~0 -0 resources" in result.output
    assert {call["stack"] for call in project.calls("apply")} == {"data-us-east-1"}


def test_an_api_needs_the_foundation_of_its_region(project: Project) -> None:
    foundation = project.work / "state" / "foundation-us-west-2" / "foundation"
    (foundation / "terraform.tfstate").unlink()
    line = refused("deploy", "--env", "dev", "--yes")
    assert line == "foundation-us-west-2 is not deployed: run `trading foundation deploy` first"


def test_a_destroy_that_would_strand_is_refused_naming_whom(project: Project) -> None:
    project.deploy_state("security-us-east-1", "network-us-east-1", "data-us-east-1")
    line = refused("destroy", "network-us-east-1", "--env", "dev", "--yes")
    assert line.startswith("data-us-east-1 would be stranded")
    assert not project.calls("apply")


def test_dependants_that_are_not_deployed_are_not_stranded(project: Project) -> None:
    project.deploy_state("security-us-east-1", "network-us-east-1")
    result = trading("destroy", "network-us-east-1", "--env", "dev", "--confirm", "dev")
    assert result.exit_code == 0, result.output


def test_nothing_to_destroy_says_so(project: Project) -> None:
    result = trading("destroy", "--env", "dev")
    assert result.exit_code == 0
    assert "nothing to destroy" in result.output
    assert not project.calls("apply")


def test_without_a_terminal_nothing_is_done_unasked(project: Project) -> None:
    assert refused("deploy", "--env", "dev") == "there is no terminal to ask on: add --yes"
    project.deploy_state("global-zone")
    line = refused("destroy", "--env", "dev")
    assert line == "there is no terminal to ask on: add --confirm dev"
    assert not project.calls("apply")


@pytest.mark.parametrize("typed", ["y", "n", ""])
def test_somebody_is_asked_and_told_what_may_be_answered(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    asked = []

    def answer(prompt: str) -> str:
        asked.append(Text.from_markup(prompt).plain)
        return typed

    monkeypatch.setattr(interaction.console, "input", answer)
    monkeypatch.setattr(interaction, "require_answer", lambda *_, **__: None)
    monkeypatch.setattr(interaction, "_world", lambda _: "")
    dev = Engine("dev", AwsTarget(), 1)
    with nullcontext() if typed == "y" else pytest.raises(OperatorError, match="nothing was done"):
        interaction.confirm("deploy dev", dev, interaction.Asking(), by_name=False)
    assert asked == ["Deploy dev? [y/N] "]


def test_where_data_matters_a_destroy_needs_the_name(project: Project) -> None:
    (project.work / "dev").rename(project.work / "prod")
    project.deploy_state("global-zone", workspace="prod")
    assert "add --confirm prod" in refused("destroy", "--env", "prod", "--yes")
    assert "nothing was done" in refused("destroy", "--env", "prod", "--confirm", "dev")
    assert not project.calls("apply")
    assert trading("destroy", "--env", "prod", "--confirm", "prod").exit_code == 0


def test_where_data_matters_a_deploy_needs_the_name(project: Project) -> None:
    (project.work / "dev").rename(project.work / "prod")
    deploy = ("deploy", "global-zone", "--env", "prod")
    assert "add --confirm prod" in refused(*deploy, "--yes")
    assert "nothing was done" in refused(*deploy, "--confirm", "dev")
    assert not project.calls("apply")
    assert trading(*deploy, "--confirm", "prod").exit_code == 0


@pytest.mark.parametrize("text", ["", "aws\n", "?", "\x00"])
def test_a_target_that_cannot_be_read_refuses_nothing(project: Project, text: str) -> None:
    deploy = ("deploy", "security-us-east-1", "--env", "dev", "--yes")
    assert trading(*deploy).exit_code == 0
    record = project.work / "dev" / "target"
    record.write_text(text)
    assert trading(*deploy).exit_code == 0
    assert record.read_text() == "aws"


def test_the_foundation_of_another_target_does_not_count(project: Project) -> None:
    (project.work / "foundation").mkdir(exist_ok=True)
    (project.work / "foundation" / "target").write_text("local")
    line = refused("deploy", "--env", "dev", "--yes")
    assert line.startswith("foundation is deployed on the target local")
    assert not project.calls("apply")


def test_no_credentials_for_the_state_bucket_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    line = refused("destroy", "--env", "dev", "--yes")
    assert line.startswith("AWS: ")
    assert "credentials" in line


@pytest.mark.parametrize(
    "mistake", ["AWS_ENDPOINT_URL=http://127.0.0.1:1", "TRADING_STATE_REGION=us_1"]
)
def test_a_region_that_does_not_answer_is_not_blamed_on_the_credentials(
    monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    for setting in (
        mistake,
        "AWS_MAX_ATTEMPTS=1",
        "AWS_ACCESS_KEY_ID=a",
        "AWS_SECRET_ACCESS_KEY=b",
    ):
        monkeypatch.setenv(*setting.split("="))
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    line = refused("unlock", "--env", "dev")
    assert line.endswith("check the network, and the name of the region (TRADING_STATE_REGION)")


def test_a_work_folder_that_cannot_be_made_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TRADING_WORK_DIR", "/proc/nope")
    assert "/proc/nope" in refused("stacks", "--env", "dev")


def test_a_failure_is_summed_up_with_its_log(project: Project) -> None:
    project.behave("security-us-east-1", fail="AccessDenied: not you")
    result = trading("deploy", "security-us-east-1", "network-us-east-1", "--env", "dev", "--yes")
    assert result.exit_code == 1
    summary = result.stdout[result.stdout.index("┏") :]
    assert "creating Fake: AccessDenied: not you" in summary
    assert "security-us-east-1 failed" in summary
    assert "security-us-east-1.log" in summary
    assert "1 failed, 1 skipped" in summary
    assert "Traceback" not in result.output


def test_a_repeated_deploy_says_that_nothing_changed() -> None:
    trading("deploy", "global-zone", "--env", "dev", "--yes")
    result = trading("deploy", "global-zone", "--env", "dev", "--yes")
    assert "1 stack done: nothing changed" in result.output


def test_state_of_another_target_is_not_touched(project: Project) -> None:
    trading("deploy", "global-zone", "--env", "dev", "--yes")
    (project.work / "dev" / "target").write_text("local")
    assert "use --target local" in refused("deploy", "global-zone", "--env", "dev", "--yes")


def test_the_foundation_outlives_every_environment(project: Project) -> None:
    project.deploy_state("api-us-east-1", workspace="dev-pr42")
    line = refused("foundation", "destroy", "--yes")
    assert line.startswith("dev-pr42 is deployed and logs through the foundation")


@pytest.mark.parametrize(("version", "lock"), [("1.4.7", ""), ("1.9.8", "bucket")])
def test_an_old_terraform_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str, lock: str
) -> None:
    monkeypatch.setenv("FAKE_VERSION", version)
    if lock:
        monkeypatch.setenv("TRADING_STATE_BUCKET", lock)
        monkeypatch.setattr(engine, "stacks_with_state", lambda *_: set())
    line = refused("deploy", "global-zone", "--env", "dev", "--yes")
    assert line.endswith(version)
    assert ("1.10 or later" if lock else "1.5 or later") in line


def test_a_missing_terraform_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_TERRAFORM", "no-such-terraform")
    line = refused("deploy", "global-zone", "--env", "dev", "--yes")
    assert line.startswith("'no-such-terraform' is not found: install Terraform")


def test_stacks_as_json() -> None:
    listed = json.loads(trading("stacks", "--env", "dev", "--json").stdout)
    assert len(listed) == 10
    assert {
        "name": "security-us-west-2",
        "layer": "security",
        "region": "us-west-2",
        "needs": [],
    } in (listed)


def test_outputs_as_json_are_whole(project: Project) -> None:
    for name in ("data-us-east-1", "security-us-east-1"):
        configuration = project.stacks[name].directory / "cdk.tf.json"
        content = json.loads(configuration.read_text())
        content["output"] |= (
            {"writer_endpoint": {}} if name.startswith("data") else {"kms_key_arn": {}}
        )
        configuration.write_text(json.dumps(content))
    project.deploy_state("data-us-east-1", "security-us-east-1")
    published = json.loads(trading("outputs", "--env", "dev", "--json").stdout)
    assert list(published) == ["us-east-1"]
    assert published["us-east-1"]["writer_endpoint"] == "writer_endpoint of data-us-east-1"
    assert published["us-east-1"]["kms_key_arn"] == "kms_key_arn of security-us-east-1"
    assert published["us-east-1"]["api_invoke_url"] is None


def test_outputs_of_nothing_are_refused() -> None:
    assert (
        refused("outputs", "--env", "dev")
        == "nothing is deployed in dev: run `trading deploy --env dev`"
    )


def test_the_command_says_one_line_and_no_traceback(tmp_path: object) -> None:
    """The real process and the real synth."""
    result = subprocess.run(
        [sys.executable, "-m", "trading.cli", "synth", "--env", "default"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TRADING_WORK_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: no environment chosen: set TF_WORKSPACE to dev")
    assert len(result.stderr.splitlines()) == 1
