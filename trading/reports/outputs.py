"""What an environment publishes, by region: where its API answers and where its data is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from rich.table import Table

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trading.engine.engine import Engine
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


def read_outputs(engine: Engine) -> dict[str, RegionOutputs]:
    """The outputs of every region that has any. Raises OperatorError when no region has."""
    stacks = [stack for stack in engine.graph.stacks.values() if stack.layer in _LAYERS]
    published = engine.outputs(stacks)
    regions: dict[str, dict[str, Any]] = {}
    for stack in stacks:
        if stack.region and stack.name in published:
            regions.setdefault(stack.region, {}).update(published[stack.name])
    if not regions:
        raise OperatorError(f"nothing is deployed in {engine.workspace}: run `trading deploy`")
    return {region: _region(regions[region], engine.target) for region in sorted(regions)}


def _region(published: Mapping[str, Any], target: Target) -> RegionOutputs:
    values = {field.name: published.get(field.name) for field in fields(RegionOutputs)}
    if "rest_api_id" in published:
        values["api_invoke_url"] = target.api_url(
            published["rest_api_id"], published["stage_name"], published["invoke_url"]
        )
    return RegionOutputs(**values)


def as_json(outputs: Mapping[str, RegionOutputs]) -> dict[str, dict[str, Any]]:
    """The outputs under the names of their fields, by region."""
    return {region: asdict(values) for region, values in outputs.items()}


def as_table(regions: Mapping[str, Mapping[str, object]]) -> Table:
    """A row for each value of a region, since an ARN alone fills a line."""
    table = Table("Region", "Output", "Value")
    for region, values in regions.items():
        first = True
        for name, value in values.items():
            if value is not None:
                table.add_row(region if first else "", name.replace("_", " "), str(value))
                first = False
        table.add_section()
    return table
