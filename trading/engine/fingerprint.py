"""What decides the result of a synth, as one hash: the same hash, the same Terraform JSON."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.paths import work_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

# Raise it when the same inputs are to be synthesized in another way.
_FORMAT = 1

_SOURCES = ("main.py", "cdktf.json", "stacks", "src/lambda", "requirements/lambda.txt")
# What only says where and how Terraform runs. Any other TRADING_ variable may be a setting, so it
# counts until it is known not to: a synth too many costs seconds, one too few deploys the wrong thing.
_WITHOUT_EFFECT = {
    "TRADING_TARGET",
    "TRADING_TERRAFORM",
    "TRADING_LOCAL_VENV",
    "TRADING_LOCAL_PORT",
    "TRADING_WORK_DIR",
}


def inputs_fingerprint(workspace: str, project: Path) -> str:
    """A hash over a project's sources and settings, environment variables and installed versions."""
    inputs = {
        "format": _FORMAT,
        "workspace": workspace,
        "work directory": str(work_directory()),
        "variables": {name: os.environ[name] for name in sorted(filter(_counts, os.environ))},
        # zlib makes the bytes of the Lambda ZIP.
        "versions": [platform.python_version(), zlib.ZLIB_RUNTIME_VERSION, *_distributions()],
        "sources": {
            path.relative_to(project).as_posix(): digest(path) for path in _source_files(project)
        },
    }
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def digest(path: Path) -> str:
    """The hash of a file's content; empty for what is no file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ""


def _counts(variable: str) -> bool:
    return variable.startswith(("TRADING_", "CDKTF_")) and variable not in _WITHOUT_EFFECT


def _distributions() -> list[str]:
    """Name and version of every installed package, from the names of their folders.

    Importing importlib.metadata, and parsing with it, takes longer than all the rest here.
    """
    folders = (Path(entry) for entry in sys.path if Path(entry).is_dir())
    return sorted({found.name for folder in folders for found in folder.glob("*.dist-info")})


def _source_files(project: Path) -> Iterator[Path]:
    """All sources, in a fixed order, without what interpreters, editors and linters leave beside."""
    for source in _SOURCES:
        start = project / source
        if start.is_file():
            yield start
        for folder, subfolders, names in os.walk(start):
            subfolders[:] = sorted(
                name for name in subfolders if name[0] != "." and name != "__pycache__"
            )
            for name in sorted(names):
                if name[0] != "." and not name.endswith(".pyc"):
                    yield Path(folder, name)
