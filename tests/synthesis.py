"""Every workspace's Terraform JSON, synthesized once for all tests by the app itself."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stacks.paths import PROJECT_ROOT

# In place of a workspace's name: one whose environment has turned on all that it can.
EVERYTHING_ON = "everything-on"
TURN_EVERYTHING_ON = """
from dataclasses import replace
from stacks import lazy_bindings, settings
lazy_bindings.install()
settings.ENVIRONMENTS = tuple(
    replace(
        environment,
        mutual_tls=tuple(
            settings.Truststore(region.name, f"s3://pki-{region.name}/clients.pem", "v1")
            for region in settings.REGIONS
        ),
        allowed_client_cidrs=("198.51.100.0/24", "2001:db8::/32"),
        dnssec=True,
        aws_backup_days=90,
    )
    for environment in settings.ENVIRONMENTS
)
from stacks.platform import synthesize
synthesize("dev-pr42")
"""

Stack = dict[str, Any]
Stacks = dict[str, Stack]


def run_app(output: Path, workspace: str | None, *program: str) -> subprocess.CompletedProcess[str]:
    """Run the app, or another program of this interpreter, as an operator's shell would."""
    environment = {**os.environ, "CDKTF_OUTDIR": str(output), "TF_WORKSPACE": workspace or ""}
    for name in ("TRADING_STATE_BUCKET", "TRADING_WORK_DIR"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, *(program or ("main.py",))],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def read_stacks(output: Path) -> Stacks:
    """The stacks of a synthesized app by name."""
    manifest = json.loads((output / "manifest.json").read_text())
    return {
        name: json.loads((output / entry["synthesizedStackPath"]).read_text())
        for name, entry in manifest["stacks"].items()
    }


def _synthesize(output: Path, workspace: str) -> subprocess.CompletedProcess[str]:
    if workspace == EVERYTHING_ON:
        return run_app(output, "dev-pr42", "-c", TURN_EVERYTHING_ON)
    return run_app(output, workspace)


@pytest.fixture(scope="session")
def synthesized_directory(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str], Path]:
    """The output folder of a workspace, synthesized on first use by any of the processes; for reading.

    TESTS_SYNTHESIZED names a folder of such folders instead, for tests of these tests.
    """
    own = tmp_path_factory.getbasetemp()
    # As deep as a process's own: the path from here to the state folder is part of the JSON.
    shared = own if worker_id == "master" else own.parent / "synthesized"
    shared.mkdir(exist_ok=True)
    given = os.environ.get("TESTS_SYNTHESIZED")

    @cache
    def synthesize(workspace: str) -> Path:
        if given and (Path(given) / workspace).is_dir():
            return Path(given) / workspace
        output = shared / f"cdktf-{workspace}"
        with (shared / f"cdktf-{workspace}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (output / "manifest.json").exists():
                result = _synthesize(output, workspace)
                assert result.returncode == 0, result.stderr
        return output

    return synthesize


@pytest.fixture(scope="session")
def synthesized(synthesized_directory: Callable[[str], Path]) -> Callable[[str], Stacks]:
    """The stacks of a workspace by name, synthesized on first use."""

    @cache
    def stacks(workspace: str) -> Stacks:
        return read_stacks(synthesized_directory(workspace))

    return stacks
