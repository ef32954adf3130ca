"""Other people's programs, when they are not there, crash, or answer something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scan.gates.dependencies import check_dependencies
from scan.gates.workflows import check_workflows
from scan.tools import read_json, run_scanner
from trading.errors import OperatorError


@pytest.fixture
def scanners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with no scanner in it."""
    monkeypatch.setenv("SCAN_VENV", str(tmp_path))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def install(scanners: Path, name: str, *lines: str) -> None:
    path = scanners / name
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(0o755)


@pytest.mark.usefixtures("scanners")
def test_a_scanner_that_is_missing_is_installed_by_make() -> None:
    with pytest.raises(OperatorError, match=r"^checkov is not installed: run `make scan`, .*$"):
        run_scanner("checkov", [])


def test_findings_are_no_failure(scanners: Path) -> None:
    install(scanners, "checkov", 'echo "$1"', "exit 1")
    assert run_scanner("checkov", ["found"]) == "found\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("echo Traceback >&2", "echo 'KeyError: 1' >&2", "exit 2"), "2 and said: KeyError: 1"),
        (("echo 'cannot read' >&2", "exit 1"), "1 and said: cannot read"),
        (("echo usage", "exit 2"), "2 and said: usage"),
        (("exit 3",), "3 and said: nothing"),
        (("kill -9 $$",), "-9 and said: nothing"),
    ],
    ids=["a-traceback", "nothing-printed", "no-error-printed", "nothing-said", "killed"],
)
def test_a_scanner_that_fails_is_one_line(
    scanners: Path, lines: tuple[str, ...], told: str
) -> None:
    install(scanners, "checkov", *lines)
    with pytest.raises(OperatorError) as error:
        run_scanner("checkov", [])
    assert str(error.value) == f"checkov failed with {told}"


@pytest.mark.parametrize(
    ("output", "told"),
    [("", "nothing"), ("<html>\nmore", "<html>")],
)
def test_what_is_no_json_is_one_line(output: str, told: str) -> None:
    with pytest.raises(OperatorError) as error:
        read_json("checkov", output)
    assert str(error.value) == f"checkov did not answer in JSON, but with: {told}"


def test_a_gate_says_so_too(scanners: Path, tmp_path: Path) -> None:
    install(scanners, "zizmor", "echo not JSON")
    with pytest.raises(OperatorError, match="zizmor did not answer in JSON, but with: not JSON"):
        check_workflows(tmp_path)


def test_packages_that_nobody_judged_are_told_and_may_be_required(
    scanners: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = {"name": "boto3", "version": "1.40.0", "vulns": []}
    skipped = {"name": "pymysql", "skip_reason": "Dependency not found on PyPI"}
    install(scanners, "pip-audit", f"echo '{json.dumps({'dependencies': [judged, skipped]})}'")
    (tmp_path / "lambda.txt").touch()
    outcome = check_dependencies(tmp_path)
    told = {"requirements/lambda.txt": "1 packages: no advisory service is reached"}
    assert outcome.not_run == told
    assert outcome.evaluated == {("requirements/lambda.txt", "package"): 1}
    monkeypatch.setenv("SCAN_REQUIRE_ADVISORIES", "1")
    with pytest.raises(OperatorError) as error:
        check_dependencies(tmp_path)
    assert str(error.value) == (
        "pip-audit did not judge requirements/lambda.txt: 1 packages: no advisory service is reached"
    )
