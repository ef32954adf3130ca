"""Which stacks a workspace has, and what each reads from which."""

from __future__ import annotations

from cdktf import App

from stacks.api import ApiStack
from stacks.data import DataStack
from stacks.foundation import FoundationStack
from stacks.global_dns import RecordsStack, ZoneStack
from stacks.network import NetworkStack
from stacks.security import SecurityStack
from stacks.settings import (
    FOUNDATION_WORKSPACE,
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


def _region(app: App, workspace: Workspace, region: Region, zone: ZoneStack) -> ApiStack:
    security = SecurityStack(app, workspace, region)
    network = NetworkStack(app, workspace, region, security=security)
    data = DataStack(app, workspace, region, network=network, security=security)
    return ApiStack(
        app, workspace, region, network=network, security=security, data=data, zone=zone
    )
