"""Every workspace, the foundation, and all that an environment can turn on: what is asserted holds there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stacks.settings import ENVIRONMENTS, FOUNDATION_WORKSPACE
from tests.synthesis import EVERYTHING_ON, Stacks

ENVIRONMENT_NAMES = [*(environment.name for environment in ENVIRONMENTS), EVERYTHING_ON]


@pytest.fixture(scope="session", params=[*ENVIRONMENT_NAMES, FOUNDATION_WORKSPACE])
def everywhere(synthesized: Callable[[str], Stacks], request: pytest.FixtureRequest) -> Stacks:
    """The stacks of each environment, and of what they share."""
    return synthesized(request.param)


@pytest.fixture(scope="session", params=ENVIRONMENT_NAMES)
def environment(synthesized: Callable[[str], Stacks], request: pytest.FixtureRequest) -> Stacks:
    """The stacks of each environment."""
    return synthesized(request.param)
