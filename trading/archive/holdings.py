"""What a data stack holds, by its state: which cluster, and which buckets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trading.archive.cluster import Cluster, find_cluster
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

DATA = "data"
SECURITY = "security"

_CLUSTER = "aws_rds_cluster"
_BUCKET = "aws_s3_bucket"

# S3 itself writes these, and goes on to while they are kept: no two of its logs have one name.
APPENDED_TO = {"aws_s3_bucket.access_logs_bucket"}


@dataclass(frozen=True)
class Holdings:
    """A stack's cluster, by its identifier and AWS's own name of it, and its buckets by address.
    A `tainted` cluster was not wholly made: Terraform makes another one in its place.
    """

    cluster: str | None = None
    resource_id: str | None = None
    tainted: bool = False
    buckets: dict[str, str] = field(default_factory=dict)


def holdings(engine: Engine, stack: Stack) -> Holdings:
    """What a data stack holds; nothing while it is not deployed. Raises OperatorError."""
    if stack.name not in stacks_with_state(engine.workspace, engine.environment):
        return Holdings()
    managed = managed_resources(engine, stack)
    cluster: dict[str, Any] = next((one for one in managed if one["type"] == _CLUSTER), {})
    values = cluster.get("values", {})
    return Holdings(
        cluster=values.get("cluster_identifier"),
        resource_id=values.get("cluster_resource_id"),
        tainted=cluster.get("tainted", False),
        buckets={
            one["address"]: one["values"]["bucket"] for one in managed if one["type"] == _BUCKET
        },
    )


def managed_resources(engine: Engine, stack: Stack) -> list[dict[str, Any]]:
    """What Terraform manages in a stack's state, as `terraform show` tells it. Raises OperatorError."""
    state = engine.terraform.show(stack.directory)
    resources = state.get("values", {}).get("root_module", {}).get("resources", [])
    return [resource for resource in resources if resource.get("mode") == "managed"]


def living_cluster(rds: Any, held: Holdings) -> Cluster | None:
    """The cluster that a stack holds, unless Terraform makes it anew."""
    return None if held.tainted else its_cluster(rds, held)


def its_cluster(rds: Any, held: Holdings) -> Cluster | None:
    """The very cluster of a state; None where AWS has lost it, or has another one of its name."""
    if held.cluster is None:
        return None
    found = find_cluster(rds, held.cluster)
    return found if found and found.resource_id == held.resource_id else None
