"""A region where data matters is destroyed, its key with it, and made again: nothing is lost.

One story in order: each test goes on where the one before it ended. `trading` and Terraform are killed
in the middle of everything. `test_later_cycles.py` has more cycles, of the data alone.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from stacks.settings import FOUNDATION_WORKSPACE
from tests.end_to_end.belongings import (
    Belongings,
    belongings,
    bucket,
    count_versions,
    post_trades,
    put_objects,
    read_objects,
)
from tests.end_to_end.conftest import Operator
from tests.end_to_end.interruptions import aws, is_at, kill_terraform, wait_until
from tests.end_to_end.inventory import Inventory, take_inventory, usable_keys

pytestmark = pytest.mark.end_to_end

# A copy of prod: its data matters, so no command says that it is to be kept.
WORKSPACE = "prod-drill"
REGION = "us-east-2"
COPY_REGION = "us-east-1"
REGIONS = [REGION, COPY_REGION]
DATA = f"data-{REGION}"
CONFIRMED = ("--confirm", WORKSPACE)

TRADES = int(os.environ.get("DRILL_TRADES", "120"))
OBJECTS = int(os.environ.get("DRILL_OBJECTS", "600"))


@pytest.fixture(scope="module")
def empty(operator: Operator) -> Inventory:
    """What the local AWS holds before anything of ours."""
    return take_inventory(operator.local.endpoint_url, REGIONS)


@pytest.fixture(scope="module")
def prod(operator: Operator, empty: Inventory) -> Operator:
    """The operator of the environment; the account has its foundation."""
    prod = replace(operator, workspace=WORKSPACE)
    foundation = prod.start("foundation", "deploy", "--yes")
    # Neither of them needs the foundation.
    prod.succeeds("deploy", f"security-{REGION}", f"network-{REGION}", *CONFIRMED)
    output, errors = foundation.communicate()
    assert foundation.returncode == 0, output + errors
    return prod


@pytest.fixture(scope="module")
def trades(prod: Operator) -> list[str]:
    """The ids of all trades, which become more."""
    prod.succeeds("deploy", "--region", REGION, "--with-dependencies", *CONFIRMED)
    put_objects(prod, REGION, OBJECTS, "first")
    return post_trades(prod, REGION, TRADES, "first")


@pytest.fixture(scope="module")
def first(prod: Operator, trades: list[str]) -> Belongings:
    """What there is before anything is destroyed."""
    return belongings(prod, REGION, list(trades))


def archive(operator: Operator, region: str = REGION) -> tuple[Any, str]:
    """A client of S3, and the archive bucket of a region."""
    account = aws(operator, "sts", region).get_caller_identity()["Account"]
    return aws(operator, "s3", region), f"archive-{account}-{region}-foundation"


def archived(operator: Operator, ending: str, region: str = REGION) -> list[str]:
    """The keys in a region's archive that end so, of REGION's generations."""
    s3, name = archive(operator, region)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=name, Prefix=f"{WORKSPACE}/{REGION}/"
    )
    keys = (item["Key"] for page in pages for item in page.get("Contents", []))
    return [key for key in keys if ending in key]


def generations(operator: Operator) -> list[str]:
    """The finished generations, the oldest first."""
    return sorted(key.split("/")[2] for key in archived(operator, "/manifest.json"))


def clusters(operator: Operator) -> list[str]:
    """The databases of the region."""
    found = aws(operator, "rds", REGION).describe_db_clusters()["DBClusters"]
    return [cluster["Status"] for cluster in found]


def test_a_keep_that_is_killed_has_destroyed_nothing(prod: Operator, first: Belongings) -> None:
    run = prod.start("destroy", "--region", REGION, *CONFIRMED)
    wait_until("objects are being kept", lambda: len(archived(prod, "/objects/")) > OBJECTS / 10)
    run.kill()
    run.communicate()
    assert generations(prod) == []
    assert clusters(prod) == ["available"]
    assert read_objects(prod, REGION) == (first.objects, first.deleted)


def test_a_destroy_that_is_killed_goes_on(prod: Operator, first: Belongings) -> None:
    run = prod.start("resume", *CONFIRMED)
    writer = "aws_rds_cluster_instance.aurora_writer"
    wait_until("the database is being deleted", lambda: is_at(prod, DATA, writer))
    run.kill()
    kill_terraform(prod, DATA)
    said, _ = run.communicate()
    assert "going on with generation" in said
    [kept] = generations(prod)
    said = prod.succeeds("resume", *CONFIRMED)
    assert f"generation {kept} has all of it" in said
    assert generations(prod) == [kept]


def of_the_foundation(name: str) -> bool:
    """RDS chooses the name of one log group by itself."""
    return FOUNDATION_WORKSPACE in name or name == "RDSOSMetrics"


def test_nothing_of_the_region_is_left_and_its_key_is_gone(
    prod: Operator, empty: Inventory, first: Belongings
) -> None:
    endpoint = prod.local.endpoint_url
    left = take_inventory(endpoint, REGIONS)
    new = {
        place: ours
        for place, names in left.items()
        if (ours := {name for name in names - empty[place] if not of_the_foundation(name)})
    }
    # The zone stays, the certificate that answers for it, and the log of its queries under a key of its
    # own: no region owns them.
    assert new.keys() == {
        f"route53 list_hosted_zones {REGION}",
        f"route53 list_query_logging_configs {REGION}",
        f"acm list_certificates {COPY_REGION}",
        f"kms list_aliases {COPY_REGION}",
        f"logs describe_log_groups {COPY_REGION}",
    }
    kms = aws(prod, "kms", REGION)
    assert [alias for alias in left[f"kms list_aliases {REGION}"] if WORKSPACE in alias] == []
    states = [
        kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
        for key in kms.list_keys()["Keys"]
    ]
    assert "PendingDeletion" in states
    assert len(usable_keys(endpoint, [REGION])) == 1


def test_what_was_kept_is_readable_without_the_key_and_in_another_region(
    prod: Operator, first: Belongings
) -> None:
    assert "ok" in prod.succeeds("archive", "verify", "--thorough")
    for region in REGIONS:
        s3, name = archive(prod, region)
        objects = archived(prod, "/objects/", region)
        bodies = [s3.get_object(Bucket=name, Key=key)["Body"].read() for key in objects]
        kept = [body for versions in first.objects.values() for body, _ in versions]
        assert sorted(bodies) == sorted(kept)


def test_a_corrupt_manifest_is_refused_before_anything_is_made(prod: Operator) -> None:
    s3, name = archive(prod)
    [key] = archived(prod, "/manifest.json")
    manifest = s3.get_object(Bucket=name, Key=key)["Body"].read()
    s3.put_object(Bucket=name, Key=key, Body=manifest.replace(b'"rows": ', b'"rows": 1', 1))
    result = prod.trading("deploy", "--region", REGION, *CONFIRMED)
    s3.put_object(Bucket=name, Key=key, Body=manifest)
    assert result.returncode == 1
    assert "is corrupt" in result.stderr
    assert clusters(prod) == []


def test_a_restore_that_is_killed_goes_on(prod: Operator, trades: list[str]) -> None:
    run = prod.start("deploy", "--region", REGION, *CONFIRMED)
    cluster = "aws_rds_cluster.aurora_cluster"
    wait_until("the database is being restored", lambda: is_at(prod, DATA, cluster))
    wait_until("there is a database", lambda: bool(clusters(prod)))
    kill_terraform(prod, DATA)
    run.communicate()

    run = prod.start("resume", *CONFIRMED)
    name = bucket(prod, REGION)
    some = OBJECTS / 10
    coming_back = lambda: count_versions(prod, REGION, name) > some or run.poll() is not None  # noqa: E731
    wait_until("objects come back", coming_back)
    run.kill()
    said, errors = run.communicate()
    assert f"{DATA}: took over aws_rds_cluster.aurora_cluster" in said, said + errors
    assert some < count_versions(prod, REGION, name) < 2 * OBJECTS, said + errors

    refused = prod.trading("deploy", f"api-{REGION}", *CONFIRMED)
    assert refused.returncode == 1
    assert f"run `trading deploy {DATA} --env {WORKSPACE}` first" in refused.stderr
    assert "verified against generation" in prod.succeeds("resume", *CONFIRMED)


def test_every_trade_and_object_is_back(
    prod: Operator, first: Belongings, trades: list[str]
) -> None:
    assert belongings(prod, REGION, trades) == first
    assert "+0 ~0 -0 resources" in prod.succeeds("plan", "--region", REGION)


def test_a_destroy_without_its_archive_is_refused(prod: Operator, first: Belongings) -> None:
    kms = aws(prod, "kms", REGION)
    key = next(
        alias["TargetKeyId"]
        for alias in kms.list_aliases()["Aliases"]
        if alias["AliasName"].endswith("foundation")
    )
    kms.disable_key(KeyId=key)
    result = prod.trading("destroy", DATA, "--with-dependents", *CONFIRMED)
    kms.enable_key(KeyId=key)
    assert result.returncode == 1
    assert "is Disabled" in result.stderr
    assert clusters(prod) == ["available"]
    assert prod.outputs()[REGION]["api_invoke_url"]
