"""What Terraform itself says of the stacks, with no AWS: all are valid, a wrong workspace is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stacks.settings import FOUNDATION_WORKSPACE
from tests.synthesis import run_app
from tests.terraform import terraform

AT_ONCE = os.cpu_count() or 1
BACKEND_IN_A_MODULE = "Backend configuration ignored"


def problems(directories: list[Path], root: Path, workspace: str) -> list[str]:
    """What `terraform validate` finds wrong in stacks; empty when it finds nothing.

    They are asked of as modules of one configuration: to load the provider's schema once takes most
    of a validation's time.
    """
    modules = {directory.name: {"source": str(directory)} for directory in directories}
    (root / "main.tf.json").write_text(json.dumps({"module": modules}))
    prepared = terraform(root, "init", "-backend=false", "-input=false", "-no-color")
    if prepared.returncode != 0:
        return [prepared.stdout + prepared.stderr]
    answer = json.loads(terraform(root, "validate", "-json", workspace=workspace).stdout)
    assert answer["valid"] or answer["diagnostics"]
    found = [entry for entry in answer["diagnostics"] if entry["summary"] != BACKEND_IN_A_MODULE]
    # The backend of each stack was met: none was left out.
    assert found or len(answer["diagnostics"]) == len(directories)
    return [str(entry) for entry in found]


@pytest.mark.parametrize("workspace", ["dev", "prod", FOUNDATION_WORKSPACE])
def test_every_stack_is_valid(
    synthesized_directory: Callable[[str], Path], tmp_path: Path, workspace: str
) -> None:
    directories = sorted((synthesized_directory(workspace) / "stacks").iterdir())
    assert len(directories) == (3 if workspace == FOUNDATION_WORKSPACE else 14)
    assert problems(directories, tmp_path, workspace) == []


# Every resource out, what is left is the guard that each stack carries: Terraform needs no AWS for it.
def _guard_only(stack: Path, directory: Path) -> Path:
    document = json.loads((stack / "cdk.tf.json").read_text())
    guard = {
        "terraform": {"backend": {"local": {}}},
        "output": {"environment": document["output"]["environment"]},
    }
    target = directory / stack.name
    target.mkdir()
    (target / "guard.tf.json").write_text(json.dumps(guard))
    prepared = terraform(target, "init", "-input=false", "-no-color")
    assert prepared.returncode == 0, prepared.stderr
    return target


def test_every_stack_refuses_another_workspace(
    synthesized_directory: Callable[[str], Path], tmp_path: Path
) -> None:
    def check(stack: Path) -> None:
        guarded = _guard_only(stack, tmp_path)
        wrong = terraform(guarded, "plan", "-no-color", "-input=false", workspace="staging")
        assert wrong.returncode == 1
        message = " ".join(wrong.stderr.replace("│", "").split())
        assert "synthesized for the workspace dev, but the workspace is staging" in message
        assert "set TF_WORKSPACE" in message
        right = terraform(guarded, "plan", "-no-color", "-input=false", workspace="dev")
        assert right.returncode == 0, right.stderr

    stacks = sorted((synthesized_directory("dev") / "stacks").iterdir())
    assert len(stacks) == 14
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(check, stacks))


def test_no_stack_has_a_region_in_another_workspace(
    synthesized_directory: Callable[[str], Path], tmp_path: Path
) -> None:
    for stack in sorted((synthesized_directory("dev") / "stacks").iterdir()):
        (provider,) = json.loads((stack / "cdk.tf.json").read_text())["provider"]["aws"]
        assert provider["region"] == '${{"dev" = local.region}[terraform.workspace]}'


def test_a_destroy_in_another_workspace_is_refused(
    synthesized_directory: Callable[[str], Path], tmp_path: Path
) -> None:
    """On destroy Terraform only warns of a failed precondition; the provider has no region then."""
    document = json.loads(
        (synthesized_directory("dev") / "stacks" / "security-us-east-1" / "cdk.tf.json").read_text()
    )
    document["terraform"]["backend"] = {"local": {}}
    (tmp_path / "cdk.tf.json").write_text(json.dumps(document))
    terraform(tmp_path, "init", "-input=false", "-no-color")
    result = terraform(tmp_path, "plan", "-destroy", "-no-color", workspace="staging")
    assert result.returncode == 1
    assert "terraform.workspace" in result.stderr
    assert "Invalid index" in result.stderr


@pytest.mark.parametrize(
    ("workspace", "reason"),
    [
        (None, "no environment chosen"),
        ("default", "no environment chosen"),
        ("production", "'production' is not an environment"),
        ("dev-", "'dev-' is not an environment"),
        ("dev-UPPER", "'dev-UPPER' is not an environment"),
        ("prod-far-too-many-parts", "is not an environment"),
    ],
)
def test_an_unknown_workspace_is_refused_in_one_line(
    tmp_path: Path, workspace: str | None, reason: str
) -> None:
    result = run_app(tmp_path, workspace)
    assert result.returncode != 0
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert reason in line
    for allowed in ("dev", "staging", "prod"):
        assert allowed in line
    assert not (tmp_path / "manifest.json").exists()


def test_an_unusable_lock_setting_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_STATE_LOCK", "paper")
    program = "import os; os.environ['TRADING_STATE_BUCKET'] = 'b'; import main; main.main()"
    result = run_app(tmp_path, "dev", "-c", program)
    assert result.returncode != 0
    assert result.stderr.strip() == (
        "error: TRADING_STATE_LOCK is 'paper': use s3 (Terraform 1.10+) or dynamodb"
    )
