"""What every test process needs."""

from __future__ import annotations

import pytest
from hypothesis import settings

from stacks import lazy_bindings
from tests.synthesis import synthesized, synthesized_directory
from trading.local import local_target

# The fixtures of all tests that read what the app synthesizes.
__all__ = ["synthesized", "synthesized_directory"]

# Before any test imports a stack: the bindings take ten seconds to load whole.
lazy_bindings.install()


# How long an example takes says more of the machine than of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that all others can run beside it."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


@pytest.fixture(scope="session", autouse=True)
def _ports_of_this_process(worker_id: str) -> None:
    """Two local AWS that start at one moment would both find the usual port free."""
    if worker_id != "master":
        local_target.DEFAULT_PORT += 1 + int(worker_id.removeprefix("gw"))
