"""What the shell offers on Tab. Nothing is synthesized for it: it is what the last synth has left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from stacks.settings import ENVIRONMENTS, REGIONS
from trading.engine.graph import Graph
from trading.engine.workspace_folder import WorkspaceFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trading.engine.graph import Stack


def environments(incomplete: str) -> list[str]:
    """The environments of the settings."""
    return _beginning_with(incomplete, (environment.name for environment in ENVIRONMENTS))


def regions(incomplete: str) -> list[str]:
    """The regions of the platform."""
    return _beginning_with(incomplete, (region.name for region in REGIONS))


def layers(ctx: typer.Context, incomplete: str) -> list[str]:
    """The layers of the environment that is being typed about."""
    return _beginning_with(incomplete, {stack.layer for stack in _stacks(ctx)})


def stacks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The stacks of the environment that is being typed about."""
    return _beginning_with(incomplete, (stack.name for stack in _stacks(ctx)))


def _stacks(context: typer.Context) -> list[Stack]:
    workspace = context.params.get("env") or os.environ.get("TF_WORKSPACE") or ENVIRONMENTS[0].name
    folder = WorkspaceFolder(workspace).synthesized
    if not (folder / "manifest.json").is_file():
        return []
    return list(Graph.read(folder).stacks.values())


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
