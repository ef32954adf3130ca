"""A local AWS of the tests' own, driven by the command line as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from stacks.paths import PROJECT_ROOT
from stacks.settings import REGIONS
from trading.local.local_target import LocalTarget
from trading.local.trade_client import TradeClient

REGION_NAMES = [region.name for region in REGIONS]
WORKSPACE = "dev"


@dataclass(frozen=True)
class Operator:
    """An operator's shell, with a work folder and a local AWS that nobody else uses."""

    work: Path
    workspace: str = WORKSPACE

    @property
    def local(self) -> LocalTarget:
        """The local AWS."""
        return LocalTarget(self.work / "local")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `trading`, whose output comes back as text."""
        return subprocess.Popen(
            [sys.executable, "-m", "trading.cli", *arguments],
            cwd=PROJECT_ROOT,
            env={**os.environ, "TF_WORKSPACE": self.workspace, "TRADING_TARGET": "local"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def trading(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `trading` to its end."""
        process = self.start(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def succeeds(self, *arguments: str) -> str:
        """Run `trading`, which must succeed; what it printed."""
        result = self.trading(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def outputs(self) -> dict[str, dict[str, Any]]:
        """`trading outputs --json`."""
        published: dict[str, dict[str, Any]] = json.loads(self.succeeds("outputs", "--json"))
        return published

    def clients(self) -> dict[str, TradeClient]:
        """A trading client of each region's API, as it is deployed now."""
        credentials = ReadOnlyCredentials("test", "test", None)
        return {
            region: TradeClient(values["api_invoke_url"], region, credentials)
            for region, values in self.outputs().items()
        }


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator, with an empty local AWS that runs until the module's tests are over."""
    operator = Operator(tmp_path_factory.mktemp("end-to-end"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TRADING_WORK_DIR", str(operator.work))
        environment.delenv("TRADING_STATE_BUCKET", raising=False)
        if "TRADING_LOCAL_VENV" not in os.environ:
            shared = PROJECT_ROOT / ".trading" / "local" / "venv"
            environment.setenv("TRADING_LOCAL_VENV", str(shared))
        operator.local.up(print)
        yield operator
        operator.local.forget()
