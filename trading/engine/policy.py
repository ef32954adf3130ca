"""What a deploy may not do by itself where data matters: replace or destroy what holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trading.engine.events import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trading.engine.events import PlannedChange

# Each with what is lost with it. An instance of a cluster holds nothing that the cluster does not.
HOLDS_DATA = {
    "aws_rds_cluster": "its database",
    "aws_s3_bucket": "its objects",
    "aws_kms_key": "all that is encrypted with it",
    "aws_route53_zone": "its name servers, and with them the names of clients",
}


@dataclass(frozen=True)
class Policy:
    """`data_matters` is the environment's; `allowed` are addresses the operator named."""

    data_matters: bool = False
    allowed: frozenset[str] = frozenset()

    def refused(self, changes: Iterable[PlannedChange]) -> list[PlannedChange]:
        """The planned changes that would lose data and were not allowed."""
        return [
            change
            for change in changes
            if self.data_matters
            and change.resource_type in HOLDS_DATA
            and change.action in {Action.REPLACE, Action.DELETE}
            and change.address not in self.allowed
        ]


def refusal(changes: Iterable[PlannedChange], plan: Mapping[str, Any]) -> str:
    """Why, in one line; `plan` is Terraform's JSON, which knows what forces a replacement."""
    resources = {change["address"]: change["change"] for change in plan.get("resource_changes", [])}
    reasons = []
    options = []
    for change in changes:
        done = "replaced" if change.action is Action.REPLACE else "destroyed"
        paths = resources.get(change.address, {}).get("replace_paths", [])
        forced = ", ".join(".".join(map(str, path)) for path in paths)
        why = f"forced by {forced}" if forced else change.reason.replace("_", " ")
        because = f" ({why})" if why else ""
        lost = HOLDS_DATA[change.resource_type]
        reasons.append(f"{change.address} would be {done}{because}, and {lost} lost")
        options.append(f"--allow-replace {change.address}")
    return f"{'; '.join(reasons)}: if that is meant, add {' '.join(options)}"
