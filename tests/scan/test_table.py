"""The table of docs/security.md, which is made and not written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scan import table
from scan.findings import Finding, Outcome
from scan.waivers import Judgement
from trading.errors import OperatorError

PAGE = "# Security\n\n<!-- scan: begin -->\nof before\n<!-- scan: end -->\n\nMore.\n"
SCOPE = "prod synthesized"


def finding(check: str, unit: str) -> Finding:
    return Finding("checkov", SCOPE, check, f"data:{unit}", "a message", unit)


def rows_of(*outcomes: Outcome, failed: tuple[Finding, ...] = ()) -> list[table.Row]:
    waived = tuple(one for each in outcomes for one in each.findings if one not in failed)
    return table.rows(outcomes, Judgement(failed, waived, ()))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "security.md"
    page.write_text(PAGE)
    return page


def test_what_is_judged_is_passed_waived_or_failed() -> None:
    failed, waived, other = (finding("CKV", unit) for unit in "abc")
    again = finding("CKV2", "a")
    outcome = Outcome("checkov", (failed, waived, other, again), Counter({(SCOPE, "CKV"): 10}))
    (row,) = rows_of(outcome, failed=(failed,))
    # The unit with two findings, one of them waived, has failed once.
    assert row.cells() == ("checkov", SCOPE, "10", "7", "2", "1")


def test_what_was_not_judged_is_not_shown_as_passed() -> None:
    outcome = Outcome("pip-audit", (), Counter(), {"requirements/lambda.txt": "no network"})
    (row,) = rows_of(outcome)
    assert row.cells() == ("pip-audit", "requirements/lambda.txt", "not run", "", "", "")


def test_the_page_has_the_table_between_its_marks(page: Path) -> None:
    shown = rows_of(Outcome("checkov", (), Counter({(SCOPE, "CKV"): 10})))
    assert not table.is_current(shown, page)
    table.write(shown, page)
    assert table.is_current(shown, page)
    text = page.read_text()
    assert text.startswith("# Security\n\n<!-- scan: begin -->\n| Tool |")
    assert "| checkov | prod synthesized | 10 | 10 | 0 | 0 |\n<!-- scan: end -->\n\nMore.\n" in text
    assert "of before" not in text
    table.write(shown, page)
    assert page.read_text() == text


def test_what_changes_with_every_commit_is_not_counted_in_the_page(page: Path) -> None:
    counts = Counter({("tree", "file"): 400, (SCOPE, "file"): 14})
    outcome = Outcome("detect-secrets", (), counts, unrecorded=frozenset({"tree"}))
    table.write(rows_of(outcome), page)
    assert "| detect-secrets | prod synthesized |" in page.read_text()
    assert "| detect-secrets | tree | not counted |  |  |  |" in page.read_text()
    assert "400" not in page.read_text()


@pytest.mark.parametrize(
    "text",
    [None, "# Security\n", PAGE.replace("<!-- scan: end -->", ""), PAGE + PAGE],
    ids=["no-page", "no-marks", "no-end", "two-places"],
)
def test_a_page_without_one_place_is_a_clear_error(tmp_path: Path, text: str | None) -> None:
    page = tmp_path / "security.md"
    if text is not None:
        page.write_text(text)
    for ask in (table.is_current, table.write):
        with pytest.raises(OperatorError, match=r"security\.md has no place between <!-- scan: b"):
            ask([], page)
    assert (page.read_text() if page.exists() else None) == text
