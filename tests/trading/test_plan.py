"""Plans: what is planned when, what is saved, what is applied of it, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph

if TYPE_CHECKING:
    from typer.testing import Result

    from .conftest import Project

EAST = ("security-us-east-1", "network-us-east-1", "data-us-east-1")


@pytest.fixture(autouse=True)
def _small_platform(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / workspace / "cdktf.out")

    monkeypatch.setattr(engine, "synthesize", synthesized)
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")


def trading(*arguments: str, environment: str = "dev") -> Result:
    return CliRunner().invoke(main, [*arguments, "--env", environment])


def applied(project: Project) -> list[str]:
    return [call["stack"] for call in project.calls("apply") if call["moment"] == "start"]


def row(result: Result, stack: str) -> list[str]:
    [line] = [line for line in result.stdout.splitlines() if line.startswith(f"│ {stack} ")]
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_a_first_plan_says_what_waits_for_what(project: Project) -> None:
    result = trading("plan")
    assert result.exit_code == 2, result.output
    assert row(result, "security-us-east-1") == ["2", "0", "0", "0", ""]
    waiting = row(result, "network-us-east-1")
    assert waiting == ["", "", "", "", "security-us-east-1 has pending changes"]
    assert row(result, "global-dns")[-1] == "global-zone has pending changes"
    assert {call["stack"] for call in project.calls("plan")} == {
        "security-us-east-1",
        "security-us-west-2",
        "global-zone",
    }
    assert "+6 ~0 -0 resources; 7 more to plan after that" in result.stdout


def test_no_changes_exit_with_0(project: Project) -> None:
    project.deploy_state(*EAST)
    result = trading("plan", *EAST)
    assert result.exit_code == 0, result.output
    assert "+0 ~0 -0 resources" in result.stdout
    assert row(result, "data-us-east-1")[-1] == "up to date"


def test_changes_that_reach_no_output_keep_nobody_waiting(project: Project) -> None:
    project.deploy_state(*EAST)
    project.behave("security-us-east-1", changes={"aws_kms_key.key": "update"})
    project.behave("data-us-east-1", changes={"aws_s3_bucket.objects": "replace"})
    result = trading("plan", *EAST, "--detail")
    assert result.exit_code == 2
    assert row(result, "security-us-east-1") == ["0", "1", "0", "0", ""]
    assert row(result, "data-us-east-1") == ["0", "0", "1", "0", ""]
    assert "data-us-east-1  -/+ aws_s3_bucket.objects" in result.stdout


def test_a_stack_waits_for_outputs_that_will_change(project: Project) -> None:
    project.deploy_state(*EAST)
    project.behave("network-us-east-1", changes={"aws_vpc.vpc": "update"}, outputs=True)
    result = trading("plan", *EAST)
    assert row(result, "data-us-east-1")[-1] == "network-us-east-1 has pending changes"


def test_who_waits_for_one_that_waits_does_so_too(project: Project) -> None:
    project.deploy_state(*project.stacks)
    project.behave("data-us-east-1", changes={"aws_rds_cluster.aurora": "update"}, outputs=True)
    result = trading("plan")
    assert row(result, "api-us-east-1")[-1] == "data-us-east-1 has pending changes"
    assert row(result, "global-dns")[-1] == "api-us-east-1 is not planned itself"
    assert row(result, "api-us-west-2")[-1] == "up to date"


def test_what_is_not_deployed_is_waited_for_too() -> None:
    result = trading("plan", "network-us-east-1")
    assert result.exit_code == 2
    assert row(result, "network-us-east-1")[-1] == "security-us-east-1 is not deployed"


def test_a_failed_plan_exits_with_1_and_the_others_are_shown(project: Project) -> None:
    project.behave("security-us-east-1", fail_plan="AccessDenied")
    result = trading("plan", "security-us-east-1", "security-us-west-2")
    assert result.exit_code == 1
    assert row(result, "security-us-east-1")[-1] == "planning Fake: AccessDenied"
    assert row(result, "security-us-west-2")[0] == "2"
    assert "error: security-us-east-1 could not be planned" in result.stderr


def test_a_saved_plan_is_what_is_applied(project: Project) -> None:
    project.deploy_state(*EAST)
    project.behave("network-us-east-1", changes={"aws_vpc.vpc": "update"})
    assert trading("plan", *EAST).exit_code == 2
    # Whatever else would now be planned is not applied.
    project.behave("security-us-east-1", changes={"aws_kms_key.key": "replace"})
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 0, result.output
    assert applied(project) == ["network-us-east-1"]
    [call] = [call for call in project.calls("apply") if call["moment"] == "start"]
    assert call["arguments"][-1].endswith("plans/network-us-east-1.tfplan")
    assert "1 stack done: +0 ~1 -0 resources" in result.stdout


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"target": "aws"}', '{"target": "aws", "stacks": []}']
)
def test_a_manifest_that_cannot_be_read_is_one_line(project: Project, text: str) -> None:
    trading("plan", "security-us-east-1")
    (project.work / "dev" / "plans" / "plans.json").write_text(text)
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the saved plan cannot be read: run `trading plan")
    assert trading("plan", "security-us-east-1").exit_code == 2


def test_without_a_saved_plan_there_is_nothing_to_apply() -> None:
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 1
    assert result.stderr == "error: there is no saved plan: run `trading plan --env dev` first\n"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("state", "network-us-east-1 (the state of network-us-east-1 has changed)"),
        ("upstream", "network-us-east-1 (the state of security-us-east-1 has changed)"),
        ("configuration", "network-us-east-1 (its configuration has changed)"),
        ("file", "network-us-east-1 (its plan is gone)"),
    ],
)
def test_a_stale_plan_is_refused(project: Project, what: str, told: str) -> None:
    project.deploy_state(*EAST)
    project.behave("network-us-east-1", changes={"aws_vpc.vpc": "update"})
    trading("plan", "network-us-east-1")
    stack = project.stacks["network-us-east-1"]
    match what:
        case "state" | "upstream":
            name = stack.name if what == "state" else "security-us-east-1"
            (project.work / "state" / name / "dev" / "terraform.tfstate").write_text('{"other": 1}')
        case "configuration":
            path = stack.directory / "cdk.tf.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"resource": {}}))
        case "file":
            (project.work / "dev" / "plans" / "network-us-east-1.tfplan").unlink()
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 1
    assert f"the saved plan is stale: {told}; run `trading plan --env dev` again" in result.stderr
    assert applied(project) == []


def in_prod(project: Project) -> None:
    (project.work / "dev").rename(project.work / "prod")
    project.deploy_state(*EAST, workspace="prod")
    directory = project.work / "prod" / "cdktf.out" / "stacks" / "data-us-east-1"
    shown = {
        "resource_changes": [
            {
                "address": "aws_rds_cluster.aurora",
                "change": {"replace_paths": [["engine_mode"], ["storage", 0]]},
            }
        ]
    }
    changes = {"aws_rds_cluster.aurora": "replace", "aws_sns_topic.alarms": "replace"}
    (directory / "fake.json").write_text(json.dumps({"changes": changes, "show": shown}))


def test_where_data_matters_a_database_is_not_replaced_unasked(project: Project) -> None:
    in_prod(project)
    result = trading("deploy", *EAST, "--confirm", "prod", environment="prod")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: data-us-east-1: aws_rds_cluster.aurora would be replaced (forced by engine_mode,"
        " storage.0), and its database lost: if that is meant, add --allow-replace"
        " data-us-east-1:aws_rds_cluster.aurora to `trading deploy`\n"
    )
    assert applied(project) == []


def test_a_named_replacement_is_allowed(project: Project) -> None:
    in_prod(project)
    result = trading(
        *(
            "deploy",
            *EAST,
            "--confirm",
            "prod",
            "--allow-replace",
            f"{EAST[2]}:aws_rds_cluster.aurora",
        ),
        environment="prod",
    )
    assert result.exit_code == 0, result.output
    assert applied(project) == ["data-us-east-1"]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("aws_rds_cluster.aurora", "name the stack too, as STACK:ADDRESS"),
        ("data-us-west-2:aws_rds_cluster.aurora", "and one of this run: data-us-east-1"),
        ("data-us-east-1:aws_rds_cluster.aurra", "no plan replaces or destroys that"),
    ],
)
def test_a_replacement_is_allowed_in_one_stack_and_by_its_very_name(
    project: Project, named: str, told: str
) -> None:
    in_prod(project)
    result = trading(
        *("deploy", *EAST, "--confirm", "prod", "--allow-replace", named), environment="prod"
    )
    assert result.exit_code == 1
    assert told in result.stderr
    assert applied(project) == []


def test_of_one_stack_the_address_alone_is_enough(project: Project) -> None:
    in_prod(project)
    allowed = ("--allow-replace", "aws_rds_cluster.aurora")
    result = trading("deploy", EAST[2], "--confirm", "prod", *allowed, environment="prod")
    assert result.exit_code == 0, result.output


def test_what_is_allowed_in_one_region_is_not_in_another(project: Project) -> None:
    in_prod(project)
    west = tuple(stack.replace("us-east-1", "us-west-2") for stack in EAST)
    project.deploy_state(*west, workspace="prod")
    folder = project.work / "prod" / "cdktf.out" / "stacks"
    shutil.copy(folder / EAST[2] / "fake.json", folder / west[2] / "fake.json")
    allowed = ("--allow-replace", f"{EAST[2]}:aws_rds_cluster.aurora")
    result = trading("deploy", *EAST, *west, "--confirm", "prod", *allowed, environment="prod")
    assert result.exit_code == 1
    assert f"{west[2]}:aws_rds_cluster.aurora to" in result.stderr
    assert applied(project) == []


def test_a_plan_that_failed_is_not_applied_in_part(project: Project) -> None:
    project.behave("security-us-east-1", fail_plan="AccessDenied")
    assert trading("plan", "security-us-east-1", "security-us-west-2").exit_code == 1
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 1
    assert result.stderr == "error: security-us-east-1 could not be planned: plan again\n"
    assert applied(project) == []


def test_what_waited_is_named_when_the_rest_was_applied(project: Project) -> None:
    trading("plan", "security-us-east-1", "network-us-east-1")
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 0, result.output
    assert applied(project) == ["security-us-east-1"]
    assert "not planned yet, as they waited: network-us-east-1" in result.stdout


def test_a_plan_of_nothing_is_not_a_plan_of_everything(project: Project) -> None:
    trading("plan", "network-us-east-1")
    result = trading("deploy", "--plan", "--yes")
    assert result.exit_code == 1
    assert "the saved plan is of no stack" in result.stderr
    assert applied(project) == []


def test_a_saved_plan_is_held_to_the_policy_too(project: Project) -> None:
    in_prod(project)
    assert trading("plan", *EAST, environment="prod").exit_code == 2
    result = trading("deploy", "--plan", "--confirm", "prod", environment="prod")
    assert result.exit_code == 1
    assert "its database lost" in result.stderr
    assert applied(project) == []


def test_what_could_not_be_planned_before_is_held_to_the_policy_when_it_is(
    project: Project,
) -> None:
    in_prod(project)
    upstream = project.work / "prod" / "cdktf.out" / "stacks" / "network-us-east-1" / "fake.json"
    upstream.write_text(json.dumps({"changes": {"aws_vpc.vpc": "update"}, "outputs": True}))
    result = trading("deploy", *EAST, "--confirm", "prod", environment="prod")
    assert result.exit_code == 1
    assert applied(project) == ["network-us-east-1"]
    assert "its database lost" in result.stdout.replace("\n", " ")


def test_where_no_data_matters_nothing_is_refused(project: Project) -> None:
    project.deploy_state(*EAST)
    project.behave("data-us-east-1", changes={"aws_rds_cluster.aurora": "replace"})
    assert trading("deploy", "data-us-east-1", "--yes").exit_code == 0


def test_events_are_json_for_machines(project: Project) -> None:
    result = trading("deploy", "security-us-east-1", "--yes", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == [
        *("order", "stack_started", "terraform_started", "stack_planned"),
        *("resource_started", "resource_finished") * 2,
        *("stack_finished", "summary"),
    ]
    assert events[0]["stacks"] == ["security-us-east-1"]
    [finished] = events[-1]["stacks"]
    assert (finished["state"], finished["changes"]) == (
        "done",
        {"add": 2, "change": 0, "remove": 0},
    )


def test_a_quiet_run_says_only_the_result() -> None:
    result = trading("deploy", "security-us-east-1", "--yes", "--quiet")
    assert result.stdout == "1 stack done: +2 ~0 -0 resources\n"


def test_a_verbose_run_names_every_resource() -> None:
    result = trading("deploy", "security-us-east-1", "--yes", "--verbose")
    assert "fake_resource.r0 done" in result.stdout


def test_plans_are_exported_as_terraforms_json(project: Project, tmp_path: Path) -> None:
    project.behave("security-us-east-1", show={"planned_values": {"root_module": {}}})
    project.behave("security-us-west-2", fail_plan="AccessDenied")
    folder = tmp_path / "exported" / "dev"
    stacks = ("security-us-east-1", "security-us-west-2", "network-us-east-1")
    result = trading("plan", *stacks, "--export", str(folder))
    assert "security-us-west-2 could not be planned" in result.stderr
    # Neither the one that failed, nor the one that waits.
    assert [path.name for path in folder.iterdir()] == ["security-us-east-1.json"]
    exported = json.loads((folder / "security-us-east-1.json").read_text())
    assert exported["planned_values"] == {"root_module": {}}
    [call] = [call for call in project.calls("show") if call["moment"] == "start"]
    assert call["stack"] == "security-us-east-1"
    assert call["arguments"][-1].endswith("plans/security-us-east-1.tfplan")
    # There are secrets in it.
    for path in (folder, folder / "security-us-east-1.json"):
        assert path.stat().st_mode & 0o077 == 0


def test_no_plan_is_exported_unasked(project: Project) -> None:
    assert trading("plan", "security-us-east-1").exit_code == 2
    assert project.calls("show") == []


def test_plans_are_exported_into_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    result = trading("plan", "security-us-east-1", "--export", str(file))
    assert result.exit_code == 1
    assert result.stderr == f"error: {file}: File exists\n"
    assert file.read_text() == "kept"
