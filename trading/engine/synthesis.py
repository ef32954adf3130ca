"""Turn the Python of the stacks into Terraform JSON, unless that was done from the same inputs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from stacks.paths import PROJECT_ROOT
from trading.engine.fingerprint import digest, inputs_fingerprint
from trading.engine.graph import Graph
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError
from trading.files import write_whole
from trading.state.run_lock import run_of_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Synthesis:
    """The stacks of a workspace; `unchanged` when what an earlier synth wrote still holds."""

    graph: Graph
    unchanged: bool


@dataclass(frozen=True)
class _Record:
    """From which inputs a folder was synthesized, and the hash of every file that was written."""

    inputs: str
    files: dict[str, str]

    def holds_for(self, folder: Path, inputs: str) -> bool:
        return self.inputs == inputs and all(
            digest(folder / name) == written for name, written in self.files.items()
        )


def synthesize(workspace: str) -> Graph:
    """The stacks of a workspace, and what they need from each other.

    Raises OperatorError when the settings or the stacks do not allow it.
    """
    return bring_up_to_date(workspace).graph


def bring_up_to_date(workspace: str, *, force: bool = False) -> Synthesis:
    """Write the Terraform JSON of a workspace's stacks, unless it is there from the same inputs.

    Raises OperatorError when the settings or the stacks do not allow it.
    """
    folder = WorkspaceFolder(workspace)
    folder.synthesized.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder) as lock:
        inputs = inputs_fingerprint(workspace, PROJECT_ROOT)
        record = _read_record(folder)
        unchanged = (
            not force and record is not None and record.holds_for(folder.synthesized, inputs)
        )
        if not unchanged:
            _require_no_other_run(workspace)
            _replace(folder, inputs, _synthesize_aside(folder, lock))
        return Synthesis(Graph.read(folder.synthesized), unchanged)


def _require_no_other_run(workspace: str) -> None:
    """Raises OperatorError while a run of this checkout reads what would be written."""
    run = run_of_checkout(workspace)
    if run and run.process_id != os.getpid():
        raise OperatorError(
            f"the sources have changed since a run began that still works with them: {run}; wait"
            " until it has ended"
        )


def _synthesize_aside(folder: WorkspaceFolder, lock: TextIO) -> Path:
    """Run the app into a folder of its own, so that one which fails or is killed changes nothing.

    The folder is as deep as the final one: the stacks name their states by relative paths.
    """
    aside = folder.synthesized.with_name("synthesizing")
    shutil.rmtree(aside, ignore_errors=True)
    environment = {**os.environ, "TF_WORKSPACE": folder.workspace, "CDKTF_OUTDIR": str(aside)}
    # A process of its own: jsii can make one app in its life, and a run must not keep node alive.
    result = subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "main.py")],
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        # Should we be killed, it still writes: it keeps the lock until it has ended.
        pass_fds=[lock.fileno()],
    )
    if result.returncode != 0:
        raise OperatorError(_reason(result.stderr, folder))
    return aside


def _replace(folder: WorkspaceFolder, inputs: str, aside: Path) -> None:
    """Put what was synthesized into place, file by file: beside it lie Terraform's own.

    The record comes last. Until then the old one stands, and it does not hold for the new files. What
    is no longer synthesized is left: a run may still read it, and the stack of a region that was
    taken out of the settings can still be destroyed by hand.
    """
    names = [path.relative_to(aside) for path in sorted(aside.rglob("*")) if path.is_file()]
    files = {name.as_posix(): digest(aside / name) for name in names}
    for name in names:
        path = folder.synthesized / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (aside / name).replace(path)
    shutil.rmtree(aside)
    write_whole(_record_path(folder), json.dumps({"inputs": inputs, "files": files}, indent=1))


def _read_record(folder: WorkspaceFolder) -> _Record | None:
    try:
        return _Record(**json.loads(_record_path(folder).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _record_path(folder: WorkspaceFolder) -> Path:
    return folder.synthesized.with_name("synthesized.json")


@contextlib.contextmanager
def _locked(folder: WorkspaceFolder) -> Iterator[TextIO]:
    """Wait until no other command synthesizes this workspace."""
    with folder.synthesized.with_name("synth.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _reason(output: str, folder: WorkspaceFolder) -> str:
    """The app's own one-line error; for anything else its last line, and where the whole is."""
    lines = output.strip().splitlines() or ["no message"]
    if len(lines) == 1 and lines[0].startswith("error: "):
        return lines[0].removeprefix("error: ")
    folder.logs.mkdir(parents=True, exist_ok=True)
    log = folder.logs / "synth.log"
    log.write_text(output)
    return f"the stacks could not be synthesized ({lines[-1].strip()}): see {log}"
