"""What could not be brought back whole is refused in one line, before anything is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.trading.archive.conftest import FIRST, Stack
from trading.archive.objects import Kept
from trading.archive.restore import require_restorable
from trading.errors import OperatorError


def change(stack: Stack, name: str, changed: Callable[[bytes], bytes]) -> None:
    s3, shelf = stack.s3, stack.shelf
    place = {"Bucket": shelf.archive.bucket, "Key": shelf._key(FIRST, name)}
    s3.put_object(**place, Body=changed(s3.get_object(**place)["Body"].read()))


def remove(stack: Stack, name: str) -> None:
    stack.s3.delete_object(Bucket=stack.shelf.archive.bucket, Key=stack.shelf._key(FIRST, name))


def without_snapshot(stack: Stack) -> None:
    name = stack.shelf.snapshot_name(FIRST)
    stack.database.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)


def with_disabled_key(stack: Stack) -> None:
    stack.client("kms").disable_key(KeyId=stack.shelf.archive.kms_key_arn)


def without_copy(stack: Stack) -> None:
    [line] = stack.shelf.inventory(stack.shelf.manifests()[0])
    remove(stack, f"objects/{Kept.parse(line).version.stored_as}")


def with_shorter_copy(stack: Stack) -> None:
    [line] = stack.shelf.inventory(stack.shelf.manifests()[0])
    change(stack, f"objects/{Kept.parse(line).version.stored_as}", lambda _: b"")


def with_cut_inventory(stack: Stack) -> None:
    change(stack, "inventory.jsonl.gz", lambda packed: packed[:-9])


def with_other_inventory(stack: Stack) -> None:
    stack.shelf.write_inventory(FIRST, [])


def without_inventory(stack: Stack) -> None:
    remove(stack, "inventory.jsonl.gz")


def with_changed_manifest(stack: Stack) -> None:
    change(stack, "manifest.json", lambda text: text.replace(b'"rows": 2', b'"rows": 3'))


def with_cut_manifest(stack: Stack) -> None:
    change(stack, "manifest.json", lambda text: text[:100])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (without_snapshot, r"the snapshot arn:.* of generation 20261122T101500Z is gone: choose"),
        (
            with_disabled_key,
            r"the archive's key in us-east-1 is Disabled: nothing can be .*; enable",
        ),
        (without_copy, r"generation 20261122T101500Z lacks the copy of 'first' \(.*\): choose"),
        (
            with_shorter_copy,
            r"generation 20261122T101500Z lacks the copy of 'first' \(.*\): choose",
        ),
        (with_cut_inventory, r"the inventory s3://.*/inventory.jsonl.gz is corrupt: "),
        (with_other_inventory, r"the inventory s3://.* is not the one that its manifest names"),
        (without_inventory, r"the inventory s3://.* is gone: choose another generation by --from"),
        (with_changed_manifest, r"the manifest s3://.* is corrupt \(its digest is not that of"),
        (with_cut_manifest, r"the manifest s3://.* is corrupt \(it is cut off"),
    ],
)
def test_damage_is_told(stack: Stack, damage: Callable[[Stack], None], told: str) -> None:
    def require() -> None:
        for manifest in stack.shelf.manifests():
            require_restorable(stack.shelf, manifest)

    stack.keep()
    require()
    damage(stack)
    with pytest.raises(OperatorError, match=told) as caught:
        require()
    assert "\n" not in str(caught.value)


def test_bucket_that_is_gone_is_told(stack: Stack) -> None:
    stack.shelf.archive.s3.delete_bucket(Bucket=stack.shelf.archive.bucket)
    with pytest.raises(OperatorError, match=r"cannot be used .*: run `trading foundation deploy`"):
        stack.shelf.archive.require_usable()
