"""With the foundation go its archives: what they have is told, and the account's id asked for."""

from __future__ import annotations

import pytest

from tests.local_aws.conftest import create_key
from tests.trading.archive.verbs.conftest import (
    ACCOUNT,
    ELSEWHERE,
    GENERATIONS,
    HOME,
    REGION_NAMES,
    Operator,
)
from trading.archive.cluster import Snapshots
from trading.local.local_target import LocalTarget

DESTROY = ("foundation", "destroy")


def destroyed(operator: Operator) -> set[str]:
    """What Terraform destroyed."""
    calls = operator.project.calls("apply")
    return {call["stack"].removeprefix("foundation-") for call in calls}


def test_with_nothing_kept_its_name_is_asked_for(operator: Operator) -> None:
    assert "add --confirm foundation" in operator.refused(*DESTROY, "--yes")
    operator.succeeds(*DESTROY, "--confirm", "foundation")
    assert destroyed(operator) == set(REGION_NAMES)


def test_with_anything_kept_the_account_is_asked_for(operator: Operator) -> None:
    shelves = [operator.shelf("dev"), operator.shelf("dev-pr42", ELSEWHERE)]
    for shelf, generation in zip(shelves, GENERATIONS, strict=False):
        operator.keeps(shelf, generation)
    operator.begins(shelves[0], GENERATIONS[2])
    refused = operator(*DESTROY, "--confirm", "foundation")
    assert refused.exit_code == 1
    assert f"'foundation' is not '{ACCOUNT}': nothing was done" in refused.stderr
    for told in ("dev-pr42", "1,204", *GENERATIONS[:3], "unfinished", "2 snapshots"):
        assert told in refused.stdout
    assert operator.snapshots(HOME)
    assert operator.snapshots(ELSEWHERE)
    assert destroyed(operator) == set()
    operator.succeeds(*DESTROY, "--confirm", ACCOUNT)
    assert operator.snapshots(HOME) == operator.snapshots(ELSEWHERE) == set()
    assert destroyed(operator) == set(REGION_NAMES)


def test_an_environment_that_is_deployed_comes_first(operator: Operator) -> None:
    operator.keeps(operator.shelf(), GENERATIONS[0])
    operator.deploys()
    assert operator.refused(*DESTROY, "--confirm", ACCOUNT).startswith("dev is deployed ")
    assert operator.snapshots()


def test_snapshots_go_before_the_key_that_they_are_under(operator: Operator) -> None:
    operator.keeps(operator.shelf(), GENERATIONS[0])
    for region in REGION_NAMES:
        operator.shows(f"foundation-{region}", "foundation", {}, fail="not now")
    failed = operator(*DESTROY, "--confirm", ACCOUNT)
    assert failed.exit_code == 1
    assert operator.snapshots() == set()


def test_snapshots_that_no_generation_names_are_something(operator: Operator) -> None:
    shelf = operator.shelf()
    operator.keeps(shelf, GENERATIONS[0])
    shelf.clear(GENERATIONS[0])
    refused = operator(*DESTROY, "--confirm", "foundation")
    assert "1 snapshot of the archives" in refused.stdout
    assert operator.snapshots()


def test_snapshots_of_others_stay(operator: Operator, client_key: str) -> None:
    """One that only begins as ours do."""
    snapshots = Snapshots(operator.archives[HOME].environment, HOME, lambda: None)
    tags = {"Layer": "archive", "Project": "billing"}
    snapshots.copy(operator.seed, "archive-billing", client_key, tags)
    operator.succeeds(*DESTROY, "--confirm", "foundation")
    assert operator.snapshots() == {"archive-billing"}
    snapshots.remove("archive-billing")


@pytest.fixture
def client_key(operator: Operator) -> str:
    return create_key(operator.client)


def test_what_is_partly_destroyed_is_no_obstacle(operator: Operator) -> None:
    """A stack that had no archive yet, one whose bucket is gone, one that has lost its key."""
    old, bucketless, keyless = REGION_NAMES
    operator.shows(f"foundation-{old}", "foundation", {})
    gone = operator.archives[bucketless]
    gone.s3.delete_bucket(Bucket=gone.bucket)
    bucket = {"aws_s3_bucket.archive_bucket": {"bucket": operator.archives[keyless].bucket}}
    operator.shows(f"foundation-{keyless}", "foundation", bucket)
    operator.succeeds(*DESTROY, "--confirm", "foundation")
    assert destroyed(operator) == set(REGION_NAMES)


def test_an_archive_without_outputs_is_still_something(operator: Operator) -> None:
    """Outputs are the first that a destroy which was cut off has lost."""
    operator.keeps(operator.shelf(), GENERATIONS[0])
    archive = operator.archives[HOME]
    operator.shows(
        f"foundation-{HOME}",
        "foundation",
        {"aws_s3_bucket.archive_bucket": {"bucket": archive.bucket}},
    )
    refused = operator(*DESTROY, "--confirm", "foundation")
    assert GENERATIONS[0] in refused.stdout
    assert "key gone" in refused.stdout
    assert destroyed(operator) == set()


def test_what_cannot_be_looked_at_may_hold_something(
    operator: Operator, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    target.begin_outage(ELSEWHERE)
    try:
        refused = operator(*DESTROY, "--confirm", "foundation")
        assert "not looked at: the archive in us-west-2: " in refused.stdout
        assert f"is not '{ACCOUNT}'" in refused.stderr
        operator.succeeds(*DESTROY, "--confirm", ACCOUNT)
    finally:
        target.end_outage(ELSEWHERE)
