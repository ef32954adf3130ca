"""What a deploy may not do by itself where data matters: replace or destroy what holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trading.engine.events import Action
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

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
    """`data_matters` is the environment's; `allowed` are what the operator named, as STACK:ADDRESS:
    a layer has the same addresses in every region.
    """

    data_matters: bool = False
    allowed: frozenset[str] = frozenset()

    def refused(self, stack: str, changes: Iterable[PlannedChange]) -> list[PlannedChange]:
        """The planned changes of a stack that would lose data and were not allowed."""
        return [
            change
            for change in changes
            if self.data_matters
            and loses_data(change)
            and f"{stack}:{change.address}" not in self.allowed
        ]


def loses_data(change: PlannedChange) -> bool:
    """Whether a planned change replaces or destroys what holds data."""
    return change.resource_type in HOLDS_DATA and change.action in {Action.REPLACE, Action.DELETE}


def allowances(asked: Iterable[str], stacks: Collection[str]) -> frozenset[str]:
    """What `--allow-replace` names, each as STACK:ADDRESS; the stack may be left out where there is one.

    Raises OperatorError for an address that could be of several stacks, or of none.
    """
    named = set()
    for text in asked:
        stack, colon, _ = text.partition(":")
        if colon and stack in stacks:
            named.add(text)
        elif len(stacks) == 1 and not colon:
            named.add(f"{next(iter(stacks))}:{text}")
        else:
            raise OperatorError(
                f"--allow-replace {text}: name the stack too, as STACK:ADDRESS, and one of this run:"
                f" {', '.join(sorted(stacks))}"
            )
    return frozenset(named)


def refusal(stack: str, changes: Iterable[PlannedChange], plan: Mapping[str, Any]) -> str:
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
        options.append(f"--allow-replace {stack}:{change.address}")
    return f"{'; '.join(reasons)}: if that is meant, add {' '.join(options)} to `trading deploy`"
