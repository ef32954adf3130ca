"""Read a refresh-only plan, as `terraform show -json` gives it: a stack as AWS holds it now.

https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trading.reports.comparison import simplified
from trading.reports.provider import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping


def managed_resources(plan: Mapping[str, Any]) -> dict[str, Resource]:
    """The resources of a stack as they are in AWS, by address, with secrets masked."""
    return {
        resource["address"]: Resource(
            resource["type"],
            simplified(resource["values"], resource.get("sensitive_values", {})) or {},
        )
        for resource in _resources(plan, "managed")
    }


def _resources(plan: Mapping[str, Any], mode: str) -> list[dict[str, Any]]:
    """The resources of one mode (`managed` or `data`) in the refreshed state of a plan."""
    root = plan.get("prior_state", {}).get("values", {}).get("root_module", {})
    return [resource for resource in root.get("resources", ()) if resource["mode"] == mode]


def configured_attributes(plan: Mapping[str, Any]) -> dict[str, set[str]]:
    """The attributes that the configuration sets, by address; the others are AWS's own."""
    root = plan.get("configuration", {}).get("root_module", {})
    configured = {
        resource["address"]: set(resource.get("expressions", ()))
        for resource in root.get("resources", ())
    }
    # With `count` a resource of the configuration is several of the state, each with a number.
    return {
        resource["address"]: configured.get(f"{resource['type']}.{resource['name']}", set())
        for resource in _resources(plan, "managed")
    }


def upstream_outputs(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the stack reads from other stacks, by the reading data source."""
    return {
        resource["name"]: resource["values"].get("outputs") or {}
        for resource in _resources(plan, "data")
        if resource["type"] == "terraform_remote_state"
    }
