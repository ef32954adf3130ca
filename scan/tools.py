"""The scanners, in a virtual environment of their own: their dependencies are not the project's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCANNERS = PROJECT_ROOT / ".venv-scan"


def run_scanner(
    name: str,
    arguments: Sequence[str],
    *,
    codes: Sequence[int] = (0, 1),
    folder: Path = PROJECT_ROOT,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a scanner prints. Raises OperatorError when it is missing, ends in none of `codes`, or with
    another than 0 and nothing printed: some end alike when they find something and when they crash.
    """
    program = Path(os.environ.get("SCAN_VENV", SCANNERS)) / "bin" / name
    if not program.is_file():
        raise OperatorError(
            f"{name} is not installed: run `make scan`, which installs the scanners"
        )
    result = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env={**_neutral(os.environ), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in codes or (result.returncode and not result.stdout.strip()):
        said = (result.stderr.strip() or result.stdout.strip() or "nothing").splitlines()[-1]
        raise OperatorError(f"{name} failed with {result.returncode} and said: {said}")
    return result.stdout


def _neutral(shell: Mapping[str, str]) -> dict[str, str]:
    """The shell's environment without what would have checkov leave checks out."""
    return {
        name: value
        for name, value in shell.items()
        if not name.startswith(("BC_", "CKV_", "PRISMA_")) and name not in {"CHECK", "SKIP_CHECK"}
    }


def read_json(name: str, output: str) -> Any:
    """What a scanner printed, as JSON. Raises OperatorError."""
    try:
        return json.loads(output)
    except ValueError as error:
        said = (output.strip() or "nothing").splitlines()[0]
        raise OperatorError(f"{name} did not answer in JSON, but with: {said}") from error
