"""Outputs for a person, a shell and a machine; of regions, and of single stacks."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from typer.testing import CliRunner

from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.reports.outputs import as_env, as_table

if TYPE_CHECKING:
    from .conftest import Project


@pytest.fixture(autouse=True)
def _deployed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data of both regions, and nothing else."""
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )
    for name in ("data-us-east-1", "data-us-west-2"):
        configuration = project.stacks[name].directory / "cdk.tf.json"
        content = json.loads(configuration.read_text())
        content["output"] |= {"writer_endpoint": {}, "password": {}}
        configuration.write_text(json.dumps(content))
        project.behave(name, sensitive=["password"])
        project.deploy_state(name)


def outputs(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["outputs", "--env", "dev", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["outputs", "--env", "dev", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def test_variables_begin_with_their_region() -> None:
    assert outputs("--format", "env") == (
        "export US_EAST_1_WRITER_ENDPOINT='writer_endpoint of data-us-east-1'\n"
        "export US_WEST_2_WRITER_ENDPOINT='writer_endpoint of data-us-west-2'\n"
    )


def test_of_one_region_asked_for_the_names_are_bare() -> None:
    said = outputs("--format", "env", "--region", "us-west-2")
    assert said == "export WRITER_ENDPOINT='writer_endpoint of data-us-west-2'\n"


def test_json_and_its_short_form_are_the_same(project: Project) -> None:
    assert outputs("--format", "json") == outputs("--json")
    assert list(json.loads(outputs("--json", "--region", "us-east-1"))) == ["us-east-1"]


def test_two_formats_are_refused() -> None:
    assert "--json and --format env are two formats" in refused("--json", "--format", "env")


def test_a_region_without_anything_is_refused(project: Project) -> None:
    (project.work / "state" / "data-us-west-2" / "dev" / "terraform.tfstate").unlink()
    assert "nothing is deployed in dev, us-west-2: run" in refused("--region", "us-west-2")
    assert "there is no region 'eu-west-1'" in refused("--region", "eu-west-1")


def test_a_named_stack_gives_all_that_it_publishes() -> None:
    published = json.loads(outputs("data-us-east-1", "--json"))
    assert published == {
        "data-us-east-1": {
            "environment": "environment of data-us-east-1",
            "id": "id of data-us-east-1",
            "writer_endpoint": "writer_endpoint of data-us-east-1",
            "password": "password of data-us-east-1",
        }
    }
    assert list(json.loads(outputs("--layer", "data", "--json"))) == [
        "data-us-east-1",
        "data-us-west-2",
    ]


def test_only_the_table_hides_what_is_sensitive() -> None:
    table = outputs("data-us-east-1")
    assert "(sensitive)" in table
    assert "password of" not in table
    assert "id of data-us-east-1" in table
    assert "export PASSWORD='password of data-us-east-1'\n" in outputs(
        "data-us-east-1", "--format", "env"
    )
    assert "export DATA_US_WEST_2_PASSWORD=" in outputs("--layer", "data", "--format", "env")


def test_the_table_shows_values_as_they_are() -> None:
    secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!cluster-1"
    console = Console(width=120, file=StringIO())
    console.print(as_table({"us-east-1": {"secret_arn": secret, "subnets": ["[bold]", "b"]}}))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert secret in shown
    assert '["[bold]", "b"]' in shown


def test_a_named_stack_that_is_not_deployed_is_refused() -> None:
    line = refused("data-us-east-1", "global-zone")
    assert "global-zone is not deployed: run `trading deploy global-zone --env dev`" in line


def test_a_shell_gets_every_value_as_it_is() -> None:
    values = {
        "text": 'it\'s $HOME `id` "quoted"; \\ end\nnext',
        "port": 3306,
        "flag": True,
        "subnets": ["a", "b"],
        "nothing": None,
    }
    lines = as_env({"us-east-1": values}, prefixed=False)
    command = f'{lines}\nprintf "%s|" "$TEXT" "$PORT" "$FLAG" "$SUBNETS" "${{NOTHING-unset}}"'
    shell = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert shell.stdout == f'{values["text"]}|3306|true|["a", "b"]|unset|'


def test_what_terraform_logs_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_LOG", "DEBUG")
    assert list(json.loads(outputs("data-us-east-1", "--json"))) == ["data-us-east-1"]
