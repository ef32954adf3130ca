"""What may run in GitHub Actions, with which rights, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.settings import ENVIRONMENTS
from tests.supply_chain.workflows import ACTIONS, DEPENDABOT, WORKFLOWS, File

ALL = {**WORKFLOWS, **ACTIONS}
# A release is a tag, which can be moved; a commit cannot.
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OWN = re.compile(r"uses: \$/\.github/([\w./-]+)")
ENVIRONMENT_NAMES = [environment.name for environment in ENVIRONMENTS]
DEPLOYING = "workflows/deploy-environment.yml"

each_file = pytest.mark.parametrize("file", ALL.values(), ids=list(ALL))
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))


def jobs() -> Iterator[tuple[str, File, dict[str, Any]]]:
    """Every job, by a name that tells where it is."""
    for workflow in WORKFLOWS.values():
        for name, job in workflow.jobs.items():
            yield f"{workflow.name}: {name}", workflow, job


def called(job: dict[str, Any]) -> bool:
    """Whether a job is a whole workflow of its own."""
    return "uses" in job


def role_taken(job: dict[str, Any]) -> str | None:
    """The role that a job's own steps take in AWS."""
    roles = [
        step["with"]["role-to-assume"]
        for step in job.get("steps", [])
        if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@")
    ]
    return roles[0] if roles else None


@each_file
def test_whatever_is_used_is_a_commit_with_its_release_beside_it(file: File) -> None:
    used = [line for line in file.text.splitlines() if re.search(r"\buses:", line)]
    for line in used:
        own = OWN.search(line)
        assert PINNED.search(line) or own, f"{file.name}: {line.strip()}"
        if own:
            assert own[1] in ALL or f"{own[1]}/action.yml" in ALL


def test_an_action_has_one_release_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for file in ALL.values():
        for action, pin in re.findall(r"uses: ([\w.-]+/[\w.-]+)@(.*)", file.text):
            pins.setdefault(action, set()).add(pin)
    assert pins
    assert {action: found for action, found in pins.items() if len(found) != 1} == {}


@each_workflow
def test_a_workflow_begins_with_no_right_at_all(workflow: File) -> None:
    assert workflow.content["permissions"] == {}


def test_a_job_may_read_the_sources_and_where_it_takes_a_role_ask_for_a_token() -> None:
    for name, _, job in jobs():
        needed = {"contents": "read"}
        if role_taken(job) or (called(job) and job["uses"].endswith(DEPLOYING)):
            needed["id-token"] = "write"
        assert job["permissions"] == needed, name


@each_workflow
def test_nothing_runs_with_rights_upon_what_anybody_can_send(workflow: File) -> None:
    meant = {"pull_request", "push", "workflow_call", "workflow_dispatch"}
    assert set(workflow.triggers) <= meant


def test_a_fork_is_never_run_with_a_role() -> None:
    for name, workflow, job in jobs():
        if "pull_request" in workflow.triggers and "id-token" in job["permissions"]:
            own = "github.event.pull_request.head.repo.full_name == github.repository"
            assert job["if"] == own, name


@each_file
def test_no_key_is_kept_at_github(file: File) -> None:
    assert not re.search(r"secrets\.|AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY", file.text)
    assert not re.search(r"\bAKIA[0-9A-Z]{16}\b", file.text)


@each_file
def test_no_expression_is_put_into_a_script(file: File) -> None:
    scripts = [step["run"] for step in file.steps() if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


@each_file
def test_a_checkout_leaves_no_token_behind(file: File) -> None:
    for step in file.steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_job_ends_and_runs_on_a_release_of_ubuntu() -> None:
    for name, _, job in jobs():
        if not called(job):
            assert 0 < job["timeout-minutes"] <= 120, name
            assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"]), name


def test_terraform_is_one_exact_version() -> None:
    (action,) = ACTIONS.values()
    (version,) = re.findall(r"terraform_version: (.*)", action.text)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_a_pull_request_is_planned_in_every_environment_by_its_plan_role() -> None:
    workflow = WORKFLOWS["workflows/plan.yml"]
    assert list(workflow.triggers) == ["pull_request"]
    (job,) = workflow.jobs.values()
    planned = [entry["environment"] for entry in job["strategy"]["matrix"]["include"]]
    assert planned == ENVIRONMENT_NAMES
    # Its protection rules are what a plan waits for; the plan role trusts no other subject.
    assert job["environment"] == "${{ matrix.environment }}-plan"
    assert str(role_taken(job)).endswith(":role/deployment/plan-${{ matrix.environment }}")
    scripts = "\n".join(step.get("run", "") for step in job["steps"])
    assert "trading plan" in scripts
    assert "trading deploy" not in scripts


def test_no_plan_leaves_the_machine_that_made_it() -> None:
    for file in ALL.values():
        assert "upload-artifact" not in file.text
        assert "actions/cache" not in file.text


def test_a_merge_is_deployed_to_one_environment_after_the_other() -> None:
    workflow = WORKFLOWS["workflows/deploy.yml"]
    assert workflow.triggers["push"] == {"branches": ["main"]}
    assert set(workflow.triggers) == {"push", "workflow_dispatch"}
    assert list(workflow.jobs) == ENVIRONMENT_NAMES
    for name, job in workflow.jobs.items():
        assert job["uses"] == f"$/.github/{DEPLOYING}"
        assert job["with"]["environment"] == name
        assert job["with"]["account"] == f"${{{{ vars.AWS_ACCOUNT_{name.upper()} }}}}"
        assert job["with"]["state-bucket"] == f"${{{{ vars.STATE_BUCKET_{name.upper()} }}}}"
    waits = [job.get("needs") for job in workflow.jobs.values()]
    assert waits == [None, *ENVIRONMENT_NAMES[:-1]]


def test_a_deploy_waits_for_its_environment_and_is_never_cut_off_by_the_next() -> None:
    workflow = WORKFLOWS[DEPLOYING]
    assert list(workflow.triggers) == ["workflow_call"]
    (job,) = workflow.jobs.values()
    assert job["environment"] == "${{ inputs.environment }}"
    group = {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False}
    assert job["concurrency"] == group
    assert WORKFLOWS["workflows/deploy.yml"].content["concurrency"]["cancel-in-progress"] is False
    assert str(role_taken(job)).endswith(":role/deployment/deploy-${{ inputs.environment }}")
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert 'trading deploy --plan --yes --confirm "$TF_WORKSPACE"' in "\n".join(scripts)


def test_updates_wait_until_others_have_had_them() -> None:
    updates = DEPENDABOT.content["updates"]
    assert {entry["package-ecosystem"] for entry in updates} == {"github-actions", "uv"}
    for entry in updates:
        assert entry["cooldown"]["default-days"] >= 7
