"""The generated files of one Terraform workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stacks.paths import work_directory

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class WorkspaceFolder:
    """What belongs to one Terraform workspace; two workspaces share no file."""

    workspace: str

    @property
    def synthesized(self) -> Path:
        """The Terraform JSON of the workspace's stacks."""
        return work_directory() / self.workspace / "cdktf.out"

    @property
    def logs(self) -> Path:
        """A folder of logs for every run."""
        return work_directory() / self.workspace / "logs"

    def new_run(self, kind: str) -> str:
        """A name for a run that begins now, after those of earlier ones in the alphabet."""
        return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}-{kind}"

    @property
    def plans(self) -> Path:
        """The plans that `trading plan` saved last."""
        return work_directory() / self.workspace / "plans"

    @property
    def journal(self) -> Path:
        """A file for every run that changed something, or meant to."""
        return work_directory() / self.workspace / "journal"

    @property
    def run_lock(self) -> Path:
        """A file that is locked as long as a run of this checkout works on the workspace."""
        return work_directory() / self.workspace / "run.lock"

    def state_place(self, target: str) -> Path:
        """A file that names where the workspace's state of a target is kept."""
        return work_directory() / self.workspace / f"state-of-{target}"

    @property
    def target(self) -> Path:
        """A file that names the target which the workspace's state describes."""
        return work_directory() / self.workspace / "target"
