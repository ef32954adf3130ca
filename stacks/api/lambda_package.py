"""The Lambda ZIP: the same sources give the same bytes, in every checkout and every region.

CDKTF is not imported here, so the package can be built and tested without CDKTF.
Terraform compares the ZIP's hash to decide whether to deploy, so nothing may enter it that varies:
no time, no owner, no compiled file, no record of the installation. (The one thing left to the
machine is its zlib: another implementation, such as zlib-ng, compresses to other bytes.)
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stacks.paths import PROJECT_ROOT, work_directory
from stacks.settings import LAMBDA_RUNTIME

SOURCES_FOLDER = PROJECT_ROOT / "src" / "lambda"
LOCK_FILE = PROJECT_ROOT / "requirements" / "lambda.txt"
MIGRATIONS_FOLDER = SOURCES_FOLDER / "trade_service" / "migrations"

TRADE_API_HANDLER = "trade_service.handlers.trade_api.handler"
SCHEMA_MIGRATOR_HANDLER = "trade_service.handlers.schema_migrator.handler"
TRADE_REPORTER_HANDLER = "trade_service.handlers.trade_reporter.handler"
PYTHON_VERSION = LAMBDA_RUNTIME.removeprefix("python")

# Part of every cache key: raise it when the layout of the ZIP or of the dependencies changes.
_FORMAT = "1"
_COMPILED_SUFFIXES = {".so", ".pyd", ".dylib", ".dll"}
# ZIP knows no time before this one.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE_FOR_ALL_TO_READ = 0o100644


class LambdaPackageError(Exception):
    """The package cannot be built; the message is one line that says why."""


@dataclass(frozen=True)
class LambdaPackage:
    """A built ZIP.

    Attributes:
        path: the file; its name holds the hash of what went into it.
        sha256_base64: as ``source_code_hash`` of ``aws_lambda_function`` expects it.
        sha256_hex: the same hash in hexadecimal.
    """

    path: Path
    sha256_base64: str
    sha256_hex: str


def build_lambda_package(
    *,
    sources: Path = SOURCES_FOLDER,
    lock_file: Path = LOCK_FILE,
    work_folder: Path | None = None,
) -> LambdaPackage:
    """Build the ZIP, or find it built: it is made again only when its contents change.

    Safe to call from several processes at once: whatever is made appears by an atomic rename.

    Raises:
        LambdaPackageError: pip failed, or a dependency is not pure Python.
    """
    work_folder = work_folder or work_directory() / "lambda"
    dependencies = _installed_dependencies(lock_file, work_folder)
    files = _source_files(sources)
    key = _digest([_FORMAT, dependencies.name], files)
    path = work_folder / f"trade-service-{key[:16]}.zip"
    if not path.is_file():
        _write_zip(path, {**_tree(dependencies), **files})
    digest = hashlib.sha256(path.read_bytes())
    return LambdaPackage(
        path=path,
        sha256_base64=base64.b64encode(digest.digest()).decode(),
        sha256_hex=digest.hexdigest(),
    )


def migrations_digest(folder: Path = MIGRATIONS_FOLDER) -> str:
    """A hash of the SQL migrations, which changes exactly when the migrator has work to do."""
    return _digest([], {path.name: path for path in folder.glob("*.sql")})


def _digest(prefix: list[str], files: dict[str, Path]) -> str:
    digest = hashlib.sha256("\0".join(prefix).encode())
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _tree(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }


def _source_files(folder: Path) -> dict[str, Path]:
    """The sources, without what interpreters, editors and linters leave beside them."""
    return {
        name: path
        for name, path in _tree(folder).items()
        if path.suffix != ".pyc"
        and not any(part.startswith(".") or part == "__pycache__" for part in Path(name).parts)
    }


def _installed_dependencies(lock_file: Path, work_folder: Path) -> Path:
    """The folder of the installed dependencies, keyed by the lock file and the target."""
    key = _digest([_FORMAT, PYTHON_VERSION], {"lock": lock_file})
    folder = work_folder / f"dependencies-{key[:16]}"
    if folder.is_dir():
        return folder
    work_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work_folder, prefix="installing-") as temporary:
        target = Path(temporary) / "target"
        _pip_install(lock_file, target)
        _refuse_compiled(target)
        _keep_only_reproducible(target)
        try:
            target.rename(folder)
        except OSError:
            # Another process was quicker, and a folder cannot be renamed over a filled one.
            if not folder.is_dir():
                raise
    return folder


def _pip_install(lock_file: Path, target: Path) -> None:
    """Install for Lambda's Python rather than this one: "any" platform admits pure wheels only."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"),
        *("--platform", "any", "--implementation", "py", "--abi", "none"),
        *("--python-version", PYTHON_VERSION),
        *("--target", str(target), "--requirement", str(lock_file)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        reason = (errors or result.stderr.splitlines() or ["no reason given"])[-1]
        raise LambdaPackageError(
            f"pip could not install {lock_file.name} for the Lambda ZIP: {reason.strip()}"
        )


def _refuse_compiled(folder: Path) -> None:
    for name in sorted(_tree(folder)):
        if _COMPILED_SUFFIXES & set(Path(name).suffixes):
            raise LambdaPackageError(
                f"{name} is compiled: the Lambda ZIP must run on x86_64 and arm64 alike"
            )


def _keep_only_reproducible(folder: Path) -> None:
    """Drop scripts, which name this machine's interpreter, and the installer's own records.

    What remains of each ``.dist-info`` is its metadata and licence.
    """
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for information in folder.glob("*.dist-info"):
        for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            (information / name).unlink(missing_ok=True)


def _write_zip(path: Path, files: dict[str, Path]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="building-", suffix=".zip")
    os.close(descriptor)
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, source in sorted(files.items()):
                entry = zipfile.ZipInfo(name, _TIMESTAMP)
                entry.external_attr = _REGULAR_FILE_FOR_ALL_TO_READ << 16
                # The default is that of the system: 0 on Windows, 3 on Unix.
                entry.create_system = 3
                archive.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED, 9)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
