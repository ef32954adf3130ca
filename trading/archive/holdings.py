"""What a data stack holds, by its state: which cluster, and which buckets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

DATA = "data"
SECURITY = "security"

CLUSTER = "aws_rds_cluster"
_BUCKET = "aws_s3_bucket"

# S3 itself writes these, and goes on to while they are kept: no two of its logs have one name.
APPENDED_TO = {"aws_s3_bucket.access_logs_bucket"}


@dataclass(frozen=True)
class Holdings:
    """A stack's cluster, by its identifier and AWS's own name of it, and its buckets by address."""

    cluster: str | None = None
    resource_id: str | None = None
    buckets: dict[str, str] = field(default_factory=dict)


def holdings(engine: Engine, stack: Stack) -> Holdings:
    """What a data stack holds; nothing while it is not deployed. Raises OperatorError."""
    if stack.name not in stacks_with_state(engine.workspace, engine.environment):
        return Holdings()
    state = engine.terraform.show(stack.directory)
    resources = state.get("values", {}).get("root_module", {}).get("resources", [])
    managed = [resource for resource in resources if resource.get("mode") == "managed"]
    clusters = [one["values"] for one in managed if one["type"] == CLUSTER]
    return Holdings(
        cluster=clusters[0]["cluster_identifier"] if clusters else None,
        resource_id=clusters[0]["cluster_resource_id"] if clusters else None,
        buckets={
            one["address"]: one["values"]["bucket"] for one in managed if one["type"] == _BUCKET
        },
    )
