"""One run at a time for an environment: two real processes, state in files and in a bucket."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trading.state.conftest import Bucket, RunLock
from trading.errors import OperatorError
from trading.state.bucket_objects import BucketObjects
from trading.state.holder import Holder
from trading.state.run_lock import read_run_lock, remove_run_lock, run_lock
from trading.state.states import list_states

KEY = "trading/dev/run.lock"


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(input="")


@pytest.mark.usefixtures("any_state")
def test_a_second_run_is_refused_until_the_first_ends(start_run: RunLock) -> None:
    first = start_run()
    assert said(first) == "held"
    refusal = said(start_run())
    assert refusal.startswith("refused: another run works on dev: deploy by ")
    assert f"process {first.pid} in " in refusal
    assert refusal.endswith("; wait until it has ended")
    end(first)
    assert said(start_run()) == "held"


@pytest.mark.usefixtures("any_state")
def test_another_environment_is_free(start_run: RunLock) -> None:
    assert said(start_run()) == "held"
    with run_lock("dev-pr42", "deploy", os.environ) as taken_over:
        assert taken_over is None


@pytest.mark.usefixtures("any_state")
def test_the_lock_of_a_killed_run_is_taken_over_and_said(start_run: RunLock) -> None:
    first = start_run()
    assert said(first) == "held"
    first.kill()
    first.communicate()
    second = start_run()
    line = said(second)
    assert line.startswith("took over the lock of a run that is dead: deploy by ")
    assert f"process {first.pid} in " in line
    end(second)
    assert said(start_run()) == "held"


def test_two_checkouts_share_a_bucket_and_are_kept_apart(
    bucket: Bucket, start_run: RunLock, tmp_path: Path
) -> None:
    first = start_run()
    assert said(first) == "held"
    elsewhere = {"TRADING_WORK_DIR": str(tmp_path / "other")}
    assert f"process {first.pid} in " in said(start_run(**elsewhere))
    first.kill()
    first.communicate()
    assert said(start_run(**elsewhere)).startswith("took over")
    assert bucket.objects() == {KEY}


def test_two_checkouts_with_their_own_files_are_free(
    work: Path, start_run: RunLock, tmp_path: Path
) -> None:
    assert said(start_run()) == "held"
    assert said(start_run(TRADING_WORK_DIR=str(tmp_path / "other"))) == "held"


def test_another_machines_lock_is_never_taken_over(bucket: Bucket) -> None:
    other = replace(Holder.this_process("destroy"), machine="far/0", process_id=2**22 + 1)
    bucket.put(KEY, other.written())
    with (
        pytest.raises(OperatorError, match="trading unlock --env dev` if that machine is gone"),
        run_lock("dev", "deploy", os.environ),
    ):
        pytest.fail("it was taken over")
    assert read_run_lock("dev", os.environ) == other


def test_a_process_id_used_again_is_not_the_holder(bucket: Bucket) -> None:
    me = Holder.this_process("deploy")
    bucket.put(KEY, replace(me, process_started=me.process_started - 60).written())
    with run_lock("dev", "deploy", os.environ) as taken_over:
        assert taken_over


def test_a_lock_is_removed_only_by_whom_it_belongs_to(bucket: Bucket) -> None:
    other = replace(Holder.this_process("destroy"), machine="far/0")
    with run_lock("dev", "deploy", os.environ):
        bucket.put(KEY, other.written())
    assert read_run_lock("dev", os.environ) == other
    assert not remove_run_lock("dev", Holder.this_process("deploy"), os.environ)
    assert remove_run_lock("dev", other, os.environ)
    assert read_run_lock("dev", os.environ) is None


@pytest.mark.usefixtures("any_state")
def test_looking_at_the_lock_does_not_disturb_it(start_run: RunLock) -> None:
    assert read_run_lock("dev", os.environ) is None
    first = start_run()
    assert said(first) == "held"
    holder = read_run_lock("dev", os.environ)
    assert holder
    assert holder.process_id == first.pid
    assert holder.is_alive()
    end(first)
    assert read_run_lock("dev", os.environ) is None


def test_the_bucket_makes_a_document_once(bucket: Bucket) -> None:
    """What the lock stands on, of AWS and of the local AWS alike."""
    objects = BucketObjects(bucket.settings, bucket.environment)
    assert objects.create(KEY, "one")
    assert not objects.create(KEY, "two")
    found = objects.read(KEY)
    assert found
    assert objects.replace(KEY, "three", found.version)
    assert not objects.replace(KEY, "four", found.version)
    objects.remove(KEY)
    assert not objects.replace(KEY, "five", found.version)
    assert objects.create(KEY, "six")


def test_a_missing_bucket_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_STATE_BUCKET", "no-such-bucket-of-ours")
    with (
        pytest.raises(OperatorError, match="run `trading foundation deploy` first"),
        run_lock("dev", "deploy", os.environ),
    ):
        pytest.fail("there is no bucket")


def test_what_lies_beside_states_is_no_state(bucket: Bucket) -> None:
    for name in ("run.lock", "a.tfstate", "a.tfstate.tflock", "a.deployment.json"):
        bucket.put(f"trading/dev/{name}", "{}")
    assert list_states(os.environ) == {("dev", "a")}
