"""All that a data stack holds comes into the archive, or the keep fails and says why."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client
from tests.trading.archive.bucket_contents import (
    CONTENTS,
    Content,
    contents,
    fill,
    kept_contents,
    read,
)
from tests.trading.archive.conftest import (
    FIRST,
    LOGS,
    OBJECTS,
    SECOND,
    Stack,
    create_bucket,
    holding,
)
from trading.archive.cluster import Snapshots
from trading.archive.keep import ChangedMeanwhileError, Keep
from trading.archive.manifest import KeptBucket
from trading.archive.telling import Telling
from trading.engine.processes import Processes, RunInterruptedError
from trading.errors import OperatorError


def test_everything_is_kept_and_outlives_its_key(stack: Stack) -> None:
    # The copies do not need the archive's bucket to say so.
    stack.s3.delete_bucket_encryption(Bucket=stack.shelf.archive.bucket)
    fill(stack.s3, stack.bucket)
    expected = contents(stack.s3, stack.bucket)
    assert expected == {"first": [Content(b"x")], **CONTENTS}
    manifest = stack.keep()
    assert manifest is not None
    assert manifest == stack.shelf.newest()
    assert contents(stack.s3, stack.bucket) == expected
    bodies = [one.body if one else None for versions in expected.values() for one in versions]
    assert manifest.buckets[OBJECTS] == KeptBucket(
        name=stack.bucket,
        versions=len(bodies),
        delete_markers=bodies.count(None),
        bytes=sum(len(body) for body in bodies if body),
    )
    assert manifest.database
    assert manifest.database.rows == 2

    stack.client("kms").schedule_key_deletion(KeyId=stack.key, PendingWindowInDays=7)
    with pytest.raises(ClientError, match="KMS"):
        read(stack.s3, stack.bucket, "first")
    assert kept_contents(stack.shelf, manifest) == expected
    archive = stack.shelf.archive
    for key in stack.copies():
        assert (
            stack.s3.head_object(Bucket=archive.bucket, Key=key)["SSEKMSKeyId"]
            == archive.kms_key_arn
        )
    [snapshot] = stack.snapshots()
    assert snapshot["DBClusterSnapshotArn"] == manifest.database.snapshot_arn
    assert snapshot["KmsKeyId"] == stack.shelf.archive.kms_key_arn


def test_manifest_is_written_last(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    stack.shelf.archive.s3.meta.events.register(
        "provide-client-params.s3.*",
        lambda params, model, **_: (
            written.append(f"{params['Bucket']} {params['Key'].split('/')[-1]}")
            if model.name in {"PutObject", "CopyObject"}
            else None
        ),
    )
    stack.keep()
    archive = stack.shelf.archive.bucket
    first, *copies, inventory, manifest = written
    assert first == f"{archive} started.json"
    assert len(copies) == 1
    assert inventory == f"{archive} inventory.jsonl.gz"
    assert manifest == f"{archive} manifest.json"


@pytest.mark.parametrize(
    "what", ["a row", "a changed row", "an object", "a version", "a delete marker"]
)
def test_written_to_meanwhile(stack: Stack, what: str) -> None:
    stack.holdings.buckets.pop(LOGS)

    def happens() -> None:
        match what:
            case "a row":
                stack.database.query("INSERT INTO trades VALUES (3)")
            case "a changed row":
                stack.database.query("UPDATE trades SET id = 3 WHERE id = 1")
            case "an object":
                stack.put("second")
            case "a version":
                stack.put("first")
            case _:
                stack.s3.delete_object(Bucket=stack.bucket, Key="first")

    stack.meanwhile(happens)
    culprit = "trades" if "row" in what else stack.bucket
    with pytest.raises(ChangedMeanwhileError, match=f"^{culprit} was written to"):
        stack.keep()
    assert stack.shelf.generations() == [FIRST]
    assert stack.shelf.newest() is None
    copies, [snapshot] = stack.copies(), stack.snapshots()

    manifest = stack.keep(SECOND)
    assert manifest is not None
    assert manifest.generation == FIRST
    assert "going on with generation 20261122T101500Z" in stack.telling.milestones
    assert manifest.database
    assert manifest.database.rows == (3 if what == "a row" else 2)
    assert manifest.versions == (1 if "row" in what else 2)
    assert stack.copies().items() >= copies.items()
    [now] = stack.snapshots()
    assert (now == snapshot) == ("row" not in what)


def test_cut_off_goes_on(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.put("second")
    with monkeypatch.context() as patch:
        patch.setattr(Snapshots, "copy", Mock(side_effect=RunInterruptedError("interrupted")))
        with pytest.raises(RunInterruptedError):
            stack.keep()
    [source] = stack.snapshots()
    stack.telling.going_on = Mock(side_effect=[None, RunInterruptedError("interrupted")])
    with pytest.raises(RunInterruptedError):
        stack.keep()
    [snapshot] = stack.snapshots()
    assert snapshot["SourceDBClusterSnapshotArn"] == source["DBClusterSnapshotArn"]
    copies = stack.copies()
    assert len(copies) == 1
    assert stack.shelf.newest() is None

    stack.telling.going_on = lambda: None
    manifest = stack.keep(SECOND)
    assert manifest
    assert manifest.generation == FIRST
    assert stack.snapshots() == [snapshot]
    assert stack.copies().items() > copies.items()


def test_interrupted_while_counting(stack: Stack) -> None:
    processes = Processes()
    processes.stopping = True
    telling = Telling("keeping", stack.telling.report, processes)
    with pytest.raises(RunInterruptedError):
        Keep("data-us-east-1", stack.holdings, stack.shelf, FIRST, telling).run()
    assert stack.shelf.generations() == []


def test_logs_may_be_written_meanwhile(stack: Stack) -> None:
    logs = stack.holdings.buckets[LOGS]
    stack.put("log-1", bucket=logs)
    stack.meanwhile(lambda: stack.put("log-2", bucket=logs))
    manifest = stack.keep()
    assert manifest
    assert manifest.buckets[LOGS].versions == 1
    assert stack.keep(SECOND) == manifest


def test_nothing_to_keep(stack: Stack, client: Client, name: str) -> None:
    bucket = create_bucket(client, f"empty-{name}", stack.key)
    stack.holdings = holding(None, objects=bucket)
    assert stack.keep() is None
    assert stack.shelf.generations() == []


def test_objects_alone_are_kept_once(stack: Stack) -> None:
    stack.holdings = holding(None, objects=stack.bucket)
    first = stack.keep()
    assert first
    assert first.database is None
    assert stack.keep(SECOND) == first


@pytest.mark.parametrize("what", ["nothing", "a row", "an object"])
def test_generation_that_has_all_is_enough(stack: Stack, what: str) -> None:
    first = stack.keep()
    match what:
        case "a row":
            stack.database.query("UPDATE trades SET id = 3 WHERE id = 1")
        case "an object":
            stack.put("first")
    second = stack.keep(SECOND)
    assert second
    assert second.generation == (FIRST if what == "nothing" else SECOND)
    assert (second == first) == (what == "nothing")
    assert len(stack.shelf.manifests()) == (1 if what == "nothing" else 2)


def test_disabled_key_is_refused_first(stack: Stack) -> None:
    stack.client("kms").disable_key(KeyId=stack.shelf.archive.kms_key_arn)
    with pytest.raises(OperatorError, match="the archive's key in us-east-1 is Disabled"):
        stack.keep()
    assert "Contents" not in stack.s3.list_objects_v2(Bucket=stack.shelf.archive.bucket)
    assert stack.snapshots() == []
