"""The ZIP: equal bytes from equal sources, pure Python, complete."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stacks.api import lambda_package
from stacks.api.lambda_package import (
    LOCK_FILE,
    SOURCES_FOLDER,
    LambdaPackage,
    LambdaPackageError,
    build_lambda_package,
    migrations_digest,
)
from tests.lambda_source.events import CONTEXT, proxy_event, trade_body

# What the runtime provides besides the standard library: boto3 and what that needs.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six")

INVOKE = """
import importlib, json, sys, types
sys.path[:0] = sys.argv[1:3]
for handler, event, context in json.load(sys.stdin):
    module, _, name = handler.rpartition(".")
    result = getattr(importlib.import_module(module), name)(
        event, types.SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000, **context)
    )
    print("RESULT" + json.dumps(result))
assert importlib.import_module("trade_service").__file__.startswith(sys.argv[1])
assert importlib.import_module("pymysql").__file__.startswith(sys.argv[1])
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> LambdaPackage:
    return build_lambda_package(work_folder=tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def copied_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources in another place, with other times and permissions, and with litter."""
    folder = tmp_path_factory.mktemp("copy") / "lambda"
    shutil.copytree(SOURCES_FOLDER, folder, copy_function=shutil.copyfile)
    for path in folder.rglob("*.py"):
        path.chmod(0o700)
        os.utime(path, (1, 1))
    cache = folder / "trade_service" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "x.cpython-311.pyc").write_bytes(b"compiled")
    (folder / "trade_service" / "beside.pyc").write_bytes(b"compiled")
    (folder / ".DS_Store").write_bytes(b"litter")
    return folder


def test_two_clean_builds_give_the_same_bytes(
    package: LambdaPackage, copied_sources: Path, tmp_path: Path
) -> None:
    second = build_lambda_package(sources=copied_sources, work_folder=tmp_path)
    assert second.path != package.path
    assert second.path.read_bytes() == package.path.read_bytes()
    digest = hashlib.sha256(package.path.read_bytes())
    assert package.sha256_hex == digest.hexdigest()
    assert base64.b64decode(package.sha256_base64) == digest.digest()


def test_entries_are_sorted_timeless_and_readable_by_all(package: LambdaPackage) -> None:
    with zipfile.ZipFile(package.path) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_nothing_compiled_nothing_of_the_machine(package: LambdaPackage) -> None:
    with zipfile.ZipFile(package.path) as archive:
        for name in archive.namelist():
            path = Path(name)
            assert not {".so", ".pyd", ".pyc", ".dylib"} & set(path.suffixes), name
            assert path.parts[0] not in {"bin", "boto3", "botocore", "pydantic"}, name
            assert path.name not in {"RECORD", "INSTALLER", "direct_url.json"}, name
            content = archive.read(name)
            assert not content.startswith((b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")), name
            assert str(Path.home()).encode() + b"/" not in content, name
        total = sum(entry.file_size for entry in archive.infolist())
    # Below what the console can edit, and far below Lambda's 250 MB.
    assert total < 20_000_000


def test_a_warm_build_takes_no_time_and_writes_nothing(package: LambdaPackage) -> None:
    before = {path: path.stat().st_mtime_ns for path in package.path.parent.iterdir()}
    started = time.perf_counter()
    again = build_lambda_package(work_folder=package.path.parent)
    assert time.perf_counter() - started < 0.5
    assert again == package
    assert {path: path.stat().st_mtime_ns for path in package.path.parent.iterdir()} == before


def test_a_changed_source_changes_the_package(package: LambdaPackage, copied_sources: Path) -> None:
    (copied_sources / "trade_service" / "added.py").write_text("ADDED = True\n")
    changed = build_lambda_package(sources=copied_sources, work_folder=package.path.parent)
    assert changed.path != package.path
    assert changed.sha256_hex != package.sha256_hex
    (copied_sources / "trade_service" / "added.py").unlink()


def test_builds_at_one_time_agree_and_leave_no_litter(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        packages = set(pool.map(lambda _: build_lambda_package(work_folder=tmp_path), range(3)))
    assert len(packages) == 1
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == [
        "dependencies",
        "trade",
    ]


@pytest.mark.parametrize("hashes", ["", " --hash=sha256:" + "0" * 64], ids=["none", "wrong"])
def test_a_lock_without_its_hash_is_one_clear_line(tmp_path: Path, hashes: str) -> None:
    lock = tmp_path / "lambda.txt"
    lock.write_text(f"fastjsonschema==2.22.3{hashes}\n")
    with pytest.raises(
        LambdaPackageError, match=r"^pip could not install lambda\.txt .+$"
    ) as error:
        build_lambda_package(lock_file=lock, work_folder=tmp_path / "work")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "work").iterdir()) == []


def test_a_compiled_dependency_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(_: Path, target: Path) -> None:
        target.mkdir()
        (target / "fast.cpython-312-x86_64-linux-gnu.so").touch()

    monkeypatch.setattr(lambda_package, "_pip_install", install)
    with pytest.raises(LambdaPackageError, match="is compiled"):
        build_lambda_package(work_folder=tmp_path)


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    text = LOCK_FILE.read_text()
    assert "://" not in text
    requirements = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert requirements
    assert all("==" in line and line.endswith("\\") for line in requirements)


def test_the_migrations_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    first = migrations_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("not a migration")
    assert migrations_digest(tmp_path) == first
    (tmp_path / "0001_a.sql").write_text("SELECT 2")
    second = migrations_digest(tmp_path)
    (tmp_path / "0001_a.sql").rename(tmp_path / "0001_b.sql")
    assert len({first, second, migrations_digest(tmp_path), migrations_digest()}) == 4


def test_the_handlers_run_from_the_zip_with_only_boto3_beside_it(
    package: LambdaPackage, environment: dict[str, str], tmp_path: Path
) -> None:
    code, runtime = tmp_path / "code", tmp_path / "runtime"
    zipfile.ZipFile(package.path).extractall(code)
    runtime.mkdir()
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (runtime / origin.name).symlink_to(origin)
    context = vars(CONTEXT)
    trade_api, migrator = lambda_package.TRADE_API_HANDLER, lambda_package.SCHEMA_MIGRATOR_HANDLER
    calls = [
        (migrator, {}, context),
        (trade_api, proxy_event("POST", "/trades", body=trade_body()), context),
        (trade_api, proxy_event("GET", "/health"), context),
    ]
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", INVOKE, str(code), str(runtime)],
        input=json.dumps(calls),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    answers = [
        json.loads(line.removeprefix("RESULT"))
        for line in result.stdout.splitlines()
        if line.startswith("RESULT")
    ]
    assert answers[0]["database"] == environment["DATABASE_NAME"]
    assert [answer["statusCode"] for answer in answers[1:]] == [201, 200]
