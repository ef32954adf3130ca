"""How much was looked at may not change in silence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scan import ledger
from scan.findings import Outcome
from trading.errors import OperatorError

SYNTHESIZED, PLANNED = "prod synthesized", "prod planned"
RECORDED = {"checkov": {SYNTHESIZED: {"CKV_AWS_1": 3}, PLANNED: {"CKV_AWS_1": 2}}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where it is recorded that one check looked at three resources and, planned, at two."""
    path = tmp_path / "evaluated.json"
    ledger.record(RECORDED, path)
    return path


def counts(**checks: int) -> ledger.Counts:
    return {"checkov": {SYNTHESIZED: dict(checks), PLANNED: {"CKV_AWS_1": 2}}}


def test_what_was_recorded_is_what_is_expected(path: Path) -> None:
    assert ledger.complaints(RECORDED, path) == []


def test_less_is_a_failure(path: Path) -> None:
    told = ledger.complaints(counts(CKV_AWS_1=2), path)
    assert told == [
        "evaluated less often than recorded: checkov prod synthesized CKV_AWS_1: 2, not 3"
    ]


def test_nothing_at_all_is_a_failure(path: Path) -> None:
    told = ledger.complaints(counts(), path)
    assert told == [
        "evaluated less often than recorded: checkov prod synthesized CKV_AWS_1: 0, not 3"
    ]
    assert len(ledger.complaints({}, path)) == 2


def test_more_is_to_be_recorded(path: Path) -> None:
    told = ledger.complaints(counts(CKV_AWS_1=4, CKV_AWS_2=1), path)
    assert [line.partition("; ")[0] for line in told] == [
        "evaluated more often than recorded: checkov prod synthesized CKV_AWS_1: 4, not 3",
        "evaluated more often than recorded: checkov prod synthesized CKV_AWS_2: 1, not 0",
    ]
    assert all("make scan-record" in line for line in told)


def test_what_was_not_asked_about_is_not_missed(path: Path) -> None:
    without_plans: ledger.Counts = {"checkov": {SYNTHESIZED: {"CKV_AWS_1": 3}}}
    assert ledger.complaints(without_plans, path)
    assert ledger.complaints(without_plans, path, scopes={SYNTHESIZED}) == []


def test_what_changes_with_every_commit_is_not_recorded() -> None:
    outcome = Outcome(
        "detect-secrets",
        (),
        Counter({("tree", "file"): 400, (SYNTHESIZED, "file"): 14}),
        unrecorded=frozenset({"tree"}),
    )
    assert ledger.counted([outcome]) == {"detect-secrets": {SYNTHESIZED: {"file": 14}}}


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n", None])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "evaluated.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OperatorError, match=r"cannot be read: run `make scan-record`$"):
        ledger.complaints({}, path)
