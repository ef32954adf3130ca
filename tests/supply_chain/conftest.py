"""The stacks as they are for a repository of GitHub."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from stacks.settings import FOUNDATION_WORKSPACE, GLOBAL_REGION
from tests.supply_chain.deployment import WITH_REPOSITORY, roles_of, with_settings
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
def turned_on(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The same where staging and prod have all that an environment can turn on, and dev has not."""
    output = tmp_path_factory.mktemp("turned-on")
    on = (
        "{name: {'aws_backup_days': 35, 'dnssec': True, 'allowed_client_cidrs': ('10.0.0.0/8',),"
        " 'mutual_tls': tuple(settings.Truststore(region.name, f's3://pki-{region.name}/clients.pem',"
        " 'v1') for region in settings.REGIONS)} for name in ('staging', 'prod')}"
    )
    result = run_app(output, FOUNDATION_WORKSPACE, "-c", with_settings(on))
    assert result.returncode == 0, result.stderr
    return read_stacks(output)[f"foundation-{GLOBAL_REGION}"]


@pytest.fixture(scope="session")
def roles(foundation: Stack) -> dict[str, Role]:
    """Each role with the statements of the policies attached to it."""
    return roles_of(foundation)
