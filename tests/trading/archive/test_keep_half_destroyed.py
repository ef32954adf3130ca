"""What a destroy that was cut off has left is as well kept as it was whole, and never less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.trading.archive.conftest import FIRST, SECOND, Database, Stack, holding
from trading.archive.manifest import Phase
from trading.archive.objects import remove_versions
from trading.errors import OperatorError


@pytest.fixture
def doomed(stack: Stack, new_database: Callable[..., Database]) -> Stack:
    """With a cluster of its own, and an object of two versions."""
    stack.database = new_database(stack.key)
    stack.database.query("CREATE TABLE trades (id INT)", "INSERT INTO trades VALUES (1)")
    stack.holdings = holding(stack.database, objects=stack.bucket)
    stack.put("first", b"changed")
    return stack


def remove_oldest(stack: Stack) -> None:
    *_, oldest = stack.s3.list_object_versions(Bucket=stack.bucket)["Versions"]
    remove_versions(stack.s3, stack.bucket, [(oldest["Key"], oldest["VersionId"])])


def remove_bucket(stack: Stack) -> None:
    found = stack.s3.list_object_versions(Bucket=stack.bucket)["Versions"]
    remove_versions(stack.s3, stack.bucket, [(one["Key"], one["VersionId"]) for one in found])
    stack.s3.delete_bucket(Bucket=stack.bucket)


def test_whatever_is_left_of_what_was_kept_is_covered(doomed: Stack) -> None:
    kept = doomed.keep()
    assert kept
    doomed.shelf.stand(FIRST, Phase.DESTROYING)
    steps: list[Callable[[], None]] = [
        lambda: remove_oldest(doomed),
        doomed.database.remove_writer,
        doomed.database.remove,
        lambda: remove_bucket(doomed),
    ]
    for destroy in steps:
        destroy()
        assert doomed.keep(SECOND) == kept
    doomed.holdings = holding(None, objects=doomed.bucket)
    assert doomed.keep(SECOND) == kept


@pytest.mark.parametrize("what", ["a row", "an object", "an object and no writer"])
def test_written_to_after_a_destroy_had_begun(doomed: Stack, what: str) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.DESTROYING)
    remove_oldest(doomed)
    if what == "a row":
        doomed.database.query("INSERT INTO trades VALUES (2)")
    else:
        doomed.put("later")
    if "no writer" in what:
        doomed.database.remove_writer()
    with pytest.raises(
        OperatorError, match="had begun after 20261122T101500Z was kept, and it was"
    ):
        doomed.keep(SECOND)
    assert doomed.shelf.generations() == [FIRST]


def test_destroy_that_destroyed_nothing_is_begun_anew(doomed: Stack) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.DESTROYING)
    doomed.database.query("INSERT INTO trades VALUES (2)")
    manifest = doomed.keep(SECOND)
    assert manifest
    assert manifest.generation == SECOND


@pytest.mark.parametrize("phase", [None, Phase.WHOLE])
def test_rows_that_cannot_be_read_are_not_covered(doomed: Stack, phase: Phase | None) -> None:
    if phase:
        doomed.keep()
        doomed.shelf.stand(FIRST, phase)
    doomed.database.remove_writer()
    with pytest.raises(OperatorError, match="it is available and has no writer"):
        doomed.keep(SECOND)
    doomed.database.remove()
    with pytest.raises(OperatorError, match=r"it is gone;.* or say --lose-data data-us-east-1"):
        doomed.keep(SECOND)


def test_other_cluster_is_kept_anew(doomed: Stack, new_database: Callable[..., Database]) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.DESTROYING)
    doomed.database = new_database(doomed.key)
    doomed.holdings = holding(doomed.database, objects=doomed.bucket)
    manifest = doomed.keep(SECOND)
    assert manifest
    assert manifest.generation == SECOND
    another = new_database(doomed.key)
    another.remove_writer()
    doomed.holdings = holding(another, objects=doomed.bucket)
    with pytest.raises(OperatorError, match="has no writer"):
        doomed.keep()


def test_rows_that_only_the_archive_has_are_not_left_out(doomed: Stack) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.DESTROYING)
    doomed.database.remove()
    doomed.holdings = holding(None, objects=doomed.bucket)
    doomed.put("later")
    with pytest.raises(OperatorError, match="it was written to since"):
        doomed.keep(SECOND)


def test_cluster_of_the_same_name_is_another_one(doomed: Stack) -> None:
    doomed.holdings = replace(doomed.holdings, resource_id="cluster-before")
    with pytest.raises(OperatorError, match="it is gone"):
        doomed.keep()


def test_restore_of_what_was_never_destroyed_is_kept_anew(doomed: Stack) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.RESTORING)
    doomed.database.query("INSERT INTO trades VALUES (2)")
    doomed.put("later")
    manifest = doomed.keep(SECOND)
    assert manifest
    assert manifest.generation == SECOND


def test_restore_that_is_gone_from_the_archive_is_told(doomed: Stack) -> None:
    doomed.shelf.stand(SECOND, Phase.RESTORING)
    with pytest.raises(OperatorError, match="the archive has it no more"):
        doomed.keep(SECOND)


@pytest.fixture
def half_restored(doomed: Stack, new_database: Callable[..., Database]) -> Stack:
    """Another cluster has the same rows, and the restore was cut off before it was verified."""
    doomed.keep()
    doomed.shelf.stand(FIRST, Phase.RESTORING)
    doomed.database = new_database(doomed.key)
    doomed.database.query("CREATE TABLE trades (id INT)", "INSERT INTO trades VALUES (1)")
    doomed.holdings = holding(doomed.database, objects=doomed.bucket)
    return doomed


def test_what_was_being_restored_is_still_kept(half_restored: Stack) -> None:
    kept = half_restored.shelf.manifest(FIRST)
    assert half_restored.keep(SECOND) == kept
    half_restored.database.remove_writer()
    assert half_restored.keep(SECOND) == kept


@pytest.mark.parametrize("what", ["a row", "an object"])
def test_restored_and_written_to_is_not_given_up(half_restored: Stack, what: str) -> None:
    if what == "a row":
        half_restored.database.query("INSERT INTO trades VALUES (2)")
    else:
        half_restored.put("later")
    with pytest.raises(OperatorError, match=r"was not finished.* or say --lose-data"):
        half_restored.keep(SECOND)


def test_living_generation_covers_nothing(doomed: Stack) -> None:
    doomed.keep(living=True)
    manifest = doomed.keep(SECOND)
    assert manifest
    assert (manifest.generation, manifest.living) == (SECOND, False)


def test_objects_alone_do_not_take_the_place_of_rows(doomed: Stack) -> None:
    doomed.keep()
    doomed.put("later")
    doomed.holdings = holding(None, objects=doomed.bucket)
    with pytest.raises(OperatorError, match=f"generation {FIRST} has one"):
        doomed.keep(SECOND)
    doomed.shelf.stand(FIRST, Phase.DECLINED)
    assert doomed.keep(SECOND)


def test_generation_is_newer_than_all_whatever_the_clock_says(doomed: Stack) -> None:
    doomed.keep(SECOND)
    doomed.put("later")
    manifest = doomed.keep(FIRST)
    assert manifest
    assert manifest.generation > SECOND
    assert doomed.shelf.newest() == manifest


def forget_snapshot(stack: Stack) -> None:
    name = stack.shelf.snapshot_name(FIRST)
    stack.database.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)


@pytest.mark.parametrize("phase", [None, Phase.WHOLE, Phase.DESTROYING])
def test_generation_that_is_not_whole_any_more_covers_nothing(
    doomed: Stack, phase: Phase | None
) -> None:
    doomed.keep()
    if phase:
        doomed.shelf.stand(FIRST, phase)
    forget_snapshot(doomed)
    manifest = doomed.keep(SECOND)
    assert manifest
    assert manifest.generation == SECOND
    assert any(told.startswith("keeping anew") for told in doomed.telling.milestones)


@pytest.mark.parametrize("phase", [Phase.RESTORING, Phase.DESTROYING])
def test_half_gone_and_not_whole_in_the_archive_either(doomed: Stack, phase: Phase) -> None:
    doomed.keep()
    doomed.shelf.stand(FIRST, phase)
    remove_oldest(doomed)
    forget_snapshot(doomed)
    with pytest.raises(
        OperatorError, match=f"only generation {FIRST} has all of data-us-east-1, and"
    ):
        doomed.keep(SECOND)
    assert doomed.shelf.generations() == [FIRST]
