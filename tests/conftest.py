"""What every test process needs."""

from __future__ import annotations

import os
from functools import cache

import pytest
from hypothesis import settings

from stacks import lazy_bindings
from tests.synthesis import synthesized, synthesized_directory
from trading.local import local_target

# The fixtures of all tests that read what the app synthesizes.
__all__ = ["synthesized", "synthesized_directory"]

# Before any test imports a stack: the bindings take ten seconds to load whole.
lazy_bindings.install()


# A third of the processor time that others get.
GIVING_WAY = 5

# How long an example takes says more of the machine than of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that all others can run beside it."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The longest go on while all others run: whoever waits for AWS has a processor when it answers."""
    if "PYTEST_XDIST_WORKER" in os.environ and item.get_closest_marker("end_to_end") is None:
        _give_way()


@cache
def _give_way() -> None:
    os.nice(GIVING_WAY)


@pytest.fixture(scope="session", autouse=True)
def _ports_of_this_process(worker_id: str) -> None:
    """Two local AWS that start at one moment would both find the usual port free."""
    if worker_id != "master":
        local_target.DEFAULT_PORT += 1 + int(worker_id.removeprefix("gw"))
