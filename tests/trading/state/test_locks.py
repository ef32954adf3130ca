"""Terraform's locks, made by a real Terraform that holds them, and by one that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from stacks.paths import state_directory
from stacks.settings import PROJECT, StateBucket
from tests.trading.state.conftest import Bucket
from trading.engine.plugins import terraform_environment
from trading.engine.terraform import Terraform
from trading.state.holder import describe_since, operator
from trading.state.locks import (
    StateLock,
    living_process,
    read_lock,
    read_locks,
    remove_stale_note,
)

STACK = "held-stack"
pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="Terraform is not installed")
NOON = datetime(2025, 1, 31, 12, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Held:
    """A Terraform that applies, and so holds the lock of its stack until it is killed."""

    directory: Path
    process: psutil.Process
    terraform: Terraform

    def kill(self) -> None:
        # Terraform first: without its child it would fail, and unlock.
        tree = [self.process, *self.process.children(recursive=True)]
        for process in tree:
            process.kill()
        self.process.wait()


@pytest.fixture(params=["files", "s3", "dynamodb"])
def held(
    request: pytest.FixtureRequest,
    work: Path,
    new_bucket: Callable[[str], Bucket],
) -> Iterator[Held]:
    settings = None if request.param == "files" else new_bucket(request.param).settings
    directory = work / "dev" / "cdktf.out" / "stacks" / STACK
    directory.mkdir(parents=True)
    (directory / "cdk.tf.json").write_text(json.dumps(_configuration(settings)))
    terraform = Terraform(terraform_environment(dict(os.environ)), "dev")
    lines: list[str] = []
    assert terraform.initialise(directory, lines.append) == 0, lines
    process = subprocess.Popen(
        [terraform.binary, "apply", "-auto-approve", "-input=false"],
        cwd=directory,
        env={**terraform.environment, "TF_WORKSPACE": "dev"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "Provisioning" in line:
            break
    holding = Held(directory, psutil.Process(process.pid), terraform)
    yield holding
    with contextlib.suppress(psutil.NoSuchProcess):
        holding.kill()
    process.wait()


def _configuration(bucket: StateBucket | None) -> dict[str, Any]:
    """A stack that takes its time; the backend as `stacks.state` configures it."""
    backend: dict[str, Any] = {
        "local": {
            "path": f"{state_directory()}/{STACK}/terraform.tfstate",
            "workspace_dir": f"{state_directory()}/{STACK}",
        }
    }
    if bucket:
        lock = (
            {"use_lockfile": True} if bucket.lock == "s3" else {"dynamodb_table": bucket.lock_table}
        )
        place = {"bucket": bucket.name, "key": f"{STACK}.tfstate", "region": bucket.region}
        backend = {"s3": {**place, "workspace_key_prefix": PROJECT, **lock}}
    slow = {"provisioner": {"local-exec": {"command": "exec sleep 60"}}}
    return {"terraform": {"backend": backend}, "resource": {"terraform_data": {"slow": slow}}}


def test_a_held_lock_is_read_whole(held: Held) -> None:
    lock = read_lock(STACK, "dev", os.environ)
    assert lock
    assert (lock.stack, lock.who) == (STACK, operator())
    assert lock.command == "terraform apply"
    assert datetime.now(UTC) - lock.created < timedelta(minutes=1)
    assert lock.id.count("-") == 4
    assert lock.path.endswith("tfstate")
    assert lock.is_of_this_machine
    assert read_locks("dev", os.environ) == {STACK: lock}
    assert read_locks("staging", os.environ) == {}
    assert read_lock("held", "dev", os.environ) is None


def copy_of(directory: Path, workspace_folder: Path) -> Path:
    """The folder of the same stack in another checkout or workspace."""
    copy = workspace_folder / "cdktf.out" / "stacks" / directory.name
    copy.mkdir(parents=True)
    shutil.copy(directory / "cdk.tf.json", copy)
    return copy


def test_its_holder_is_found_while_it_lives(held: Held, tmp_path: Path) -> None:
    lock = read_lock(STACK, "dev", os.environ)
    assert lock
    assert living_process(lock, held.directory) == held.process
    elsewhere = copy_of(held.directory, tmp_path / "other" / "dev")
    assert living_process(lock, elsewhere) == held.process
    if lock.process_id is None:
        other_workspace = copy_of(held.directory, tmp_path / "other" / "staging")
        assert living_process(lock, other_workspace) is None
        stranger = replace(lock, who="bob@far")
        assert living_process(stranger, held.directory) == held.process
        assert living_process(stranger, elsewhere) is None
        assert not stranger.is_of_this_machine
        configuration = elsewhere / "cdk.tf.json"
        configuration.write_text(configuration.read_text().replace("bucket", "bin"))
        assert living_process(lock, elsewhere) is None
    held.kill()
    assert living_process(lock, held.directory) is None


def test_what_a_killed_terraform_left_can_be_removed(held: Held) -> None:
    assert not remove_stale_note(STACK, "dev")
    before = read_lock(STACK, "dev", os.environ)
    held.kill()
    after = read_lock(STACK, "dev", os.environ)
    if before and before.process_id:
        assert after is None, "the system frees a file's lock"
        assert remove_stale_note(STACK, "dev")
        assert not remove_stale_note(STACK, "dev")
        return
    assert after == before
    assert after
    lines: list[str] = []
    assert held.terraform.force_unlock(held.directory, lines.append, after.id) == 0, lines
    assert read_lock(STACK, "dev", os.environ) is None


def test_a_lock_in_one_sentence() -> None:
    created = datetime.now(UTC) - timedelta(minutes=7)
    lock = StateLock("a", "1", "alice@host", "OperationTypeApply", created, "1.11.4", "a.tfstate")
    clock = created.strftime("%H:%M UTC")
    assert str(lock).replace(created.strftime("%Y-%m-%d "), "") == (
        f"locked by alice@host since {clock} (7 min), terraform apply"
    )
    assert replace(lock, operation="state-mv").command == "terraform state mv"


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=40), "since 12:03 UTC (40 s)"),
        (timedelta(minutes=7), "since 12:03 UTC (7 min)"),
        (timedelta(hours=5), "since 12:03 UTC (5 h)"),
        (timedelta(days=3), "since 2025-01-31 12:03 UTC (3 days)"),
        (timedelta(seconds=-5), "since 12:03 UTC (0 s)"),
    ],
)
def test_since_when(age: timedelta, said: str) -> None:
    assert describe_since(NOON, NOON + age) == said
