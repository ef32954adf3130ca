"""Whether a layer is the same in every region, but for what regions must differ in.

What must differ: the `locals` of a stack (its region, zones and address ranges), what other stacks give
it, and what AWS generates, such as ids. Each is replaced by the name of where it comes from, so that a
reference to the region's own key reads the same everywhere, and one to another key does not. What then
still differs was made different by somebody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from trading.reports.comparison import differences, for_json, shortened, top_attribute
from trading.reports.provider import is_set_elsewhere, worth_telling
from trading.reports.refreshed import configured_attributes, managed_resources, upstream_outputs
from trading.reports.region_names import LayerInRegion, RegionNames, is_setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from trading.engine.graph import Stack
    from trading.reports.comparison import Difference
    from trading.reports.provider import Resource


@dataclass(frozen=True)
class Inconsistency:
    """What is not the same in all regions: an attribute; without one the whole resource, and without
    an address the whole layer.
    """

    address: str | None
    attribute: str | None
    regions: Mapping[str, Any]

    def as_json(self, layer: str) -> dict[str, Any]:
        """What `trading consistency --json` says of it."""
        return {
            "layer": layer,
            "address": self.address,
            "attribute": self.attribute,
            "regions": {region: for_json(value) for region, value in self.regions.items()},
        }


def compare_regions(layer: Mapping[str, LayerInRegion]) -> list[Inconsistency]:
    """What differs between at least two regions of one layer."""
    names = RegionNames(layer)
    addresses = sorted({address for region in layer.values() for address in region.resources})
    return [found for address in addresses for found in _compare_resource(layer, address, names)]


def compare_layers(
    stacks: Sequence[Stack], held: Mapping[str, LayerInRegion]
) -> list[tuple[str, Inconsistency]]:
    """What differs in each layer of the stacks; `held` has those that are deployed, by name."""
    found: list[tuple[str, Inconsistency]] = []
    for layer in dict.fromkeys(stack.layer for stack in stacks):
        regions = {str(stack.region): stack.name for stack in stacks if stack.layer == layer}
        there = {region: held[name] for region, name in regions.items() if name in held}
        if 0 < len(there) < len(regions):
            said = {r: "deployed" if r in there else "not deployed" for r in regions}
            found.append((layer, Inconsistency(None, None, said)))
        if len(there) > 1:
            found += [(layer, item) for item in compare_regions(there)]
    return found


def read_layer(plan: Mapping[str, Any], directory: Path) -> LayerInRegion:
    """A layer of one region from its refresh-only plan and its synthesized folder."""
    configuration = json.loads((directory / "cdk.tf.json").read_text())
    return LayerInRegion(
        configuration["locals"],
        upstream_outputs(plan),
        managed_resources(plan),
        configured_attributes(plan),
    )


def as_table(found: Sequence[tuple[str, Inconsistency]]) -> Table:
    """A row for each attribute, with what it is in each region; each comes with its layer."""
    regions = list(dict.fromkeys(region for _, item in found for region in item.regions))
    table = Table("Layer", "Address", "Attribute", *regions)
    for layer, item in found:
        values = (
            Text(shortened(item.regions[region]) if region in item.regions else "")
            for region in regions
        )
        table.add_row(layer, item.address or "all of it", Text(item.attribute or ""), *values)
    return table


def _compare_resource(
    layer: Mapping[str, LayerInRegion], address: str, names: RegionNames
) -> Iterator[Inconsistency]:
    resources = {
        region: held.resources[address]
        for region, held in layer.items()
        if address in held.resources
    }
    if len(resources) < len(layer):
        there = {region: "there" if region in resources else "missing" for region in layer}
        yield Inconsistency(address, None, there)
        return
    kind = next(iter(resources.values())).kind
    values = {region: resource.values for region, resource in resources.items()}
    for item in worth_telling(kind, differences(values, names.renames)):
        if not _is_accounted_for(layer, resources, address, item, names):
            yield Inconsistency(address, item.path, item.views)


def _is_accounted_for(
    layer: Mapping[str, LayerInRegion],
    resources: Mapping[str, Resource],
    address: str,
    found: Difference,
    names: RegionNames,
) -> bool:
    """Whether AWS generated the values, or other resources set them, which are compared themselves."""
    attribute = top_attribute(found.path)
    if is_setting(layer, address, attribute):
        return False
    return names.explain(found.views) or all(
        is_set_elsewhere(
            resource,
            attribute,
            layer[region].configured.get(address, ()),
            layer[region].resources.values(),
        )
        for region, resource in resources.items()
    )
