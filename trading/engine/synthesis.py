"""Turn the Python of the stacks into Terraform JSON."""

from __future__ import annotations

import os
import subprocess
import sys

from stacks.paths import PROJECT_ROOT
from trading.engine.graph import Graph
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError


def synthesize(workspace: str) -> Graph:
    """Write the Terraform JSON of a workspace's stacks, and read what they need from each other.

    Raises OperatorError when the settings or the stacks do not allow it.
    """
    folder = WorkspaceFolder(workspace)
    folder.synthesized.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "TF_WORKSPACE": workspace,
        "CDKTF_OUTDIR": str(folder.synthesized),
    }
    # A process of its own: jsii can make one app in its life, and a run must not keep node alive.
    result = subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "main.py")],
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise OperatorError(_reason(result.stderr, folder))
    return Graph.read(folder.synthesized)


def _reason(output: str, folder: WorkspaceFolder) -> str:
    """The app's own one-line error; for anything else its last line, and where the whole is."""
    lines = output.strip().splitlines() or ["no message"]
    if len(lines) == 1 and lines[0].startswith("error: "):
        return lines[0].removeprefix("error: ")
    folder.logs.mkdir(parents=True, exist_ok=True)
    log = folder.logs / "synth.log"
    log.write_text(output)
    return f"the stacks could not be synthesized ({lines[-1].strip()}): see {log}"
