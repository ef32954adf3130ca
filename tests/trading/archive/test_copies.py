"""A generation is as good in another region, under another key, and comes home from there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.local_aws.conftest import Client, create_key
from tests.trading.archive.bucket_contents import (
    CONTENTS,
    Content,
    fill,
    kept_contents,
    listed,
    put,
)
from tests.trading.archive.conftest import (
    ELSEWHERE,
    FIRST,
    REGION,
    Stack,
    make_database,
)
from trading.archive import copies as module
from trading.archive.copies import bring_home, copy_generation
from trading.archive.manifest import Manifest
from trading.archive.objects import remove_versions
from trading.archive.restore import require_restorable
from trading.archive.shelf import Archive, Shelf
from trading.engine.processes import RunInterruptedError
from trading.errors import OperatorError


@pytest.fixture
def elsewhere(new_archive: Callable[[str], Archive], stack: Stack) -> Shelf:
    """What another region's archive has of this one."""
    return new_archive(ELSEWHERE).shelf(stack.shelf.workspace, REGION)


@pytest.fixture
def kept(stack: Stack) -> Manifest:
    fill(stack.s3, stack.bucket)
    manifest = stack.keep()
    assert manifest
    return manifest


@pytest.fixture
def engine(stack: Stack, elsewhere: Shelf, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Knows the archives of both regions."""
    known = {REGION: stack.shelf.archive, ELSEWHERE: elsewhere.archive}

    def archives(_: object, regions: Collection[str]) -> dict[str, Archive]:
        return {region: known[region] for region in regions}

    monkeypatch.setattr(module, "archives", archives)
    return SimpleNamespace(workspace=stack.shelf.workspace)


def empty(s3: Any, bucket: str) -> None:
    remove_versions(s3, bucket, [(one["Key"], one["VersionId"]) for one in listed(s3, bucket)])


def lose_key(stack: Stack) -> None:
    """What opens all that the home archive has."""
    stack.client("kms").schedule_key_deletion(
        KeyId=stack.shelf.archive.kms_key_arn, PendingWindowInDays=7
    )


def lose_region(stack: Stack) -> None:
    """All that the home archive has."""
    lose_key(stack)
    empty(stack.s3, stack.shelf.archive.bucket)
    name = stack.shelf.snapshot_name(FIRST)
    stack.database.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)


def test_copy_is_whole_without_its_home(
    stack: Stack, kept: Manifest, elsewhere: Shelf, client: Client, target: Any, name: str
) -> None:
    s3 = client("s3", ELSEWHERE)
    # The copies do not need the archive's bucket to say under which key.
    s3.delete_bucket_encryption(Bucket=elsewhere.archive.bucket)
    copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    lose_region(stack)
    copied = elsewhere.newest()
    assert copied
    require_restorable(elsewhere, copied)
    assert copied.copied_from == REGION
    assert copied.kms_key_arn == elsewhere.archive.kms_key_arn
    assert copied.database
    [snapshot] = client("rds", ELSEWHERE).describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier=copied.database.snapshot_arn
    )["DBClusterSnapshots"]
    assert snapshot["KmsKeyId"] == elsewhere.archive.kms_key_arn
    for copy in elsewhere.copied(FIRST):
        key = elsewhere.object_key(FIRST, copy)
        head = s3.head_object(Bucket=elsewhere.archive.bucket, Key=key)
        assert head["SSEKMSKeyId"] == elsewhere.archive.kms_key_arn

    assert kept_contents(elsewhere, copied) == {"first": [Content(b"x")], **CONTENTS}
    key = create_key(client, ELSEWHERE)
    database = make_database(client, target, name, key, copied.database.snapshot_arn)
    assert database.query("SELECT COUNT(*) FROM trades") == [(2,)]
    database.remove()


@pytest.mark.parametrize("done", [0, 1, 4])
def test_cut_off_goes_on(stack: Stack, kept: Manifest, elsewhere: Shelf, done: int) -> None:
    interrupted = RunInterruptedError("interrupted")
    stack.telling.going_on = Mock(side_effect=[None] * done + [interrupted] * 100)
    with pytest.raises(RunInterruptedError):
        copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    assert elsewhere.newest() is None
    before = listed(elsewhere.archive.s3, elsewhere.archive.bucket)
    assert len(before) == done
    stack.telling.going_on = lambda: None
    copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    after = listed(elsewhere.archive.s3, elsewhere.archive.bucket)
    assert after[:done] == before
    assert len({one["Key"] for one in after}) == len(after)
    assert elsewhere.newest()
    copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    assert listed(elsewhere.archive.s3, elsewhere.archive.bucket) == after


def test_other_bytes_are_refused(stack: Stack, kept: Manifest, elsewhere: Shelf) -> None:
    archive = stack.shelf.archive
    copy = next(one for one in listed(stack.s3, archive.bucket) if "/objects/" in one["Key"])
    put(stack.s3, archive.bucket, copy["Key"], Content(b"y"))
    with pytest.raises(OperatorError, match=r"the copy of .* in us-west-2 has other bytes"):
        copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    assert elsewhere.newest() is None


@pytest.mark.parametrize("lose", [lose_region, lose_key])
@pytest.mark.parametrize("cut_off", [False, True])
def test_generation_comes_home(
    stack: Stack,
    kept: Manifest,
    elsewhere: Shelf,
    engine: Any,
    cut_off: bool,
    lose: Callable[[Stack], None],
) -> None:
    copy_generation(stack.shelf, elsewhere, kept, stack.telling)
    lose(stack)
    stack.s3.delete_bucket_encryption(Bucket=stack.shelf.archive.bucket)
    archive = replace(stack.shelf.archive, kms_key_arn=create_key(stack.client))
    home = replace(stack.shelf, archive=archive)
    if cut_off:
        interrupted = RunInterruptedError("interrupted")
        stack.telling.going_on = Mock(side_effect=[None, None] + [interrupted] * 100)
        with pytest.raises(RunInterruptedError):
            bring_home(engine, home, FIRST, stack.telling)
        stack.telling.going_on = lambda: None
    bring_home(engine, home, FIRST, stack.telling)
    manifest = home.newest()
    assert manifest
    require_restorable(home, manifest)
    assert manifest.copied_from == ELSEWHERE
    assert manifest.buckets == kept.buckets
    assert manifest.database == kept.database
    assert kept_contents(home, manifest) == {"first": [Content(b"x")], **CONTENTS}
    with pytest.raises(OperatorError, match="no archive has the generation 20000101T000000Z"):
        bring_home(engine, home, "20000101T000000Z", stack.telling)
