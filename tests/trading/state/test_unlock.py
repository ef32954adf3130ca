"""`trading unlock`: what is shown, what is refused, and that the right lock goes."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.trading.conftest import Project, write_synthesized
from tests.trading.state.conftest import Bucket, RunLock
from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.state import holder
from trading.state.holder import Holder

STACK = "data-us-east-1"
LOCK_KEY = f"trading/dev/{STACK}.tfstate.tflock"
RUN_KEY = "trading/dev/run.lock"


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--env", "dev"])


def note(who: str = f"{getpass.getuser()}@{socket.gethostname()}") -> str:
    info = {"ID": "4711-11", "Operation": "OperationTypeApply", "Who": who, "Version": "1.11.4"}
    return json.dumps(info | {"Created": datetime.now(UTC).isoformat(), "Path": "a", "Info": ""})


@pytest.fixture(autouse=True)
def _small_platform(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / workspace / "cdktf.out")

    monkeypatch.setattr(engine, "synthesize", synthesized)


@pytest.fixture
def locked(project: Project, bucket: Bucket) -> Bucket:
    """A bucket that holds the lock of a Terraform of this machine."""
    path = project.stacks[STACK].directory / "cdk.tf.json"
    configuration = json.loads(path.read_text())
    # Else a Terraform of this machine's other checkouts could be taken for the holder.
    configuration["terraform"]["backend"] = {"s3": {"bucket": bucket.settings.name}}
    path.write_text(json.dumps(configuration))
    bucket.put(LOCK_KEY, note())
    return bucket


@pytest.fixture
def start_terraform(project: Project) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Have a process named `terraform` work in a folder."""
    processes: list[subprocess.Popen[str]] = []

    def start(directory: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [os.environ["TRADING_TERRAFORM"], "apply"],
            cwd=directory,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout
        process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("any_state")
def test_what_is_not_locked_is_free(project: Project) -> None:
    assert trading("unlock").stdout == "nothing is locked\n"
    result = trading("unlock", STACK)
    assert (result.exit_code, result.stdout) == (
        0,
        f"nothing is locked: {STACK} of dev is free\n",
    )
    assert not project.calls("force-unlock")


def test_a_dead_holders_lock_is_shown_and_removed(project: Project, locked: Bucket) -> None:
    result = trading("unlock", STACK, "--yes")
    assert result.exit_code == 0, result.output
    assert f"{STACK} is locked by {getpass.getuser()}@" in result.stdout
    assert "terraform apply (Terraform 1.11.4, id 4711-11)" in result.stdout
    assert "no such Terraform runs on this machine" in result.stdout
    assert "lost to the state" in result.stdout
    [call, _] = project.calls("force-unlock")
    assert call["arguments"] == ["force-unlock", "-force", "-no-color", "4711-11"]
    assert (call["stack"], call["workspace"]) == (STACK, "dev")
    assert result.stdout.endswith("is unlocked: go on with `trading resume --env dev`\n")


def test_without_an_answer_it_stays_locked(project: Project, locked: Bucket) -> None:
    result = trading("unlock", STACK)
    assert result.exit_code == 1
    assert "there is no terminal to ask on: add --yes" in result.stderr
    assert not project.calls("force-unlock")


def test_a_living_holder_keeps_its_lock(
    project: Project,
    locked: Bucket,
    start_terraform: Callable[[Path], subprocess.Popen[str]],
) -> None:
    project.behave(STACK, seconds=60)
    holder = start_terraform(project.stacks[STACK].directory)
    result = trading("unlock", STACK, "--yes")
    assert result.exit_code == 1
    assert f"its holder lives (process {holder.pid}, terraform)" in result.stderr
    assert not project.calls("force-unlock")


def test_another_machines_holder_cannot_be_asked(project: Project, locked: Bucket) -> None:
    locked.put(LOCK_KEY, note("alice@far"))
    result = trading("unlock", STACK, "--yes")
    assert "Its holder runs on far, which cannot be asked from here" in result.stdout
    assert "with alice@far" in result.stdout
    assert project.calls("force-unlock")


def test_a_terraform_that_fails_is_told(project: Project, locked: Bucket) -> None:
    project.behave(STACK, fail_unlock="the id does not match")
    result = trading("unlock", STACK, "--yes")
    assert result.exit_code == 1
    assert f"{STACK} could not be unlocked: the id does not match" in result.stderr


def test_an_unknown_stack_is_refused() -> None:
    result = trading("unlock", "data-us-east-9")
    assert result.exit_code == 1
    assert "there is no stack 'data-us-east-9'" in result.stderr


def test_the_note_beside_a_free_state_file_is_removed(project: Project) -> None:
    project.deploy_state(STACK)
    path = project.work / "state" / STACK / "dev" / ".terraform.tfstate.lock.info"
    path.write_text(note())
    assert trading("unlock").stdout == "nothing is locked\n"
    result = trading("unlock", STACK)
    assert result.stdout.startswith("removed the note of a killed Terraform")
    assert not path.exists()


def test_while_a_run_goes_on_no_state_is_unlocked(
    project: Project, locked: Bucket, start_run: RunLock
) -> None:
    run = start_run()
    assert run.stdout
    run.stdout.readline()
    result = trading("unlock", STACK, "--yes")
    assert f"another run works on dev: deploy by {getpass.getuser()}@" in result.stderr
    assert not project.calls("force-unlock")
    listed = trading("unlock")
    assert listed.exit_code == 0, listed.output
    assert f"process {run.pid} in " in listed.stdout
    assert STACK in listed.stdout


def test_a_run_of_a_lost_machine_is_freed_when_asked_to(bucket: Bucket) -> None:
    lost = replace(Holder.this_process("deploy"), machine="far/0", operator="alice@far")
    bucket.put(RUN_KEY, lost.written())
    listed = trading("unlock", "--yes")
    assert listed.exit_code == 0, listed.output
    assert "`trading unlock --run --env dev` frees the environment" in listed.stdout
    refused = trading("unlock", "--run")
    assert refused.exit_code == 1
    assert "make sure with alice@far that it has ended" in refused.stdout
    assert "add --yes" in refused.stderr
    assert RUN_KEY in bucket.objects()
    assert trading("unlock", "--run", "--yes").stdout.endswith("dev is free\n")
    assert RUN_KEY not in bucket.objects()
    assert trading("unlock", "--run", "--yes").stdout == "no run holds dev\n"


@pytest.mark.usefixtures("any_state")
def test_a_living_run_is_not_freed(start_run: RunLock) -> None:
    run = start_run()
    assert run.stdout
    run.stdout.readline()
    refused = trading("unlock", "--run", "--yes")
    assert refused.exit_code == 1
    assert "dev stays held: that run lives" in refused.stderr


def test_a_run_in_a_container_lives_while_it_locks_this_checkouts_file(
    bucket: Bucket, start_run: RunLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run()
    assert run.stdout
    run.stdout.readline()
    monkeypatch.setattr(holder, "this_machine", lambda: "another container")
    assert trading("unlock").exit_code == 0
    assert "that run lives" in trading("unlock", "--run", "--yes").stderr
    assert RUN_KEY in bucket.objects()


def test_a_stack_and_the_run_are_freed_one_by_one() -> None:
    assert "name a stack, or add --run" in trading("unlock", STACK, "--run").stderr


@pytest.mark.usefixtures("any_state")
def test_the_foundations_locks_are_freed_too(project: Project) -> None:
    folder = project.work / "foundation" / "cdktf.out"
    write_synthesized(folder, {"foundation-us-east-1": ("foundation", "us-east-1", [])})
    result = CliRunner().invoke(main, ["unlock", "foundation-us-east-1", "--env", "foundation"])
    assert (result.exit_code, result.stdout) == (
        0,
        "nothing is locked: foundation-us-east-1 of foundation is free\n",
    ), result.output
    listed = CliRunner().invoke(main, ["unlock", "--env", "foundation"])
    assert (listed.exit_code, listed.stdout) == (0, "nothing is locked\n")


def test_a_dead_run_of_this_machine_is_freed_only_when_asked_to(bucket: Bucket) -> None:
    me = Holder.this_process("deploy")
    bucket.put(RUN_KEY, replace(me, process_started=me.process_started - 60).written())
    listed = trading("unlock")
    assert listed.exit_code == 0
    assert "That run is dead: the next one on this machine takes its lock over" in listed.stdout
    assert RUN_KEY in bucket.objects()
    assert trading("unlock", "--yes").exit_code == 0
    assert RUN_KEY in bucket.objects()
    assert trading("unlock", "--run", "--yes").exit_code == 0
    assert RUN_KEY not in bucket.objects()


def test_locks_as_json(locked: Bucket) -> None:
    locked.put(RUN_KEY, replace(Holder.this_process("deploy"), machine="far/0").written())
    told = json.loads(trading("unlock", "--json").stdout)
    assert told["run"]["verb"] == "deploy"
    assert told["stacks"][STACK]["id"] == "4711-11"
    assert told["stacks"][STACK]["operation"] == "terraform apply"
    assert RUN_KEY in locked.objects()
