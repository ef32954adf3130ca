"""Which stacks a workspace has, and what each reads from which."""

from __future__ import annotations

from cdktf import App
from cdktf_cdktf_provider_aws.iam_role import IamRole

from stacks.api import ApiStack
from stacks.base import PlatformStack
from stacks.data import DataStack
from stacks.foundation import FoundationStack
from stacks.foundation.deployment.boundary import boundary_arn
from stacks.global_dns import RecordsStack, ZoneStack
from stacks.network import NetworkStack
from stacks.security import SecurityStack
from stacks.settings import (
    FOUNDATION_WORKSPACE,
    GITHUB_REPOSITORY,
    REGIONS,
    Region,
    Workspace,
    parse_workspace,
)


def synthesize(workspace_name: str | None) -> None:
    """Write the Terraform JSON of every stack of a workspace. Raises SettingsError."""
    app = App()
    if workspace_name == FOUNDATION_WORKSPACE:
        for region in REGIONS:
            FoundationStack(app, region)
    else:
        _platform(app, parse_workspace(workspace_name))
    app.synth()


def _platform(app: App, workspace: Workspace) -> None:
    zone = ZoneStack(app, workspace)
    apis = {region.name: _region(app, workspace, region, zone) for region in REGIONS}
    RecordsStack(app, workspace, zone=zone, apis=apis)
    if GITHUB_REPOSITORY:
        _bound_roles(app, workspace)


def _bound_roles(app: App, workspace: Workspace) -> None:
    """A deploy role can make no other: what it gives a role must not become more than it has itself."""
    for construct in app.node.find_all():
        if isinstance(construct, IamRole):
            stack = PlatformStack.of(construct)
            assert isinstance(stack, PlatformStack)
            construct.permissions_boundary = boundary_arn(stack.account_id, workspace.environment)


def _region(app: App, workspace: Workspace, region: Region, zone: ZoneStack) -> ApiStack:
    security = SecurityStack(app, workspace, region)
    network = NetworkStack(app, workspace, region, security=security)
    data = DataStack(app, workspace, region, network=network, security=security)
    return ApiStack(
        app, workspace, region, network=network, security=security, data=data, zone=zone
    )
