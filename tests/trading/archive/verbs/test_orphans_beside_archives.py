"""What is kept is nobody's leftover, and a final snapshot is told what it is a second copy of."""

from __future__ import annotations

import json
from typing import Any

from tests.trading.archive.verbs.conftest import GENERATIONS, HOME, Operator
from trading.archive.cluster import Snapshots


def test_snapshots_are_told_apart(operator: Operator) -> None:
    archive, shelf = operator.archives[HOME], operator.shelf()
    identifier = "aurora-dev"
    configuration = operator.directory(f"data-{HOME}", "dev") / "cdk.tf.json"
    declared = json.loads(configuration.read_text())
    declared["resource"] = {"aws_rds_cluster": {"cluster": {"cluster_identifier": identifier}}}
    configuration.write_text(json.dumps(declared))

    rds = operator.client("rds")
    clusters = [made_and_destroyed(operator, identifier, final) for final in ("kept", "only")]
    snapshots = Snapshots(archive.environment, HOME, lambda: None)
    assert all(clusters)
    name = shelf.snapshot_name(GENERATIONS[0])
    operator.made.append((snapshots, name))
    final = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="kept")
    arn = final["DBClusterSnapshots"][0]["DBClusterSnapshotArn"]
    snapshots.copy(arn, name, archive.kms_key_arn, shelf.tags(GENERATIONS[0]))

    result = operator("orphans", "--json")
    found = {one["name"]: one for one in json.loads(result.stdout)["orphans"]}
    assert set(found) & {"kept", "only", name} == {"kept", "only"}
    assert found["kept"]["why"] == f"generation {GENERATIONS[0]} has the data of its cluster"
    assert f"`trading archive verify {GENERATIONS[0]} --env dev`" in found["kept"]["advice"]
    assert found["only"]["advice"] == "the data of a destroyed cluster: kept on purpose"
    assert not found["kept"]["safe_to_remove"]
    assert not [one for one in found if "archive" in one]
    for one in ("kept", "only"):
        snapshots.remove(one)


def made_and_destroyed(operator: Operator, identifier: str, final: str) -> Any:
    """A cluster that left a final snapshot."""
    rds = operator.client("rds")
    created = rds.create_db_cluster(
        DBClusterIdentifier=identifier,
        Engine="aurora-mysql",
        MasterUsername="trader",
        MasterUserPassword="password",
        StorageEncrypted=True,
        KmsKeyId=operator.archives[HOME].kms_key_arn,
    )["DBCluster"]
    rds.delete_db_cluster(DBClusterIdentifier=identifier, FinalDBSnapshotIdentifier=final)
    return created["DbClusterResourceId"]
