"""What the local target needs on the machine: its virtual environment and MariaDB."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError

Progress = Callable[[str], None]

_LOCK_FILE = PROJECT_ROOT / "requirements" / "local-aws.txt"

_DATABASE_PROGRAMS = ("mariadbd", "mariadb", "mariadb-install-db")
# mariadb-install-db is in the first and needs my_print_defaults of the second.
_DATABASE_PACKAGES = ("mariadb-server-core", "mariadb-client-core")
# Debian keeps servers where not every user's PATH looks.
_SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class LocalTargetError(OperatorError):
    """The local target cannot be used; the message says in one line what to do."""


def ensure_environment(directory: Path, progress: Progress) -> Path:
    """Make the virtual environment of the local AWS, unless it holds what the lock file says.

    TRADING_LOCAL_VENV names another folder for it, which several checkouts may share.

    :returns: its interpreter.
    :raises LocalTargetError: the installation fails.
    """
    directory = Path(os.environ.get("TRADING_LOCAL_VENV") or directory).resolve()
    python = directory / "bin" / "python"
    complete = directory / "lock-hash"
    lock_hash = hashlib.sha256(_LOCK_FILE.read_bytes()).hexdigest()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.is_file() and complete.read_text() == lock_hash:
            return python
        if directory.exists() and not (directory / "pyvenv.cfg").exists():
            raise LocalTargetError(f"{directory} is not a virtual environment: name another folder")
        progress("installing the local AWS (once)")
        shutil.rmtree(directory, ignore_errors=True)
        failure = "cannot install the local AWS"
        _run([sys.executable, "-m", "venv", str(directory)], failure)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, "--require-hashes", "--requirement", str(_LOCK_FILE)], failure)
        complete.write_text(lock_hash)
    return python


def missing_database_programs() -> list[str]:
    """MariaDB's programs that are not on this machine."""
    return [name for name in _DATABASE_PROGRAMS if not shutil.which(name, path=_SYSTEM_PATH)]


def ensure_database_programs(progress: Progress) -> None:
    """Install MariaDB's programs where this process may, unless they are there.

    :raises LocalTargetError: they are missing, or the installation fails.
    """
    missing = missing_database_programs()
    if not missing:
        return
    packages = " ".join(_DATABASE_PACKAGES)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise LocalTargetError(
            f"{', '.join(missing)} not found: install MariaDB 10.6 or later"
            f" (Debian, Ubuntu: apt-get install {packages}; macOS: brew install mariadb)"
        )
    progress("installing MariaDB (once)")
    failure = f"cannot install MariaDB: try apt-get install {packages}"
    _run(["apt-get", "update", "-qq"], failure)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_DATABASE_PACKAGES]
    _run(install, failure)


def _run(command: list[str], failure: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        raise LocalTargetError(f"{failure} ({lines[-1] if lines else 'no message'})")
