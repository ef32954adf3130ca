"""What is installed is what was locked: every package by its hash, and the lock by what is asked for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from stacks.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "requirements"
LOCKS = sorted(FOLDER.glob("*.txt"))
# Each entry is one logical line: what, then its hashes, then a comment that says for whom.
ENTRY = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==(?P<version>\S+)(?P<marker> ; [^\\]+)?"
    r"(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)

each_lock = pytest.mark.parametrize("lock", LOCKS, ids=[lock.name for lock in LOCKS])


def entries(lock: Path) -> list[re.Match[str]]:
    """What a lock installs; fails at a line that is neither an entry's nor a comment."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    found = list(ENTRY.finditer(text))
    rest = ENTRY.sub("", text)
    assert not rest.strip(), f"{lock.name}: {rest.strip().splitlines()[0]}"
    return found


def asked_for(lock: Path) -> Iterator[Requirement]:
    """What a lock was made from: `<name>.in`, or the project itself."""
    source = lock.with_suffix(".in")
    if source.exists():
        lines = [line.partition("#")[0].strip() for line in source.read_text().splitlines()]
        yield from (Requirement(line) for line in lines if line)
        return
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"][lock.stem]]
    yield from (Requirement(line) for line in wanted)


def test_there_is_a_lock_for_whatever_is_asked_for() -> None:
    assert {source.stem for source in FOLDER.glob("*.in")} <= {lock.stem for lock in LOCKS}
    assert {"development", "lambda", "local-aws"} <= {lock.stem for lock in LOCKS}


@each_lock
def test_every_package_has_its_hashes(lock: Path) -> None:
    for entry in entries(lock):
        assert entry["hashes"].count("--hash=sha256:") >= 1
    assert entries(lock)


@each_lock
def test_no_lock_says_where_packages_come_from(lock: Path) -> None:
    for file in (lock, lock.with_suffix(".in")):
        if file.exists():
            lines = [line.partition("#")[0] for line in file.read_text().splitlines()]
            options = [line for line in lines if re.match(r"\s*-(?!-hash=)", line)]
            assert options == []
            assert not re.search(r"https?://|git\+|file:| @ ", "\n".join(lines))


@each_lock
def test_what_is_asked_for_is_what_is_locked(lock: Path) -> None:
    locked: dict[str, list[Version]] = {}
    for entry in entries(lock):
        locked.setdefault(canonicalize_name(entry["name"]), []).append(Version(entry["version"]))
    for requirement in asked_for(lock):
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{lock.name} lacks {requirement}: run `make lock`"
        for version in versions:
            assert version in requirement.specifier, f"{lock.name}: {requirement} is {version}"


@each_lock
def test_nothing_is_locked_that_nobody_asks_for(lock: Path) -> None:
    """Each entry's comment names who wants it: another package, or what the lock is made from."""
    header, *blocks = re.split(r"\n(?=\w)", lock.read_text())
    sources = {f"-r {FOLDER.name}/{lock.stem}.in", "trading-platform (pyproject.toml)"}
    # What the Lambda's runtime brings along is not installed, and asks for more.
    left_out = re.findall(r"--no-emit-package (\S+)", header)
    packages = {
        canonicalize_name(name) for name in [*left_out, *(e["name"] for e in entries(lock))]
    }
    for block in blocks:
        said = [re.sub(r"^(via( |$))? *", "", line) for line in re.findall(r"    # +(.*)", block)]
        wanted_by = [name for name in said if name]
        assert wanted_by, block.splitlines()[0]
        for name in wanted_by:
            assert name in sources or canonicalize_name(name) in packages, name
