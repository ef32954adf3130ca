"""A stack's data is destroyed and made again many times, and is more each time."""

from __future__ import annotations

from collections.abc import Callable

from tests.local_aws.conftest import Client, create_key
from tests.trading.archive.bucket_contents import Content, Contents, contents
from tests.trading.archive.conftest import Database, Stack, create_bucket, holding
from trading.archive.manifest import Phase
from trading.archive.restore import Restore

CYCLES = 5


def test_each_cycle_brings_back_all_of_those_before(
    stack: Stack, client: Client, name: str, new_database: Callable[..., Database]
) -> None:
    stack.database = new_database(stack.key)
    stack.database.query("CREATE TABLE trades (id INT PRIMARY KEY)")
    stack.holdings = holding(stack.database, objects=stack.bucket)
    expected: Contents = {"first": [Content(b"x")]}
    for cycle in range(CYCLES):
        stack.database.query(f"INSERT INTO trades VALUES ({cycle})")
        expected[f"of cycle {cycle}"] = [Content(b"new")]
        expected["first"].append(Content(str(cycle).encode()))
        stack.put(f"of cycle {cycle}", b"new")
        stack.put("first", str(cycle).encode())

        generation = f"202611{22 + cycle}T101500Z"
        kept = stack.keep(generation)
        assert kept
        assert kept.database
        assert kept.generation == generation
        stack.shelf.stand(generation, Phase.DESTROYING)
        stack.database.remove()
        client("kms").schedule_key_deletion(KeyId=stack.key, PendingWindowInDays=7)

        stack.key = create_key(client)
        stack.database = new_database(stack.key, kept.database.snapshot_arn)
        bucket = create_bucket(client, f"cycle-{cycle}-{name}", stack.key)
        stack.holdings = holding(stack.database, objects=bucket)
        newest = stack.shelf.newest()
        assert newest == kept
        stack.shelf.stand(generation, Phase.RESTORING)
        Restore("data-us-east-1", stack.holdings, stack.shelf, newest, stack.telling).run()
        found = stack.database.query("SELECT id FROM trades ORDER BY id")
        assert found == [(number,) for number in range(cycle + 1)]
        assert contents(stack.s3, bucket) == expected
