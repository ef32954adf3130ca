"""One run at a time for an environment: two real processes, state in files and in a bucket."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import fields, replace
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
        pytest.raises(
            OperatorError, match="trading unlock --run --env dev` if it is gone for sure"
        ),
        run_lock("dev", "deploy", os.environ),
    ):
        pytest.fail("it was taken over")
    assert read_run_lock("dev", os.environ) == other


def test_a_run_in_another_container_is_not_taken_for_dead(
    bucket: Bucket, start_run: RunLock, tmp_path: Path
) -> None:
    """It has this machine's name and card; of its processes nothing is seen from there."""
    assert said(start_run()) == "held"
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets nobody make a namespace")
    elsewhere = {"TRADING_WORK_DIR": str(tmp_path / "other")}
    refusal = said(start_run(*apart, **elsewhere))
    assert refusal.startswith("refused: another run works on dev"), refusal
    assert "trading unlock --run" in refusal
    assert bucket.objects() == {KEY}


@pytest.mark.parametrize("gone", [field.name for field in fields(Holder)])
def test_another_versions_lock_is_told_and_can_be_removed(bucket: Bucket, gone: str) -> None:
    other = replace(Holder.this_process("deploy"), process_started=1.0)
    written = {**other.as_json(), "since": "lately", "newer": "field"}
    del written[gone]
    bucket.put(KEY, json.dumps(written))
    holder = read_run_lock("dev", os.environ)
    assert holder
    assert str(holder)
    if gone in {"machine", "process_id", "process_started"}:
        assert holder.is_alive() is None
        with (
            pytest.raises(OperatorError, match=r"another run works on dev: .* unlock --run"),
            run_lock("dev", "deploy", os.environ),
        ):
            pytest.fail("it was taken over")
    assert remove_run_lock("dev", holder, os.environ)
    assert bucket.objects() == set()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"a"', "{}"])
def test_a_lock_that_is_none_can_be_removed(bucket: Bucket, text: str) -> None:
    bucket.put(KEY, text)
    holder = read_run_lock("dev", os.environ)
    assert holder == Holder()
    assert str(holder).startswith("a run by somebody")
    assert remove_run_lock("dev", holder, os.environ)


@pytest.mark.parametrize("text", [b"{", b"[]", b"null", b'"a"', b"\xff"])
def test_whatever_a_checkouts_file_holds_is_taken_over(work: Path, text: bytes) -> None:
    (work / "dev").mkdir(parents=True)
    (work / "dev" / "run.lock").write_bytes(text)
    with run_lock("dev", "deploy", os.environ) as notice:
        assert notice
        assert "somebody" in notice


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
