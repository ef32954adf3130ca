"""What is kept is listed, shown and verified, and whatever is wrong with it is a line and no crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.trading.archive.conftest import Database, Told, create_bucket, holding
from tests.trading.archive.verbs.conftest import (
    ELSEWHERE,
    GENERATIONS,
    HOME,
    OBJECT,
    Operator,
)
from trading.archive.copies import copy_generation
from trading.archive.keep import Keep
from trading.archive.manifest import Manifest, Phase
from trading.archive.shelf import Shelf
from trading.local.local_target import LocalTarget

GENERATION = GENERATIONS[0]
INVENTORY, MANIFEST = "inventory.jsonl.gz", "manifest.json"


def listed(operator: Operator, *arguments: str, env: str = "dev") -> list[dict[str, Any]]:
    text = operator.succeeds("archive", "list", "--json", *arguments, env=env)
    found: list[dict[str, Any]] = json.loads(text)["generations"]
    return found


def key(shelf: Shelf, name: str) -> dict[str, str]:
    where = f"{shelf.workspace}/{shelf.region}/{GENERATION}/{name}"
    return {"Bucket": shelf.archive.bucket, "Key": where}


def rewrite(shelf: Shelf, name: str, change: Callable[[bytes], bytes]) -> None:
    s3, place = shelf.archive.s3, key(shelf, name)
    s3.put_object(Body=change(s3.get_object(**place)["Body"].read()), **place)


def disable_key(operator: Operator, shelf: Shelf, _: Manifest) -> None:
    operator.client("kms").disable_key(KeyId=shelf.archive.kms_key_arn)


def delete_snapshot(operator: Operator, shelf: Shelf, _: Manifest) -> None:
    operator.client("rds").delete_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=shelf.snapshot_name(GENERATION)
    )


def change_manifest(_: Operator, shelf: Shelf, __: Manifest) -> None:
    rewrite(shelf, MANIFEST, lambda text: text.replace(b"1204", b"1205"))


def lose_manifest(_: Operator, shelf: Shelf, __: Manifest) -> None:
    shelf.archive.s3.delete_object(**key(shelf, MANIFEST))


def move_snapshot(operator: Operator, shelf: Shelf, manifest: Manifest) -> None:
    assert manifest.database is not None
    other = manifest.database.model_copy(update={"snapshot_arn": operator.seed})
    shelf.write_manifest(manifest.model_copy(update={"database": other}))


def cut_inventory(_: Operator, shelf: Shelf, __: Manifest) -> None:
    rewrite(shelf, INVENTORY, lambda packed: packed[:-9])


def change_inventory(_: Operator, shelf: Shelf, __: Manifest) -> None:
    shelf.write_inventory(GENERATION, [])


def lose_object(_: Operator, shelf: Shelf, __: Manifest) -> None:
    shelf.archive.s3.delete_object(**key(shelf, f"objects/{OBJECT.stored_as}"))


def shorten_object(operator: Operator, shelf: Shelf, _: Manifest) -> None:
    operator.puts(shelf, GENERATION, b"byte")


def change_object(operator: Operator, shelf: Shelf, _: Manifest) -> None:
    operator.puts(shelf, GENERATION, b"bytez")


Break = Callable[[Operator, Shelf, Manifest], None]


def test_nothing_kept_is_no_error(operator: Operator) -> None:
    assert operator.succeeds("archive", "list") == "nothing is kept of dev\n"
    assert operator.succeeds("archive", "list", "--all") == "nothing is kept of any environment\n"
    assert operator.succeeds("archive", "verify") == "nothing is kept of dev\n"


def test_what_a_keep_kept_is_listed_shown_and_verified(
    operator: Operator, database: Database, telling: Told, name: str
) -> None:
    database.query("CREATE TABLE trades (id INT PRIMARY KEY)", "INSERT INTO trades VALUES (1), (2)")
    bucket = create_bucket(operator.client, f"objects-{name}", operator.archives[HOME].kms_key_arn)
    operator.client("s3").put_object(Bucket=bucket, Key="report", Body=b"bytes")
    shelf = operator.shelf()
    manifest = Keep(
        "data-us-east-1", holding(database, objects=bucket), shelf, GENERATION, telling
    ).run()
    assert manifest is not None
    assert manifest.database is not None
    [found] = listed(operator)
    told = (found["rows"], found["versions"], found["bytes"], found["readable"])
    assert told == (2, manifest.versions, manifest.bytes, True)
    verified = operator.succeeds("archive", "verify", "--thorough")
    assert verified.startswith(f"{GENERATION} of us-east-1: ok, 2 rows in 1 table, ")
    shown = operator.succeeds("archive", "show", GENERATION, "--objects")
    for fact in (bucket, manifest.operator, manifest.revision, manifest.database.snapshot_arn):
        assert fact in shown
    [described] = json.loads(operator.succeeds("archive", "show", GENERATION, "--json"))
    assert Manifest.model_validate(described["manifest"]) == manifest
    assert described["examined"]["snapshot_status"] == "available"


def test_each_environment_sees_its_own_and_all_are_asked_for(operator: Operator) -> None:
    operator.keeps(operator.shelf("dev"), GENERATIONS[0])
    operator.keeps(operator.shelf("dev"), GENERATIONS[1])
    operator.keeps(operator.shelf("dev-pr42", ELSEWHERE), GENERATIONS[2])

    def told(*arguments: str) -> list[str]:
        return [one["generation"] for one in listed(operator, *arguments)]

    assert told() == [GENERATIONS[1], GENERATIONS[0]]
    assert told("--all") == [GENERATIONS[1], GENERATIONS[0], GENERATIONS[2]]
    assert told("--all", "--region", ELSEWHERE) == [GENERATIONS[2]]
    refusal = operator.refused("archive", "list", "--region", "mars")
    assert refusal.startswith("there is no region 'mars'")


@pytest.mark.parametrize(
    ("damage", "brief"),
    [
        (disable_key, "key Disabled"),
        (delete_snapshot, "snapshot gone"),
        (move_snapshot, "snapshot's key"),
        (change_manifest, "manifest corrupt"),
        (lose_manifest, "unfinished"),
    ],
)
def test_a_fault_is_a_row_and_a_line(operator: Operator, damage: Break, brief: str) -> None:
    shelf = operator.shelf()
    operator.keeps(shelf, GENERATIONS[1])
    damage(operator, shelf, operator.keeps(shelf, GENERATION))
    found = listed(operator)
    by_name = {one["generation"]: one["fault"] for one in found}
    assert by_name[GENERATION]["brief"] == brief
    assert [one["bytes"] for one in found] == [5, 5]
    assert brief in operator.succeeds("archive", "list")
    assert by_name[GENERATION]["text"] in operator.succeeds("archive", "show", GENERATION, "--json")
    verified = operator("archive", "verify")
    assert verified.exit_code == 1
    assert f"{GENERATION} of us-east-1: {brief}: " in verified.stdout
    # The key is both's.
    assert (f"{GENERATIONS[1]} of us-east-1: ok" in verified.stdout) == (damage is not disable_key)


@pytest.mark.parametrize(
    ("damage", "brief"),
    [
        (cut_inventory, "inventory corrupt"),
        (change_inventory, "inventory corrupt"),
        (lose_object, "objects damaged"),
        (shorten_object, "objects damaged"),
    ],
)
def test_what_a_verify_finds(operator: Operator, damage: Break, brief: str) -> None:
    shelf = operator.shelf()
    damage(operator, shelf, operator.keeps(shelf, GENERATION))
    verified = operator("archive", "verify", GENERATION)
    assert verified.exit_code == 1
    assert verified.stdout.startswith(f"{GENERATION} of us-east-1: {brief}: ")
    assert verified.stderr == "error: 1 fault in what is kept of dev\n"


def test_other_bytes_of_the_same_size_take_a_thorough_look(operator: Operator) -> None:
    shelf = operator.shelf()
    change_object(operator, shelf, operator.keeps(shelf, GENERATION))
    assert ": ok, 1,204 rows in 1 table" in operator.succeeds("archive", "verify")
    thorough = operator("archive", "verify", "--thorough")
    assert thorough.exit_code == 1
    assert "the copy of 'report' (v1) has other bytes than were kept" in thorough.stdout


def test_copies_are_verified_where_the_settings_copy(operator: Operator, telling: Told) -> None:
    shelf, copy = operator.shelf("prod"), operator.shelf("prod", HOME, ELSEWHERE)
    manifest = operator.keeps(shelf, GENERATION)
    missing = operator("archive", "verify", env="prod")
    assert missing.exit_code == 1
    assert f"{GENERATION} of us-east-1 in us-west-2: not copied: " in missing.stdout
    operator.begins(copy, GENERATION)
    copy_generation(shelf, copy, manifest, telling)
    assert operator.succeeds("archive", "verify", "--thorough", env="prod").count(": ok, ") == 2
    assert [one["archive"] for one in listed(operator, env="prod")] == [HOME, ELSEWHERE]
    lose_object(operator, copy, manifest)
    damaged = operator("archive", "verify", env="prod")
    assert f"{GENERATION} of us-east-1: ok" in damaged.stdout
    assert f"{GENERATION} of us-east-1 in us-west-2: objects damaged" in damaged.stdout


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.RESTORING, f"the restore from {GENERATION} is not finished"),
        (Phase.DESTROYING, f"destroyed, or begun to be, after {GENERATION} was kept"),
        (Phase.WHOLE, None),
    ],
)
def test_a_region_that_lacks_data_is_told(
    operator: Operator, phase: Phase, said: str | None
) -> None:
    operator.keeps(operator.shelf(), GENERATION)
    operator.shelf().stand(GENERATION, phase)
    text = operator.succeeds("archive", "list")
    assert ("data-us-east-1 of dev: " in text) == (said is not None)
    assert (said or "") in text
    [standing] = json.loads(operator.succeeds("archive", "list", "--json"))["standings"]
    assert standing["phase"] == phase


def test_a_lost_region_hides_no_other(
    operator: Operator, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    operator.keeps(operator.shelf(), GENERATION)
    target.begin_outage(ELSEWHERE)
    try:
        result = operator("archive", "list")
        unknown = operator("archive", "show", GENERATIONS[1])
    finally:
        target.end_outage(ELSEWHERE)
    assert result.exit_code == 1
    assert "not looked at: the archive in us-west-2: " in result.stdout
    assert GENERATION in result.stdout
    for refused in (result, unknown):
        assert "not all archives could be looked at" in refused.stderr


def test_a_region_without_an_archive_is_told(operator: Operator) -> None:
    operator.shows(f"foundation-{ELSEWHERE}", "foundation", {})
    archive = operator.archives["us-east-2"]
    archive.s3.delete_bucket(Bucket=archive.bucket)
    result = operator("archive", "list")
    assert result.exit_code == 1
    for region in (ELSEWHERE, "us-east-2"):
        assert f"not looked at: foundation-{region} has no archive" in result.stdout


def test_an_unknown_generation_is_refused_with_what_there_is(operator: Operator) -> None:
    operator.keeps(operator.shelf(), GENERATION)
    for verb in ("show", "verify", "prune"):
        line = operator.refused("archive", verb, "20200101T000000Z")
        assert line.endswith(f"is kept: choose from {GENERATION}")
