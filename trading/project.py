"""Where the project's files are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def work_directory() -> Path:
    """The folder of all generated files: TRADING_WORK_DIR, or `.trading` in the checkout.

    The same as `stacks.state.work_directory`, whose module starts node when it is imported.
    """
    return Path(os.environ.get("TRADING_WORK_DIR", PROJECT_ROOT / ".trading")).resolve()


def state_directory() -> Path:
    """Where Terraform keeps state when it is not kept in a bucket."""
    return work_directory() / "state"


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

    @property
    def target(self) -> Path:
        """A file that names the target which the workspace's state describes."""
        return work_directory() / self.workspace / "target"
