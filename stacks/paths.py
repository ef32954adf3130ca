"""Where the project's files are; nothing here imports CDKTF, which takes seconds to start."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def work_directory() -> Path:
    """The folder of all generated files: TRADING_WORK_DIR, or `.trading` in the checkout."""
    return Path(os.environ.get("TRADING_WORK_DIR") or PROJECT_ROOT / ".trading").resolve()


def state_directory() -> Path:
    """Where Terraform keeps state when it is not kept in a bucket: `{stack}/{workspace}/` below it."""
    return work_directory() / "state"
