"""What is argued must be what is found: neither a word too much, nor a finding too few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scan.findings import Finding
from scan.waivers import Waiver, judge, read_waivers
from trading.errors import OperatorError

WAIVER = """
[[waiver]]
tool = "checkov"
check = "CKV_AWS_1"
subjects = ["data-*:aws_rds_cluster.aurora"]
because = "the mandate"
instead = "a snapshot"
"""


def finding(subject: str, check: str = "CKV_AWS_1", tool: str = "checkov") -> Finding:
    return Finding(tool, "prod synthesized", check, subject, "a message", subject)


def waiver(*subjects: str) -> Waiver:
    return Waiver("checkov", "CKV_AWS_1", subjects, "the mandate", "a snapshot")


def test_what_is_argued_is_waived_and_the_rest_has_failed() -> None:
    east, west, network = (
        finding(f"{stack}:aws_rds_cluster.aurora")
        for stack in ("data-us-east-1", "data-us-west-2", "network-us-east-1")
    )
    judgement = judge([network, west, east], [waiver("data-*:aws_rds_cluster.aurora")])
    assert judgement.waived == (east, west)
    assert judgement.failed == (network,)
    assert judgement.idle == ()


def test_a_waiver_is_of_one_check_of_one_tool() -> None:
    others = [finding("data:a", check="CKV_AWS_2"), finding("data:a", tool="cfn-lint")]
    judgement = judge(others, [waiver("*")])
    assert set(judgement.failed) == set(others)


def test_every_pattern_must_match_by_itself() -> None:
    judgement = judge([finding("data:a")], [waiver("data:a", "data:b"), waiver("network:*")])
    assert judgement.failed == ()
    assert judgement.idle == ("checkov CKV_AWS_1 data:b", "checkov CKV_AWS_1 network:*")


def test_what_another_test_finds_is_not_idle_here() -> None:
    here = waiver("global-dns:*")
    elsewhere = replace(here, elsewhere="tests/end_to_end/test_platform.py")
    assert judge([], [here]).idle == ("checkov CKV_AWS_1 global-dns:*",)
    assert judge([], [elsewhere]).idle == ()


def test_brackets_name_what_is_in_them() -> None:
    statement = finding("api:aws_iam_role_policy.a[Trace]")
    letter = finding("api:aws_iam_role_policy.aT")
    judgement = judge([statement, letter], [waiver("api:aws_iam_role_policy.a[Trace]")])
    assert (judgement.waived, judgement.failed) == ((statement,), (letter,))
    every = judge([statement, letter], [waiver("api:aws_iam_role_policy.a[*]")])
    assert every.waived == (statement,)


def test_letters_are_told_apart_by_their_case() -> None:
    assert judge([finding("data:A")], [waiver("data:a")]).failed


def test_waivers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(WAIVER)
    assert read_waivers(path) == [waiver("data-*:aws_rds_cluster.aurora")]


def test_the_waivers_of_the_project_can_be_read() -> None:
    assert read_waivers()


@pytest.mark.parametrize(
    "text",
    [
        "[[waiver]",
        "",
        "waiver = 1",
        'waiver = ["checkov"]',
        WAIVER.replace("instead", "alternative"),
        WAIVER.replace('because = "the mandate"', ""),
        WAIVER.replace('"the mandate"', "1"),
        WAIVER.replace('["data-*:aws_rds_cluster.aurora"]', "1"),
    ],
    ids=[
        "no-toml",
        "nothing",
        "a-number",
        "a-list-of-words",
        "another-key",
        "no-reason",
        "a-number-for-a-reason",
        "a-number-for-subjects",
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    with pytest.raises(OperatorError) as told:
        read_waivers(path)
    assert str(told.value).startswith(f"{path} cannot be read as waivers: ")
    assert "\n" not in str(told.value)


def test_no_file_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read as waivers"):
        read_waivers(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"the mandate"', '" "'),
        ('"a snapshot"', '""'),
        ('["data-*:aws_rds_cluster.aurora"]', "[]"),
    ],
    ids=["because", "instead", "subjects"],
)
def test_a_waiver_has_a_reason_and_a_subject(tmp_path: Path, said: str, instead: str) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(WAIVER.replace(said, instead))
    with pytest.raises(OperatorError, match="checkov CKV_AWS_1 lacks a reason or a subject"):
        read_waivers(path)
