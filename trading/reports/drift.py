"""What differs between the state of a stack and AWS, attribute by attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from trading.reports.comparison import differences, for_json, shortened, simplified, top_attribute
from trading.reports.provider import Resource, is_set_elsewhere, worth_telling
from trading.reports.refreshed import configured_attributes, managed_resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Drift:
    """One attribute that was changed behind Terraform's back; None for a resource that is gone."""

    address: str
    attribute: str | None
    was: Any = None
    is_now: Any = None

    def as_json(self, stack: str) -> dict[str, Any]:
        """What `trading drift --json` says of it."""
        return {
            "stack": stack,
            "address": self.address,
            "action": "delete" if self.attribute is None else "update",
            "attribute": self.attribute,
            "was": for_json(self.was),
            "is": for_json(self.is_now),
        }


def drift_of(plan: Mapping[str, Any]) -> list[Drift]:
    """What a refresh-only plan, as `terraform show -json` gives it, found to have changed.

    Terraform looks only at what its state knows: a thing that somebody added is found where a
    resource of ours lists it, such as a rule of a security group, or else not at all.
    """
    stack = managed_resources(plan)
    configured = configured_attributes(plan)
    return [
        drift
        for entry in plan.get("resource_drift", ())
        for drift in _drift_of_resource(entry, configured.get(entry["address"], set()), stack)
    ]


def as_table(drifts: Sequence[tuple[str, Drift]]) -> Table:
    """A row for each attribute, long values shortened; each comes with its stack."""
    table = Table("Stack", "Address", "Attribute", "Was", "Is")
    for stack, drift in drifts:
        if drift.attribute is None:
            table.add_row(stack, drift.address, "", "", Text("deleted", style="bold red"))
        else:
            values = (Text(shortened(value)) for value in (drift.was, drift.is_now))
            table.add_row(stack, drift.address, Text(drift.attribute), *values)
    return table


def _drift_of_resource(
    entry: Mapping[str, Any], configured: set[str], stack: Mapping[str, Resource]
) -> Iterator[Drift]:
    address, kind, change = entry["address"], entry["type"], entry["change"]
    if change["actions"] == ["delete"]:
        yield Drift(address, None)
        return
    was = simplified(change["before"], change.get("before_sensitive", False)) or {}
    now = simplified(change["after"], change.get("after_sensitive", False)) or {}
    found = worth_telling(kind, differences({"was": was, "is": now}, {}))
    for item in found:
        attribute = top_attribute(item.path)
        if not is_set_elsewhere(Resource(kind, now), attribute, configured, stack.values()):
            yield Drift(address, item.path, item.views["was"], item.views["is"])
