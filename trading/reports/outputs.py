"""What an environment publishes: by region, where its API answers and where its data is; or by stack,
every output.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from trading.advice import command
from trading.engine.graph import Selection
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trading.engine.engine import Engine
    from trading.engine.graph import Stack
    from trading.engine.terraform import Output
    from trading.targets import Target


@dataclass(frozen=True)
class RegionOutputs:
    """One region; None for what is not deployed there."""

    api_invoke_url: str | None
    shared_domain_url: str | None
    regional_domain_url: str | None
    writer_endpoint: str | None
    reader_endpoint: str | None
    database_port: int | None
    secret_arn: str | None
    artifacts_bucket: str | None
    kms_key_arn: str | None
    kms_key_alias: str | None


_LAYERS = ("api", "data", "security")


def read_outputs(engine: Engine, regions: Collection[str] = ()) -> dict[str, RegionOutputs]:
    """The outputs of the given regions, or else of all, that have any.

    Raises OperatorError when none has, or there is no such region.
    """
    selected = engine.graph.select(Selection(regions=list(regions)))
    stacks = [stack for stack in selected if stack.layer in _LAYERS]
    published = engine.outputs(stacks)
    found: dict[str, dict[str, Any]] = {}
    for stack in stacks:
        if stack.region and stack.name in published:
            found.setdefault(stack.region, {}).update(published[stack.name])
    if not found:
        where = ", ".join([engine.workspace, *regions])
        raise OperatorError(
            f"nothing is deployed in {where}: run {command('deploy', engine.workspace)}"
        )
    return {region: _region(found[region], engine.target) for region in sorted(found)}


def read_stack_outputs(engine: Engine, stacks: Collection[Stack]) -> dict[str, dict[str, Output]]:
    """All that each of these stacks publishes. Raises OperatorError when one is not deployed."""
    published = engine.published(stacks)
    missing = [stack.name for stack in stacks if stack.name not in published]
    if missing:
        deploy = command(f"deploy {' '.join(missing)}", engine.workspace)
        raise OperatorError(f"{', '.join(missing)} is not deployed: run {deploy}")
    return published


def _region(published: Mapping[str, Any], target: Target) -> RegionOutputs:
    values = {field.name: published.get(field.name) for field in fields(RegionOutputs)}
    if "rest_api_id" in published:
        values["api_invoke_url"] = target.api_url(
            published["rest_api_id"], published["stage_name"], published["regional_domain_url"]
        )
    return RegionOutputs(**values)


def as_json(outputs: Mapping[str, RegionOutputs]) -> dict[str, dict[str, Any]]:
    """The outputs under the names of their fields, by region."""
    return {region: asdict(values) for region, values in outputs.items()}


def as_shown(published: Mapping[str, Mapping[str, Output]]) -> dict[str, dict[str, Any]]:
    """The values for a screen, without what is sensitive."""
    return {
        stack: {
            name: "(sensitive)" if output.sensitive else output.value
            for name, output in outputs.items()
        }
        for stack, outputs in published.items()
    }


def as_env(published: Mapping[str, Mapping[str, Any]], *, prefixed: bool) -> str:
    """Lines for a shell to evaluate, quoted; what is not deployed is left out. With a prefix each
    name begins with its region or stack.
    """
    lines = [
        f"export {_variable(f'{place}_{name}' if prefixed else name)}={shlex.quote(_text(value))}\n"
        for place, values in published.items()
        for name, value in values.items()
        if value is not None
    ]
    return "".join(lines)


def as_table(published: Mapping[str, Mapping[str, object]], place: str = "Region") -> Table:
    """A row for each value, since an ARN alone fills a line. `place` is what the keys are."""
    table = Table(place, "Output", "Value")
    for name_of_place, values in published.items():
        first = True
        for name, value in values.items():
            if value is not None:
                # An ARN may hold what rich takes for an emoji, such as `:secret:`.
                shown = Text(_text(value), overflow="fold")
                table.add_row(name_of_place if first else "", name, shown)
                first = False
        table.add_section()
    return table


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()


def _text(value: object) -> str:
    """A string as it is; a list or a map as JSON, which a shell's tools read."""
    return value if isinstance(value, str) else json.dumps(value)
