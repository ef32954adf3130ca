"""Which stacks a workspace has, and what each reads from which."""

from __future__ import annotations

from cdktf import App

from stacks.network import NetworkStack
from stacks.security import SecurityStack
from stacks.settings import REGIONS, parse_workspace


def synthesize(workspace_name: str | None) -> None:
    """Write the Terraform JSON of every stack of a workspace. Raises SettingsError."""
    workspace = parse_workspace(workspace_name)
    app = App()
    for region in REGIONS:
        security = SecurityStack(app, workspace, region)
        NetworkStack(app, workspace, region, security=security)
    app.synth()
