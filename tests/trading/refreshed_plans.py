"""Refresh-only plans as `terraform show -json` gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def held(address: str, configured: Mapping[str, Any], **generated: Any) -> dict[str, Any]:
    """A resource: what its configuration sets, and what AWS filled in."""
    kind, _, name = address.partition(".")
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name.partition("[")[0],
        "values": {**configured, **generated},
        "configured": list(configured),
    }


def drifted(
    address: str, before: Mapping[str, Any], after: Mapping[str, Any] | None, **marks: Any
) -> dict[str, Any]:
    """A resource that is not as the state has it, or is gone."""
    change = {"actions": ["update" if after else "delete"], "before": before, "after": after}
    return {"address": address, "type": address.partition(".")[0], "change": change | marks}


def plan_of(
    *resources: Mapping[str, Any],
    drift: Sequence[Mapping[str, Any]] = (),
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A plan; `inputs` are outputs of other stacks by the data source that reads them."""
    sources = [
        {
            "address": f"data.terraform_remote_state.{name}",
            "mode": "data",
            "type": "terraform_remote_state",
            "name": name,
            "values": {"outputs": outputs},
        }
        for name, outputs in (inputs or {}).items()
    ]
    configuration = [
        {
            "address": f"{resource['type']}.{resource['name']}",
            "expressions": {name: {} for name in resource["configured"]},
        }
        for resource in resources
    ]
    plan: dict[str, Any] = {
        "prior_state": {"values": {"root_module": {"resources": [*resources, *sources]}}},
        "configuration": {"root_module": {"resources": configuration}},
    }
    return plan | ({"resource_drift": list(drift)} if drift else {})
