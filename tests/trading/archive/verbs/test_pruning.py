"""What is beyond need goes, whole and from everywhere; the only copy of what is gone stays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.local_aws.conftest import create_key
from tests.trading.archive.bucket_contents import encrypt
from tests.trading.archive.conftest import Told
from tests.trading.archive.verbs.conftest import ELSEWHERE, GENERATIONS, HOME, Operator
from trading.archive.copies import copy_generation
from trading.archive.manifest import Phase
from trading.archive.shelf import Shelf
from trading.state.run_lock import run_lock

OLDEST, OLD, NEW, NEWEST = GENERATIONS


def prune(operator: Operator, *arguments: str) -> str:
    return operator.succeeds("archive", "prune", "--yes", *arguments)


def folders(operator: Operator, where: str = HOME) -> set[str]:
    """The generations of which an archive has anything."""
    return {key.split("/")[2] for key in operator.there(where) if key.count("/") > 2}


def names(shelf: Shelf, generations: Iterable[str]) -> set[str]:
    return {shelf.snapshot_name(generation) for generation in generations}


def delete_snapshot(operator: Operator, shelf: Shelf, generation: str) -> None:
    operator.client("rds").delete_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=shelf.snapshot_name(generation)
    )


def corrupt(shelf: Shelf, generation: str) -> None:
    shelf.archive.s3.put_object(
        Bucket=shelf.archive.bucket, Key=f"dev/{HOME}/{generation}/manifest.json", Body=b"{"
    )


@pytest.fixture
def shelf(operator: Operator) -> Shelf:
    """With four generations of a region that is deployed."""
    shelf = operator.shelf()
    for generation in GENERATIONS:
        operator.keeps(shelf, generation)
    operator.deploys()
    return shelf


def test_the_newest_stay_as_many_as_the_settings_say(operator: Operator, shelf: Shelf) -> None:
    said = prune(operator)
    assert f"{OLDEST} of us-east-1: removed" in said
    assert folders(operator) == {NEW, NEWEST}
    assert operator.snapshots() == names(shelf, [NEW, NEWEST])
    assert operator.succeeds("archive", "verify", "--thorough").count(": ok, ") == 2
    assert prune(operator) == "nothing of dev is to be pruned\n"
    prune(operator, "--keep", "1")
    assert folders(operator) == {NEWEST}


def test_what_was_pruned_can_be_had_back_for_a_while(operator: Operator, shelf: Shelf) -> None:
    prune(operator)
    versions = shelf.archive.s3.list_object_versions(
        Bucket=shelf.archive.bucket, Prefix=f"dev/{HOME}/{OLDEST}/"
    )["Versions"]
    assert {"manifest.json", "inventory.jsonl.gz"} <= {
        version["Key"].rpartition("/")[2] for version in versions
    }


def test_named_ones_go_whichever_they_are(operator: Operator, shelf: Shelf) -> None:
    prune(operator, NEWEST, OLD)
    assert folders(operator) == {OLDEST, NEW}
    both = operator.refused("archive", "prune", OLD, "--keep", "1")
    assert "not both at once" in both


def test_what_was_cut_off_goes_and_what_is_corrupt_stays(operator: Operator, shelf: Shelf) -> None:
    begun = "20261126T101500Z"
    operator.begins(shelf, begun)
    snapshot = {"DBClusterSnapshotIdentifier": shelf.passing_snapshot_name(begun)}
    operator.client("rds").create_db_cluster_snapshot(DBClusterIdentifier="shared", **snapshot)
    corrupt(shelf, OLDEST)
    prune(operator, "--keep", "3")
    assert folders(operator) == set(GENERATIONS)
    assert operator.snapshots() == names(shelf, GENERATIONS)
    prune(operator, OLDEST)
    assert folders(operator) == {OLD, NEW, NEWEST}


def test_what_is_damaged_stands_in_for_nothing(operator: Operator, shelf: Shelf) -> None:
    delete_snapshot(operator, shelf, NEWEST)
    prune(operator, "--keep", "1")
    assert folders(operator) == {NEW, NEWEST}


@pytest.mark.parametrize("phase", [None, Phase.DESTROYING, Phase.WHOLE, Phase.DECLINED])
def test_the_only_copy_of_what_is_gone_stays(operator: Operator, phase: Phase | None) -> None:
    shelf = operator.shelf()
    for generation in (OLD, NEW):
        operator.keeps(shelf, generation)
    if phase:
        shelf.stand(NEW, phase)
    # Another region's data is there.
    operator.deploys(ELSEWHERE)
    prune(operator, "--keep", "1")
    line = operator.refused("archive", "prune", NEW, "--yes")
    assert line.startswith(f"{NEW} of us-east-1 stays: data-us-east-1 ")
    assert folders(operator) == {NEW}
    assert operator.snapshots() == names(shelf, [NEW])


def test_what_aws_has_lost_is_gone_though_the_state_knows_it(operator: Operator) -> None:
    operator.keeps(operator.shelf(), NEW)
    operator.deploys(resource_id="cluster-lost")
    assert " is not deployed, " in operator.refused("archive", "prune", NEW, "--yes")


def test_of_what_is_gone_the_newest_that_is_whole_stays_too(operator: Operator) -> None:
    shelf = operator.shelf()
    for generation in (OLDEST, OLD, NEW, NEWEST):
        operator.keeps(shelf, generation)
    delete_snapshot(operator, shelf, NEW)
    corrupt(shelf, NEWEST)
    for needed in (OLD, NEWEST):
        assert " is not deployed, " in operator.refused("archive", "prune", needed, "--yes")
    prune(operator, OLDEST, NEW)
    assert folders(operator) == {OLD, NEWEST}


@pytest.mark.parametrize("phase", [Phase.RESTORING, Phase.DESTROYING])
def test_what_is_not_restored_or_destroyed_to_the_end_stays(
    operator: Operator, shelf: Shelf, phase: Phase
) -> None:
    """It has a cluster already, or still, which may lack what the generation has."""
    shelf.stand(OLDEST, phase)
    prune(operator, "--keep", "1")
    assert folders(operator) == {OLDEST, NEWEST}
    refusal = operator.refused("archive", "prune", OLDEST, "--yes")
    assert refusal.startswith(f"{OLDEST} of us-east-1 stays: data-us-east-1 ")


def test_what_was_declined_goes_by_its_name_only(operator: Operator, shelf: Shelf) -> None:
    """The newer ones are of what was begun anew."""
    shelf.stand(OLDEST, Phase.DECLINED)
    prune(operator, "--keep", "1")
    assert folders(operator) == {OLDEST, NEWEST}
    prune(operator, OLDEST)
    assert folders(operator) == {NEWEST}


def test_what_is_under_a_key_that_is_no_more_goes_once_the_stack_is_deployed(
    operator: Operator,
) -> None:
    shelf = operator.shelf()
    operator.keeps(shelf, OLDEST)
    operator.keeps(shelf, OLD)
    operator.client("kms").schedule_key_deletion(
        KeyId=shelf.archive.kms_key_arn, PendingWindowInDays=7
    )
    rekeyed = replace(shelf.archive, kms_key_arn=create_key(operator.client)).shelf("dev")
    encrypt(shelf.archive.s3, shelf.archive.bucket, rekeyed.archive.kms_key_arn)
    operator.publishes(rekeyed.archive)
    operator.keeps(rekeyed, NEW)
    listed = json.loads(operator.succeeds("archive", "list", "--json"))["generations"]
    faults = {one["generation"]: (one["fault"] or {}).get("brief") for one in listed}
    gone = "key PendingDeletion"
    assert faults == {OLDEST: gone, OLD: gone, NEW: None}
    assert "made usable again" in operator.refused("archive", "prune", OLDEST, "--yes")
    assert prune(operator) == "nothing of dev is to be pruned\n"
    operator.deploys()
    prune(operator, OLDEST)
    assert folders(operator) == {OLD, NEW}
    prune(operator)
    assert folders(operator) == {NEW}


def test_a_prune_that_was_cut_off_leaves_nothing_that_looks_whole(
    operator: Operator, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def cut_off(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Shelf, "clear", cut_off)
        assert operator("archive", "prune", NEWEST, "--yes").exit_code != 0
    newest = shelf.newest()
    assert newest is not None
    assert newest.generation == NEW
    assert f"{NEWEST} of us-east-1: unfinished: " in operator("archive", "verify").stdout
    prune(operator, "--keep", "3")
    assert folders(operator) == {OLDEST, OLD, NEW}


def test_copies_go_too_and_where_data_matters_yes_is_not_enough(
    operator: Operator, telling: Told
) -> None:
    home, copy = operator.shelf("prod"), operator.shelf("prod", HOME, ELSEWHERE)
    for generation in (OLD, NEW):
        manifest = operator.keeps(home, generation)
        operator.begins(copy, generation)
        copy_generation(home, copy, manifest, telling)
    arguments = ["archive", "prune", "--keep", "1"]
    assert "add --confirm prod" in operator.refused(*arguments, "--yes", env="prod")
    assert folders(operator, ELSEWHERE) == {OLD, NEW}
    operator.succeeds(*arguments, "--confirm", "prod", env="prod")
    for where in (HOME, ELSEWHERE):
        assert folders(operator, where) == {NEW}
        assert operator.snapshots(where) == names(home, [NEW])


def test_nothing_goes_unasked_or_beside_a_run(operator: Operator, shelf: Shelf) -> None:
    unasked = operator("archive", "prune")
    assert "there is no terminal to ask on: add --yes" in unasked.stderr
    assert OLDEST in unasked.stdout
    with run_lock("dev", "destroy", {}):
        assert "another run works on dev" in operator.refused("archive", "prune", "--yes")
    assert folders(operator) == set(GENERATIONS)


def test_where_not_all_can_be_read_nothing_goes(operator: Operator, shelf: Shelf) -> None:
    key = shelf.archive.kms_key_arn
    operator.client("kms").disable_key(KeyId=key)
    assert f"enable {key} first" in operator.refused("archive", "prune", OLDEST, "--yes")
    operator.client("kms").enable_key(KeyId=key)
    operator.shows(f"foundation-{ELSEWHERE}", "foundation", {})
    blind = operator("archive", "prune", "--yes")
    assert (blind.exit_code, "not all archives" in blind.stderr) == (1, True)
    assert folders(operator) == set(GENERATIONS)
