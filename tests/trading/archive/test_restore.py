"""What was kept comes back as it was, or the restore is a failure that says what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.local_aws.conftest import Client, create_key
from tests.trading.archive.bucket_contents import (
    CONTENTS,
    Content,
    Contents,
    contents,
    fill,
    listed,
    put,
)
from tests.trading.archive.conftest import FIRST, LOGS, Database, Stack, create_bucket, holding
from trading.archive.holdings import Holdings
from trading.archive.manifest import Manifest, Phase
from trading.archive.objects import Kept, remove_versions
from trading.archive.restore import NotRestoredError, Restore
from trading.engine.processes import RunInterruptedError

INTERRUPTED = RunInterruptedError("interrupted")


@dataclass
class Recreated:
    """What Terraform has made anew of a stack that was kept."""

    of: Stack
    key: str
    holdings: Holdings
    manifest: Manifest

    @property
    def s3(self) -> Any:
        return self.of.s3

    @property
    def bucket(self) -> str:
        return next(iter(self.holdings.buckets.values()))

    def restore(self, **others: Any) -> None:
        shelf, telling = self.of.shelf, self.of.telling
        shelf.stand(FIRST, Phase.RESTORING)
        restore = Restore("data-us-east-1", self.holdings, shelf, self.manifest, telling)
        replace(restore, **others).run()

    def phase(self) -> Phase:
        standing = self.of.shelf.standing()
        assert standing
        return standing.phase


@pytest.fixture
def objects(stack: Stack, client: Client, name: str) -> Recreated:
    """Of a stack without a cluster: all contents were kept, and a bucket was made."""
    stack.holdings = holding(None, objects=stack.bucket)
    fill(stack.s3, stack.bucket)
    manifest = stack.keep()
    assert manifest
    key = create_key(client)
    bucket = create_bucket(client, f"new-{name}", key)
    return Recreated(stack, key, holding(None, objects=bucket), manifest)


EVERYTHING: Contents = {"first": [Content(b"x")], **CONTENTS}
COUNT = sum(len(versions) for versions in EVERYTHING.values())


def test_everything_comes_back_under_the_new_key(
    stack: Stack, client: Client, name: str, new_database: Callable[..., Database]
) -> None:
    fill(stack.s3, stack.bucket)
    stack.put("log", bucket=stack.holdings.buckets[LOGS])
    manifest = stack.keep()
    assert manifest
    assert manifest.database
    client("kms").schedule_key_deletion(KeyId=stack.key, PendingWindowInDays=7)

    key = create_key(client)
    bucket, logs = (create_bucket(client, f"new-{kind}-{name}", key) for kind in ("o", "l"))
    put(stack.s3, logs, "log of the new bucket", Content(b"x"))
    database = new_database(key, manifest.database.snapshot_arn)
    held = holding(database, objects=bucket, access_logs_bucket=logs)
    new = Recreated(stack, key, held, manifest)
    new.restore()
    assert new.phase() is Phase.WHOLE
    client("kms").schedule_key_deletion(
        KeyId=stack.shelf.archive.kms_key_arn, PendingWindowInDays=7
    )
    assert contents(stack.s3, bucket) == EVERYTHING
    assert contents(stack.s3, logs).keys() == {"log", "log of the new bucket"}
    assert stack.s3.head_object(Bucket=bucket, Key="first")["SSEKMSKeyId"] == key
    assert database.query("SELECT id FROM trades ORDER BY id") == [(1,), (2,)]
    assert stack.telling.milestones[-1].startswith(f"verified against generation {FIRST}: 2 rows")


@pytest.mark.parametrize("done", range(0, COUNT + 1, 2))
def test_cut_off_goes_on(objects: Recreated, done: int) -> None:
    objects.of.telling.going_on = Mock(side_effect=[None] * done + [INTERRUPTED] * COUNT)
    with pytest.raises(RunInterruptedError) if done < COUNT else nullcontext():
        objects.restore()
    assert objects.phase() is (Phase.RESTORING if done < COUNT else Phase.WHOLE)
    objects.of.telling.going_on = Mock()
    objects.restore()
    assert contents(objects.s3, objects.bucket) == EVERYTHING
    assert objects.of.telling.going_on.call_count == COUNT - done
    objects.restore()
    assert objects.of.telling.going_on.call_count == COUNT - done
    assert contents(objects.s3, objects.bucket) == EVERYTHING


@pytest.mark.parametrize("left", [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]])
def test_what_a_destroy_left_becomes_whole(objects: Recreated, left: list[int]) -> None:
    objects.holdings = objects.of.holdings
    seen: Counter[str] = Counter()
    for entry in listed(objects.s3, objects.bucket):
        if seen[entry["Key"]] not in left:
            remove_versions(objects.s3, objects.bucket, [(entry["Key"], entry["VersionId"])])
        seen[entry["Key"]] += 1
    before = listed(objects.s3, objects.bucket)
    objects.restore()
    assert contents(objects.s3, objects.bucket) == EVERYTHING
    assert (before == listed(objects.s3, objects.bucket)) == (left == [0, 1, 2])


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("strange", "has 'strange', which the archive knows nothing of: move it elsewhere"),
        ("first", "'first' in .* was written to during the restore: move it elsewhere"),
    ],
)
def test_what_is_not_the_archives_is_left_alone(objects: Recreated, key: str, told: str) -> None:
    put(objects.s3, objects.bucket, key, Content(b"y"))
    with pytest.raises(NotRestoredError, match=told):
        objects.restore()
    assert contents(objects.s3, objects.bucket)[key] == [Content(b"y")]
    assert objects.phase() is Phase.RESTORING


def test_other_bytes_are_refused(objects: Recreated) -> None:
    archive, shelf = objects.of.shelf.archive, objects.of.shelf
    [kept] = [
        one for one in map(Kept.parse, shelf.inventory(objects.manifest)) if one.key == "first"
    ]
    copy = {"Bucket": archive.bucket, "Key": shelf.object_key(FIRST, kept.version.stored_as)}
    newest = objects.s3.put_object(**copy, Body=b"y")
    with pytest.raises(NotRestoredError, match="'first' came back with other bytes"):
        objects.restore()
    assert objects.phase() is Phase.RESTORING
    objects.s3.delete_object(**copy, VersionId=newest["VersionId"])
    objects.restore()
    assert contents(objects.s3, objects.bucket) == EVERYTHING


def test_every_bucket_must_be_there(objects: Recreated) -> None:
    with pytest.raises(NotRestoredError, match=r"has no aws_s3_bucket\.objects, which"):
        objects.restore(holdings=Holdings())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM trades WHERE id = 1", "trades has 1 rows where 2 were kept"),
        ("UPDATE trades SET id = 3 WHERE id = 1", "trades has 2 rows with another content"),
        ("DROP TABLE trades", "trades has no rows where 2 were kept"),
        ("CREATE TABLE more (id INT)", "more has 0 rows and was not kept"),
    ],
)
def test_other_rows_are_refused(
    stack: Stack,
    client: Client,
    name: str,
    new_database: Callable[..., Database],
    statement: str,
    told: str,
) -> None:
    manifest = stack.keep()
    assert manifest
    assert manifest.database
    bucket = create_bucket(client, f"new-{name}", stack.key)
    database = new_database(stack.key, manifest.database.snapshot_arn)
    database.query(statement)
    new = Recreated(stack, stack.key, holding(database, objects=bucket), manifest)
    with pytest.raises(NotRestoredError, match=told):
        new.restore()
    assert new.phase() is Phase.RESTORING
    assert listed(stack.s3, bucket) == []
    database.remove_writer()
    with pytest.raises(NotRestoredError, match="the rows of data-us-east-1 cannot be verified"):
        new.restore()


def test_cluster_that_was_never_destroyed_stays_as_it_is(stack: Stack) -> None:
    manifest = stack.keep()
    assert manifest
    stack.database.query("INSERT INTO trades VALUES (3)")
    Recreated(stack, stack.key, stack.holdings, manifest).restore()
    assert "the cluster was never destroyed: its rows stay as they are" in stack.telling.milestones
    assert stack.database.query("SELECT COUNT(*) FROM trades") == [(3,)]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("INSERT INTO trades VALUES (9)", ""),
        ("UPDATE trades SET id = 9 LIMIT 1", ""),
        ("DROP TABLE trades", "trades has no rows"),
    ],
)
def test_what_was_kept_living_may_differ_and_may_not_lack_a_table(
    stack: Stack,
    client: Client,
    name: str,
    new_database: Callable[..., Database],
    statement: str,
    fault: str,
) -> None:
    stack.holdings = holding(stack.database, objects=stack.bucket)
    manifest = stack.keep(living=True)
    assert manifest
    assert manifest.database
    bucket = create_bucket(client, f"new-{name}", stack.key)
    database = new_database(stack.key, manifest.database.snapshot_arn)
    database.query(statement)
    new = Recreated(stack, stack.key, holding(database, objects=bucket), manifest)
    with pytest.raises(NotRestoredError, match=fault) if fault else nullcontext():
        new.restore()
    assert new.phase() is (Phase.RESTORING if fault else Phase.WHOLE)
    assert bool(fault) is not any(
        "while it was written to" in one for one in stack.telling.milestones
    )


def test_what_was_never_destroyed_keeps_what_is_newer(stack: Stack) -> None:
    manifest = stack.keep()
    assert manifest
    stack.put("later", b"newer")
    kept = Recreated(stack, stack.key, stack.holdings, manifest)
    kept.restore()
    assert kept.phase() is Phase.WHOLE
    assert stack.s3.get_object(Bucket=stack.bucket, Key="later")["Body"].read() == b"newer"
