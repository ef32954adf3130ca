"""An archive tells what it has, what is damaged, and what is under a key that is no more."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from tests.local_aws.conftest import create_key
from tests.trading.archive.bucket_contents import encrypt
from tests.trading.archive.conftest import FIRST, SECOND, Stack
from trading.archive.manifest import Manifest, Phase
from trading.archive.shelf import Shelf, UnreadableError
from trading.errors import OperatorError


def kept(stack: Stack, generation: str) -> Manifest:
    manifest = stack.keep(generation)
    assert manifest
    return manifest


@pytest.fixture
def rekeyed(stack: Stack) -> Shelf:
    """What was kept first is under a key that is to be deleted, the archive under another."""
    kept(stack, FIRST)
    archive = stack.shelf.archive
    another = create_key(stack.client)
    encrypt(archive.s3, archive.bucket, another)
    stack.client("kms").schedule_key_deletion(KeyId=archive.kms_key_arn, PendingWindowInDays=7)
    return replace(archive, kms_key_arn=another).shelf(stack.shelf.workspace)


def test_an_object_under_an_earlier_key_is_named_with_it(stack: Stack, rekeyed: Shelf) -> None:
    with pytest.raises(UnreadableError) as refused:
        rekeyed.manifest(FIRST)
    for told in (f"{FIRST}/manifest.json", stack.shelf.archive.kms_key_arn, "PendingDeletion"):
        assert told in str(refused.value)


def test_the_newest_is_one_whose_key_can_be_used(stack: Stack, rekeyed: Shelf) -> None:
    assert rekeyed.newest() is None
    stack.shelf = rekeyed
    stack.database.query("INSERT INTO trades VALUES (3)")
    assert kept(stack, SECOND) == rekeyed.newest()


def test_nothing_is_passed_over_where_the_archives_own_key_is_disabled(stack: Stack) -> None:
    kept(stack, FIRST)
    stack.client("kms").disable_key(KeyId=stack.shelf.archive.kms_key_arn)
    with pytest.raises(OperatorError, match="is Disabled: nothing can be kept or restored"):
        stack.shelf.newest()


def test_an_inventory_that_cannot_be_unpacked_is_corrupt(stack: Stack) -> None:
    manifest, archive = kept(stack, FIRST), stack.shelf.archive
    stack.shelf.write_inventory(FIRST, [])
    [key] = [
        item["Key"]
        for item in archive.s3.list_objects_v2(Bucket=archive.bucket)["Contents"]
        if item["Key"].endswith("inventory.jsonl.gz")
    ]
    packed = bytearray(gzip.compress(b"x" * 99))
    packed[10] ^= 0xFF  # The first byte behind the header.
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=bytes(packed))
    with pytest.raises(OperatorError, match="is corrupt"):
        stack.shelf.inventory(manifest)


def test_no_keep_goes_on_with_what_is_being_pruned(stack: Stack) -> None:
    """A copy of it elsewhere would be taken for one of what is kept now."""
    kept(stack, FIRST)
    stack.shelf.stand(FIRST, Phase.WHOLE)
    stack.shelf.withdraw(FIRST)
    assert kept(stack, SECOND).generation == SECOND
