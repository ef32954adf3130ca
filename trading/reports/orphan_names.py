"""What an environment's things are called, by its Terraform JSON, and which of them Terraform knows."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks.settings import PROJECT
from trading.errors import OperatorError
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

# The arguments that AWS calls a thing by. `Name` is the tag that every taggable thing has.
_NAMES = (
    "name",
    "bucket",
    "function_name",
    "cluster_identifier",
    "identifier",
    "alarm_name",
    "dashboard_name",
    "domain_name",
)


# What Terraform adopts is of the kind that AWS lists it under.
_SAME_AS = {"aws_default_security_group": "aws_security_group"}


@dataclass(frozen=True)
class Declared:
    """A resource of a stack: what Terraform calls it, and what AWS does."""

    stack: Stack
    type: str
    address: str
    region: str
    names: frozenset[str]


class Names:
    """The names that an environment gives, exactly: another project's `x-dev` is not ours."""

    def __init__(self, suffix: str, account: str, stacks: Collection[Stack]) -> None:
        self.suffix = suffix
        self._declared = [found for stack in stacks for found in _declared(stack, account)]

    def of(self, resource_type: str, region: str | None = None) -> set[str]:
        """The names of a type's things in a region, or in all."""
        return {name for found in self._of(resource_type, region) for name in found.names}

    def is_ours(self, resource_type: str, tags: Mapping[str, str], name: str) -> bool:
        """By our tags, or else by a name that only we give."""
        if "Environment" in tags and "Project" in tags:
            return (tags["Environment"], tags["Project"]) == (self.suffix, PROJECT)
        return name in self.of(resource_type)

    def declared(self, resource_type: str, region: str | None, name: str) -> Declared | None:
        """The one resource that is called so; None when it cannot be told."""
        found = [other for other in self._of(resource_type, region) if name in other.names]
        return found[0] if len(found) == 1 else None

    def _of(self, resource_type: str, region: str | None) -> Iterator[Declared]:
        for found in self._declared:
            if found.type == resource_type and region in {None, found.region}:
                yield found


class Known:
    """All that the states of an environment hold; `states` are by stack, with their region."""

    def __init__(self, states: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
        self.stacks = set(states)
        self._arns: set[str] = set()
        # Regions use the same names, and so do kinds of things.
        self._identities: set[tuple[str, str, str]] = set()
        self._addresses: set[tuple[str, str]] = set()
        for stack, (region, state) in states.items():
            for resource in _resources(state.get("values", {}).get("root_module", {})):
                self._add(stack, region, resource)

    def holds(self, resource_type: str, region: str | None, identity: str, arn: str) -> bool:
        """Whether Terraform knows a thing; `region` is None for a kind that has none."""
        if arn in self._arns:
            return True
        return any(
            (resource_type, identity) == (kind, known) and region in {None, place}
            for kind, place, known in self._identities
        )

    def holds_address(self, declared: Declared) -> bool:
        """Whether Terraform has a thing at this address, be it another one."""
        return (declared.stack.name, _without_index(declared.address)) in self._addresses

    def _add(self, stack: str, region: str, resource: Mapping[str, Any]) -> None:
        kind, values = resource["type"], resource["values"]
        self._addresses.add((stack, _without_index(resource["address"])))
        self._identities.add((_SAME_AS.get(kind, kind), region, str(values.get("id"))))
        # RDS makes and keeps the secret of the cluster.
        secrets = [secret["secret_arn"] for secret in values.get("master_user_secret") or []]
        self._arns |= {arn for arn in (values.get("arn"), *secrets) if arn}


def read_known(engine: Engine) -> Known:
    """What the states hold. Raises OperatorError when one cannot be read: what it holds would look
    left over, and be offered for removal.
    """
    existing = stacks_with_state(engine.workspace, engine.environment)
    if unknown := sorted(existing - engine.graph.stacks.keys()):
        raise OperatorError(
            f"{', '.join(unknown)} of {engine.workspace} is deployed and no longer in the settings:"
            " put its region back, and destroy it first"
        )
    directories = {name: engine.graph.stacks[name].directory for name in sorted(existing)}
    with ThreadPoolExecutor(engine.parallelism) as pool:
        shown = list(pool.map(engine.terraform.show, directories.values()))
    regions = [_configuration(directory)["locals"]["region"] for directory in directories.values()]
    return Known(dict(zip(directories, zip(regions, shown, strict=True), strict=True)))


def _declared(stack: Stack, account: str) -> Iterator[Declared]:
    configuration = _configuration(stack.directory)
    values = configuration["locals"]
    for resource_type, resources in configuration.get("resource", {}).items():
        for key, arguments in resources.items():
            given = [arguments.get(name) for name in _NAMES]
            tags = arguments.get("tags")
            given.append(tags.get("Name") if isinstance(tags, dict) else None)
            names = {_resolve(name, values, account) for name in given if isinstance(name, str)}
            counted = "[0]" if "count" in arguments else ""
            yield Declared(
                stack,
                resource_type,
                f"{resource_type}.{key}{counted}",
                values["region"],
                frozenset(name for name in names if "${" not in name),
            )


def _resolve(name: str, values: Mapping[str, Any], account: str) -> str:
    """A name with the region, the account and the zone put in; anything else stays an expression."""
    name = name.replace("${local.region}", str(values["region"]))
    name = name.replace("${data.aws_caller_identity.current.account_id}", account)
    return re.sub(
        r"\$\{element\(local\.(\w+), (\d+)\)\}", lambda found: values[found[1]][int(found[2])], name
    )


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in module.get("resources", []):
        if resource["mode"] == "managed":
            yield resource
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _configuration(directory: Path) -> dict[str, Any]:
    configuration: dict[str, Any] = json.loads((directory / "cdk.tf.json").read_text())
    return configuration


def _without_index(address: str) -> str:
    return re.sub(r"\[[^\]]*\]$", "", address)
