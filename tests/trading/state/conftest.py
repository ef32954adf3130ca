"""State kept in files, and in a bucket of a really started local AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stacks.paths import PROJECT_ROOT
from stacks.settings import StateBucket, state_bucket
from tests.local_aws.conftest import name, new_target, target
from trading.aws import client
from trading.local.local_target import LocalTarget
from trading.state.state_bucket import ensure_state_bucket

__all__ = ["name", "new_target", "target"]

RunLock = Callable[..., subprocess.Popen[str]]

_HOLD = """
import os, sys
from trading.errors import OperatorError
from trading.state.run_lock import run_lock
try:
    with run_lock("dev", "deploy", os.environ) as taken_over:
        print(taken_over or "held", flush=True)
        sys.stdin.read()
except OperatorError as error:
    print(f"refused: {error}", flush=True)
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's work folder, with state in files."""
    monkeypatch.setenv("TRADING_WORK_DIR", str(tmp_path / "work"))
    for variable in (
        "TF_WORKSPACE",
        "TRADING_TARGET",
        "TRADING_STATE_BUCKET",
        "TRADING_STATE_LOCK",
    ):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "work"


@dataclass(frozen=True)
class Bucket:
    """A state bucket that the settings name."""

    settings: StateBucket
    environment: Mapping[str, str]

    def client(self, service: str) -> Any:
        return client(service, self.environment, self.settings.region)

    def put(self, key: str, text: str) -> None:
        self.client("s3").put_object(Bucket=self.settings.name, Key=key, Body=text.encode())

    def objects(self) -> set[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.settings.name)
        return {item["Key"] for item in listed.get("Contents", [])}


@pytest.fixture
def new_bucket(
    work: Path, target: LocalTarget, name: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Bucket]:
    """Make a state bucket that locks so, and have the settings name it."""

    def make(lock: str) -> Bucket:
        for key, value in target.environment().items():
            if key.startswith("AWS_"):
                monkeypatch.setenv(key, value)
        monkeypatch.setenv("TRADING_STATE_BUCKET", name)
        monkeypatch.setenv("TRADING_STATE_LOCK", lock)
        settings = state_bucket()
        assert settings
        ensure_state_bucket(settings, os.environ)
        return Bucket(settings, os.environ)

    return make


@pytest.fixture
def bucket(new_bucket: Callable[[str], Bucket]) -> Bucket:
    """A state bucket that locks by objects."""
    return new_bucket("s3")


@pytest.fixture(params=["files", "bucket"])
def any_state(request: pytest.FixtureRequest) -> str:
    """Either kind of state."""
    request.getfixturevalue("work" if request.param == "files" else "bucket")
    return str(request.param)


@pytest.fixture
def start_run() -> Iterator[RunLock]:
    """Start a process that takes dev's run lock, says how that went, and waits to be ended; `within`
    is a command to run it by.
    """
    processes: list[subprocess.Popen[str]] = []

    def start(*within: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*within, sys.executable, "-c", _HOLD],
            cwd=PROJECT_ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
