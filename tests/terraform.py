"""Running Terraform itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from trading.engine.plugins import terraform_environment


def terraform(
    directory: Path, *arguments: str, workspace: str = "default"
) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a stack's folder."""
    return subprocess.run(
        ["terraform", *arguments],
        cwd=directory,
        env=terraform_environment() | {"TF_WORKSPACE": workspace},
        capture_output=True,
        text=True,
        check=False,
    )
