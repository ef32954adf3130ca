"""One region's API layer, in each environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stacks.settings import ENVIRONMENTS, REGIONS, Environment
from tests.synthesis import Stacks

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="session", params=ENVIRONMENTS, ids=lambda environment: environment.name)
def environment(request: pytest.FixtureRequest) -> Environment:
    chosen: Environment = request.param
    return chosen


@pytest.fixture(scope="session")
def stack(synthesized: Callable[[str], Stacks], environment: Environment) -> dict[str, Any]:
    return synthesized(environment.name)[f"api-{REGIONS[0].name}"]


@pytest.fixture(scope="session")
def api(stack: dict[str, Any]) -> Resources:
    """The resources of one region by kind and address."""
    resources: Resources = stack["resource"]
    return resources


def one(resources: dict[str, Any]) -> Any:
    """The only resource of its kind."""
    (only,) = resources.values()
    return only


def statements(document: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = json.loads(document)["Statement"]
    return found


def allowing(document: str) -> list[dict[str, Any]]:
    """The statements of a policy that allow something."""
    return [each for each in statements(document) if each["Effect"] == "Allow"]
