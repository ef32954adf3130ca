"""The stacks as they are for a repository of GitHub."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import pytest

from stacks.settings import FOUNDATION_WORKSPACE, GLOBAL_REGION
from tests.supply_chain.deployment import WITH_REPOSITORY, attached, deployment_roles, policy_texts
from tests.supply_chain.simulator import Role
from tests.synthesis import Stack, Stacks, read_stacks, run_app


@pytest.fixture(scope="session")
def with_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stacks]:
    """The stacks of a workspace where the settings name a repository, synthesized on first use."""

    @cache
    def synthesize(workspace: str) -> Stacks:
        output = tmp_path_factory.mktemp(f"deployed-{workspace}")
        result = run_app(output, workspace, "-c", WITH_REPOSITORY)
        assert result.returncode == 0, result.stderr
        return read_stacks(output)

    return synthesize


@pytest.fixture(scope="session")
def foundation(with_repository: Callable[[str], Stacks]) -> Stack:
    """The foundation's stack that has the roles."""
    return with_repository(FOUNDATION_WORKSPACE)[f"foundation-{GLOBAL_REGION}"]


@pytest.fixture(scope="session")
def roles(foundation: Stack) -> dict[str, Role]:
    """Each role with the statements of the policies attached to it."""
    texts = policy_texts(foundation)
    return {
        name: Role(
            tuple(
                statement
                for text in (texts[policy] for policy in attached(foundation, role["address"]))
                for statement in json.loads(text)["Statement"]
            )
        )
        for name, role in deployment_roles(foundation).items()
    }
