"""Collect the evidence: synthesize every environment, and deploy each to a local AWS of the scan's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scan.evidence import Evidence, Stage
from stacks.paths import PROJECT_ROOT, work_directory
from stacks.settings import ENVIRONMENTS, FOUNDATION_WORKSPACE
from trading.errors import OperatorError
from trading.local.local_target import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The regions are equal but for their locals, which tests/stacks/test_regions_are_equal.py proves, so the
# plans of one region say what those of all would. The synthesized JSON is that of all.
PLANNED_REGION = "us-east-1"
# Each is planned when what it reads is there, as an operator would with `trading deploy --plan`.
ROUNDS = (
    ("global-zone", f"security-{PLANNED_REGION}"),
    (f"network-{PLANNED_REGION}",),
    (f"data-{PLANNED_REGION}",),
    (f"api-{PLANNED_REGION}",),
)
_DIFFERENCES = 2
# Deploys from GitHub are off until a repository is named; but no roles can do more than theirs.
_WITH_DEPLOY_ROLES = """
from stacks import lazy_bindings, settings
lazy_bindings.install()
settings.GITHUB_REPOSITORY = "example/trading"
from stacks.platform import synthesize
synthesize(settings.FOUNDATION_WORKSPACE)
"""


@dataclass(frozen=True)
class Collector:
    """Where the evidence is put, below `folder`, and whom to tell how it goes."""

    folder: Path
    tell: Callable[[str], None]

    def synthesized(self) -> list[Evidence]:
        """The JSON of every environment and of the foundation."""
        workspaces = [*(environment.name for environment in ENVIRONMENTS), FOUNDATION_WORKSPACE]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._synthesized, workspaces))

    def of_foundation(self) -> Evidence:
        """The JSON of the foundation alone."""
        return self._synthesized(FOUNDATION_WORKSPACE)

    def planned(self) -> list[Evidence]:
        """The plans of every environment before it is deployed, and after. Raises OperatorError."""
        with self._local_aws():
            self._trading("foundation", "deploy", "--yes")
            with ThreadPoolExecutor(len(ENVIRONMENTS)) as pool:
                plans = pool.map(self._planned, [environment.name for environment in ENVIRONMENTS])
                return [evidence for pair in plans for evidence in pair]

    def _synthesized(self, workspace: str) -> Evidence:
        self.tell(f"synthesizing {workspace}")
        evidence = self._empty(workspace, Stage.SYNTHESIZED)
        out = self.folder / f"{workspace}.out"
        shutil.rmtree(out, ignore_errors=True)
        environment = {**os.environ, "TF_WORKSPACE": workspace, "CDKTF_OUTDIR": str(out)}
        program = [str(PROJECT_ROOT / "main.py")]
        if workspace == FOUNDATION_WORKSPACE:
            program = ["-c", _WITH_DEPLOY_ROLES]
            environment["TRADING_STATE_BUCKET"] = "example-state"
        _run([sys.executable, *program], environment, (0,))
        for path in out.glob("stacks/*/cdk.tf.json"):
            shutil.copy(path, evidence.folder / f"{path.parent.name}.json")
        return evidence

    def _planned(self, workspace: str) -> tuple[Evidence, Evidence]:
        before = self._empty(workspace, Stage.PLANNED)
        after = self._empty(workspace, Stage.DEPLOYED)
        for stacks in ROUNDS:
            self.tell(f"{workspace}: planning {' and '.join(stacks)}")
            self._plan(workspace, before, *stacks)
            self.tell(f"{workspace}: deploying {' and '.join(stacks)}")
            agreed = ("--yes", "--confirm", workspace)
            self._trading("deploy", "--plan", *agreed, workspace=workspace)
        self.tell(f"{workspace}: planning what is deployed")
        self._plan(workspace, after, *(stack for stacks in ROUNDS for stack in stacks))
        return before, after

    def _plan(self, workspace: str, evidence: Evidence, *stacks: str) -> None:
        export = ("--export", str(evidence.folder))
        self._trading("plan", *stacks, *export, workspace=workspace, codes=(0, _DIFFERENCES))
        unplanned = [name for name in stacks if not (evidence.folder / f"{name}.json").is_file()]
        if unplanned:
            raise OperatorError(f"{', '.join(unplanned)} of {workspace} could not be planned")

    def _empty(self, workspace: str, stage: Stage) -> Evidence:
        folder = self.folder / workspace / stage
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return Evidence(workspace, stage, folder)

    @contextmanager
    def _local_aws(self) -> Iterator[None]:
        shutil.rmtree(self._work, ignore_errors=True)
        self._trading("local", "up")
        try:
            yield
        finally:
            LocalTarget(self._work / "local").forget()

    @property
    def _work(self) -> Path:
        return self.folder / "work"

    def _trading(
        self, *arguments: str, workspace: str | None = None, codes: tuple[int, ...] = (0,)
    ) -> None:
        environment = {
            **os.environ,
            "TRADING_TARGET": "local",
            "TRADING_WORK_DIR": str(self._work),
            # Not a second installation of the local AWS for this work folder.
            "TRADING_LOCAL_VENV": os.environ.get("TRADING_LOCAL_VENV")
            or str(work_directory() / "local" / "venv"),
        }
        environment.pop("TRADING_STATE_BUCKET", None)
        environment.pop("TF_WORKSPACE", None)
        if workspace:
            environment["TF_WORKSPACE"] = workspace
        _run([sys.executable, "-m", "trading.cli", *arguments], environment, codes)


def _run(command: list[str], environment: dict[str, str], codes: tuple[int, ...]) -> None:
    result = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in codes:
        said = (result.stderr.strip() or result.stdout.strip() or "nothing").splitlines()[-1]
        raise OperatorError(f"{' '.join(command[1:5])} failed with {result.returncode}: {said}")
