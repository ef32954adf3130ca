"""What `make scan` makes of what the gates say: what it prints, and what it ends with."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from scan import __main__ as program
from scan import ledger, table
from scan.findings import Finding, Outcome
from scan.waivers import read_waivers

SCOPE = "prod synthesized"
FOUND = Finding("checkov", SCOPE, "CKV_AWS_1", "data:a", "Ensure that it is", "CKV_AWS_1 data:a")
WAIVER = """
[[waiver]]
tool = "checkov"
check = "CKV_AWS_1"
subjects = ["data:a"]
because = "the mandate"
instead = "a snapshot"
"""


@dataclass
class Project:
    """What is argued, recorded and shown, in a folder; and what the gates say of it."""

    folder: Path
    outcomes: list[Outcome]

    @property
    def waivers(self) -> Path:
        return self.folder / "waivers.toml"

    @property
    def counts(self) -> Path:
        return self.folder / "evaluated.json"

    @property
    def page(self) -> Path:
        return self.folder / "security.md"

    def scan(self, *options: str) -> Result:
        app = typer.Typer()
        app.command()(program.main)
        return CliRunner().invoke(app, [*options])


def outcome(*findings: Finding, evaluated: int = 3) -> Outcome:
    return Outcome("checkov", findings, Counter({(SCOPE, "CKV_AWS_1"): evaluated}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Where one finding is argued, and everything recorded."""
    project = Project(tmp_path, [outcome(FOUND)])
    project.waivers.write_text(WAIVER)
    project.page.write_text("<!-- scan: begin -->\n<!-- scan: end -->\n")
    monkeypatch.setattr(program, "read_waivers", partial(read_waivers, project.waivers))
    monkeypatch.setattr(program, "_outcomes", lambda plans: project.outcomes)
    for module, name, path in (
        (ledger, "complaints", project.counts),
        (ledger, "record", project.counts),
        (table, "is_current", project.page),
        (table, "write", project.page),
    ):
        at = "path" if module is ledger else "page"
        monkeypatch.setattr(module, name, partial(getattr(module, name), **{at: path}))
    ledger.record({})
    assert project.scan("--record").exit_code == 0
    return project


def test_what_is_argued_and_recorded_passes(project: Project) -> None:
    result = project.scan()
    assert result.exit_code == 0, result.output
    assert result.output.endswith("3 evaluated, 1 waived: nothing to be put right\n")


def test_what_nobody_argued_fails_in_one_line_for_all_places(project: Project) -> None:
    other = Finding("checkov", "dev planned", "CKV_AWS_2", "data:a", "Ensure more", "u")
    project.outcomes.append(Outcome("checkov", (other,), Counter()))
    again = Finding("checkov", "dev deployed", "CKV_AWS_2", "data:a", "Ensure more", "u")
    project.outcomes.append(Outcome("checkov", (again,), Counter()))
    result = project.scan()
    assert result.exit_code == 1
    assert "checkov CKV_AWS_2 data:a: Ensure more (dev deployed, dev planned)" in result.output
    assert result.output.endswith("1 to be put right\n")


def test_violation_waiver_that_matches_nothing(project: Project) -> None:
    text = project.waivers.read_text()
    project.waivers.write_text(text.replace('["data:a"]', '["data:a", "data:gone"]'))
    result = project.scan()
    assert result.exit_code == 1
    assert "waived, and not found: checkov CKV_AWS_1 data:gone" in result.output
    # What only plans show is not missed without them.
    assert project.scan("--no-plans").exit_code == 0


def test_violation_waiver_without_a_reason(project: Project) -> None:
    project.waivers.write_text(WAIVER.replace("the mandate", ""))
    result = project.scan()
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {project.waivers}: checkov CKV_AWS_1 lacks a reason or a subject\n"
    )
    assert isinstance(result.exception, SystemExit)


def test_what_is_evaluated_less_often_fails(project: Project) -> None:
    project.outcomes[:] = [outcome(FOUND, evaluated=2)]
    result = project.scan("--no-plans")
    assert result.exit_code == 1
    assert "less often than recorded: checkov prod synthesized CKV_AWS_1: 2, not 3" in result.output


def test_a_table_of_another_scan_fails(project: Project) -> None:
    project.page.write_text(project.page.read_text().replace("| 3 |", "| 4 |"))
    result = project.scan()
    assert result.exit_code == 1
    assert "the table of security.md is not of this scan: run `make scan-record`" in result.output


def test_what_was_not_judged_is_told(project: Project) -> None:
    lock = {"requirements/lambda.txt": "no advisory service is reached"}
    every = frozenset(lock)
    project.outcomes.append(Outcome("pip-audit", (), Counter(), lock, every))
    # Nobody knows whether it is needed.
    with project.waivers.open("a") as waivers:
        waivers.write(WAIVER.replace("checkov", "pip-audit"))
    assert project.scan("--record").exit_code == 0
    result = project.scan()
    assert result.exit_code == 0, result.output
    told = "pip-audit did not judge requirements/lambda.txt: no advisory service is reached"
    assert told in result.output


def test_recording_writes_what_the_next_scan_is_held_to(project: Project) -> None:
    project.outcomes[:] = [outcome(FOUND, evaluated=5)]
    assert project.scan().exit_code == 1
    assert project.scan("--record").exit_code == 0
    assert json.loads(project.counts.read_text()) == {"checkov": {SCOPE: {"CKV_AWS_1": 5}}}
    assert "| checkov | prod synthesized | 5 | 4 | 1 | 0 |" in project.page.read_text()
    assert project.scan().exit_code == 0


def test_half_a_scan_is_not_recorded(project: Project) -> None:
    before = project.counts.read_text()
    result = project.scan("--record", "--no-plans")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: --record without plans would record less than there is")
    assert project.counts.read_text() == before
