"""What the pages about security name is there, and is as they say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from scan.waivers import read_waivers
from stacks.paths import PROJECT_ROOT
from tests.docs.pages import (
    CONTROL_HEADINGS,
    CONTROLS,
    PAGES,
    SECURITY,
    THREATS,
    anchors,
    controls,
    links,
    statuses,
    tables,
)

IDENTIFIER = re.compile(r"[A-Z][A-Za-z0-9]*\.\d+")
# As waivers are named in prose.
WAIVED_CHECK = re.compile(r"\bCKV2?_[A-Z0-9]+_\d+\b")
# A word such as "cost" is no argument.
SHORTEST_REASON = 25

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_what_a_page_links_to_is_there(page: Path) -> None:
    found = list(links(page))
    assert found
    for link in found:
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name}: {link}"
        assert path.is_relative_to(PROJECT_ROOT), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {link}"


@each_page
def test_every_waiver_that_a_page_names_is_in_force(page: Path) -> None:
    waived = {waiver.check for waiver in read_waivers()}
    for check in WAIVED_CHECK.findall(page.read_text()):
        assert check in waived, f"{page.name}: {check}"


def test_each_control_is_judged_once() -> None:
    judged = Counter(identifier for control in controls() for identifier in control.ids)
    assert judged
    for identifier, times in judged.items():
        assert IDENTIFIER.fullmatch(identifier), identifier
        assert times == 1, identifier


def test_a_row_of_a_control_is_read_as_one() -> None:
    """A table with other headings would be none of theirs, and go unseen."""
    for headings, *rows in tables(CONTROLS):
        for row in rows:
            assert len(row) == len(headings), row
            if IDENTIFIER.match(row[0]):
                assert headings == CONTROL_HEADINGS, row


def test_a_control_has_a_status_a_reason_and_a_place() -> None:
    allowed = statuses()
    for control in controls():
        assert control.status in allowed, control
        assert control.asks_for, control
        assert control.how, control
        assert re.fullmatch(r"\[[^]]+\]\([^)]+\)", control.where), control


def test_what_is_not_met_is_argued() -> None:
    unmet = [control for control in controls() if control.status == "not met"]
    assert unmet
    for control in unmet:
        assert len(control.how) >= SHORTEST_REASON, control


def test_what_is_not_done_for_a_waiver_says_so() -> None:
    """A waiver on what the controls ask for, too, is named beside them."""
    argued = {check for control in controls() for check in WAIVED_CHECK.findall(control.how)}
    # Deletion protection, a year of logs, replication: what both ask for.
    assert {"CKV_AWS_139", "CKV_AWS_338", "CKV_AWS_144"} <= argued


def test_the_scan_has_a_place_for_its_table() -> None:
    page = SECURITY.read_text()
    begin, end = "<!-- scan: begin -->", "<!-- scan: end -->"
    assert (page.count(begin), page.count(end)) == (1, 1)
    assert page.index(begin) < page.index(end)


def test_every_gate_of_the_scan_is_on_the_page() -> None:
    named = {link.rpartition("/")[2] for link in links(SECURITY)}
    gates = {path.name for path in (PROJECT_ROOT / "scan" / "gates").glob("[!_]*.py")}
    # One that has nothing in it yet judges nothing.
    filled = {name for name in gates if (PROJECT_ROOT / "scan" / "gates" / name).stat().st_size}
    assert filled
    assert filled <= named


def test_every_security_test_is_on_the_page() -> None:
    named = {link.rpartition("/")[2] for link in links(SECURITY)}
    tests = {path.name for path in (PROJECT_ROOT / "tests" / "security").glob("test_*.py")}
    assert tests
    assert tests <= named


def test_the_threats_name_the_controls_page_and_the_start() -> None:
    assert {"security.md", "security-controls.md", "client-access.md"} <= set(links(THREATS))
