"""Where state is kept: files of the checkout by default, an S3 bucket when one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.paths import PROJECT_ROOT, work_directory
from stacks.settings import GLOBAL_REGION, StateBucket, state_bucket
from tests.synthesis import Stacks, read_stacks, run_app

WITH_BUCKET = (
    "import os; os.environ.update(TRADING_STATE_BUCKET='company-state',"
    " TRADING_STATE_LOCK={lock!r}); import main; main.main()"
)


def with_bucket(output: Path, lock: str) -> Stacks:
    """The stacks of dev with the S3 backend asked for."""
    result = run_app(output, "dev", "-c", WITH_BUCKET.format(lock=lock))
    assert result.returncode == 0, result.stderr
    return read_stacks(output)


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRADING_STATE_REGION", "TRADING_STATE_LOCK", "TRADING_WORK_DIR"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("TRADING_STATE_BUCKET", "company-state")
    assert state_bucket() == StateBucket("company-state", GLOBAL_REGION, "s3")
    assert work_directory() == PROJECT_ROOT / ".trading"


def test_local_state_keeps_workspaces_apart_and_names_no_machine(
    synthesized: Callable[[str], Stacks],
) -> None:
    for name, stack in synthesized("dev").items():
        backend = stack["terraform"]["backend"]["local"]
        assert backend["workspace_dir"].endswith(f".trading/state/{name}")
        assert backend["workspace_dir"].startswith("../")


def test_a_consumer_reads_where_the_producer_of_its_own_region_writes(
    synthesized: Callable[[str], Stacks],
) -> None:
    stacks = synthesized("dev")
    state = stacks["data-us-west-2"]["data"]["terraform_remote_state"]["network_state"]
    written = stacks["network-us-west-2"]["terraform"]["backend"]["local"]["workspace_dir"]
    assert state["config"]["workspace_dir"].replace("${local.region}", "us-west-2") == written
    assert state["workspace"] == "${terraform.workspace}"


@pytest.mark.parametrize(
    ("lock", "expected", "version"),
    [
        ("s3", {"use_lockfile": True}, ">= 1.10"),
        ("dynamodb", {"dynamodb_table": "company-state-lock"}, ">= 1.5"),
    ],
)
def test_a_state_bucket_is_encrypted_locked_and_one_key_per_stack(
    tmp_path: Path, lock: str, expected: dict[str, object], version: str
) -> None:
    stacks = with_bucket(tmp_path, lock)
    keys = set()
    for name, stack in stacks.items():
        backend = dict(stack["terraform"]["backend"]["s3"])
        keys.add(backend.pop("key"))
        assert backend == {
            "bucket": "company-state",
            "encrypt": True,
            "region": "us-east-1",
            "workspace_key_prefix": "trading",
            **expected,
        }, name
        assert stack["terraform"]["required_version"] == version
    assert len(keys) == len(stacks)
    state = stacks["data-us-west-2"]["data"]["terraform_remote_state"]["network_state"]
    assert state["backend"] == "s3"
    assert state["config"]["key"].replace("${local.region}", "us-west-2") in keys
