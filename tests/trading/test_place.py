"""A shell that looks for state elsewhere than it is sees nothing, and is not let loose on that."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import NoCredentialsError
from rich.console import Console
from typer.testing import CliRunner

from trading import aws, interaction
from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.errors import OperatorError
from trading.targets import AwsTarget

if TYPE_CHECKING:
    from tests.trading.conftest import Project


@pytest.fixture(autouse=True)
def _synthesized(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--env", "dev"])
    assert result.exit_code == 1, result.output
    return result.stderr.strip()


def deploy() -> None:
    arguments = ["deploy", "global-zone", "--env", "dev", "--yes"]
    assert CliRunner().invoke(main, arguments).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["deploy", "global-zone", "--yes"],
        ["destroy", "--confirm", "dev"],
        ["drain", "us-west-2", "--yes"],
        ["resume", "--yes"],
        ["orphans", "--remove", "--confirm", "dev"],
        ["unlock"],
    ],
)
def test_a_shell_that_forgot_the_bucket_is_told_what_to_set(
    project: Project, arguments: list[str]
) -> None:
    (project.work / "dev" / "state-of-aws").write_text("s3://company-state\n")
    line = refused(*arguments)
    assert "the state of dev is in s3://company-state" in line
    assert "set TRADING_STATE_BUCKET=company-state, or remove" in line
    assert not project.calls("apply")


def test_state_in_files_is_not_left_for_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy()
    deploy()
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    assert "unset TRADING_STATE_BUCKET" in refused("deploy", "global-zone", "--yes")


def test_files_that_hold_no_state_any_more_are_left(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    (project.work / "state" / "global-zone" / "dev" / "terraform.tfstate").unlink()
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    assert engine.Engine("dev", AwsTarget(), 1).environment


def test_another_target_has_its_state_elsewhere(project: Project) -> None:
    (project.work / "dev" / "state-of-local").write_text("s3://company-state")
    deploy()


def test_a_record_that_was_cut_off_tells_nothing(project: Project) -> None:
    (project.work / "dev" / "state-of-aws").write_text("")
    deploy()
    assert (project.work / "dev" / "state-of-aws").read_text() == "files of this checkout"


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("known", [True, False])
def test_who_is_asked_sees_which_world_it_is(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    class Tokens:
        def get_caller_identity(self) -> dict[str, str]:
            if not known:
                raise NoCredentialsError
            return {"Account": "123456789012"}

    monkeypatch.setattr(aws, "client", lambda *_: Tokens())
    monkeypatch.setattr(sys, "stdin", Terminal("prod\n"))
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    monkeypatch.setattr(interaction, "console", console)
    dev = engine.Engine("dev", AwsTarget(), 1)
    with pytest.raises(OperatorError, match="nothing was done"):
        interaction.confirm("deploy dev", dev, interaction.Asking(), by_name=True)
    world, question = shown.getvalue().splitlines()
    account = "123456789012" if known else "unknown"
    assert world == f"target aws (account {account}), state in files of this checkout"
    assert question.startswith("Type dev to deploy dev")
