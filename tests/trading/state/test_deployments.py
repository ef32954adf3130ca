"""What is recorded beside each state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stacks.paths import PROJECT_ROOT
from trading.engine.events import Changes
from trading.state import deployments
from trading.state.deployments import (
    Deployment,
    forget_deployment,
    read_deployments,
    record_deployment,
    source_revision,
)
from trading.state.holder import operator
from trading.state.states import list_states


@pytest.fixture(autouse=True)
def _fresh_revision() -> None:
    source_revision.cache_clear()


def record(stack: str, workspace: str = "dev") -> None:
    changes = Changes(add=3, change=1)
    record_deployment(stack, workspace, os.environ, seconds=12.34, changes=changes)


@pytest.mark.usefixtures("any_state")
def test_a_record_is_read_back_and_forgotten() -> None:
    begin = datetime.now(UTC).replace(microsecond=0)
    record("network-us-east-1")
    record("api-us-east-1")
    record("network-us-east-1", "dev-pr42")
    found = read_deployments("dev", os.environ)
    assert set(found) == {"network-us-east-1", "api-us-east-1"}
    deployment = found["network-us-east-1"]
    assert begin <= deployment.moment <= datetime.now(UTC)
    assert deployment.operator == operator()
    assert deployment.seconds == 12.3
    assert deployment.changes == Changes(add=3, change=1)
    head = subprocess.check_output(["git", "-C", PROJECT_ROOT, "rev-parse", "HEAD"], text=True)
    assert deployment.commit == head.strip()
    forget_deployment("network-us-east-1", "dev", os.environ)
    forget_deployment("never-deployed", "dev", os.environ)
    assert set(read_deployments("dev", os.environ)) == {"api-us-east-1"}
    assert list_states(os.environ) == set()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"moment": 1}', "\udcff"])
def test_a_record_that_cannot_be_read_hides_no_other(work: Path, text: str) -> None:
    record("network-us-east-1")
    record("api-us-east-1")
    path = work / "state" / "api-us-east-1" / "dev" / "deployment.json"
    path.write_text(text, errors="surrogateescape")
    assert set(read_deployments("dev", os.environ)) == {"network-us-east-1"}
    record("api-us-east-1")
    assert len(read_deployments("dev", os.environ)) == 2


def test_a_newer_versions_record_is_read(work: Path) -> None:
    record("network-us-east-1")
    path = work / "state" / "network-us-east-1" / "dev" / "deployment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"newer": 1}))
    assert set(read_deployments("dev", os.environ)) == {"network-us-east-1"}


@pytest.mark.usefixtures("work")
def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    record("global-zone")
    deployment = read_deployments("dev", os.environ)["global-zone"]
    assert (deployment.commit, deployment.modified) == (None, False)
    assert deployment.revision == "unknown"


def test_sources_in_no_checkout_have_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "PROJECT_ROOT", tmp_path)
    assert source_revision() == (None, False)


def test_sources_that_differ_from_their_commit_are_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = shutil.which("git") or pytest.skip("no git")
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run([git, "-C", tmp_path, *identity, *arguments], check=True)
    monkeypatch.setattr(deployments, "PROJECT_ROOT", tmp_path)
    commit, modified = source_revision()
    assert not modified
    (tmp_path / "new.py").write_text("")
    source_revision.cache_clear()
    assert source_revision() == (commit, True)
    now = datetime.now(UTC)
    deployment = Deployment(now, "a@b", commit, True, 1.0, Changes())
    assert deployment.revision == f"{str(commit)[:7]} + changes"
