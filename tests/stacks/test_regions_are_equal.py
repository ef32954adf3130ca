"""A layer is the same in every region, but for what its locals name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import ENVIRONMENTS, REGIONS
from tests.stacks.resources import without_metadata
from tests.synthesis import Stacks, read_stacks, run_app

LAYERS = ("network", "security", "data", "api")
WORKSPACES = [environment.name for environment in ENVIRONMENTS]

FOURTH_REGION = """
from stacks import lazy_bindings, settings
lazy_bindings.install()
zones = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
settings.REGIONS = (
    *settings.REGIONS,
    settings.Region("eu-west-1", zones, network_index=3, archive_copy_region="us-east-1"),
)
from stacks.platform import synthesize
synthesize("dev")
"""


def comparable(stack: dict[str, Any]) -> dict[str, Any]:
    """A stack without its locals, its backend and CDKTF's own notes."""
    body: dict[str, Any] = without_metadata(stack)
    body.pop("locals")
    body["terraform"].pop("backend")
    return body


@pytest.mark.parametrize("workspace", WORKSPACES)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_equal_in_every_region(
    synthesized: Callable[[str], Stacks], workspace: str, layer: str
) -> None:
    stacks = synthesized(workspace)
    first, *others = (comparable(stacks[f"{layer}-{region.name}"]) for region in REGIONS)
    for other in others:
        assert other == first


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_no_resource_of_a_region_names_its_own_region_but_by_the_local(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    stacks = synthesized(workspace)
    for region in REGIONS:
        locals_of_network = stacks[f"network-{region.name}"]["locals"]
        assert locals_of_network["region"] == region.name
        assert locals_of_network["availability_zones"] == list(region.availability_zones)
        network = json.dumps(without_metadata(stacks[f"network-{region.name}"]["resource"]))
        assert region.name not in network


def test_a_workspace_has_fourteen_stacks(synthesized: Callable[[str], Stacks]) -> None:
    expected = {f"{layer}-{region.name}" for layer in LAYERS for region in REGIONS}
    assert set(synthesized("dev")) == {*expected, "global-zone", "global-dns"}


def test_a_fourth_region_needs_settings_only(tmp_path: Path) -> None:
    result = run_app(tmp_path, "dev", "-c", FOURTH_REGION)
    assert result.returncode == 0, result.stderr
    stacks = read_stacks(tmp_path)
    assert len(stacks) == 18
    for layer in LAYERS:
        assert comparable(stacks[f"{layer}-eu-west-1"]) == comparable(stacks[f"{layer}-us-east-1"])
    assert "eu-west-1" in json.dumps(stacks["global-dns"]["resource"]["aws_route53_record"])
