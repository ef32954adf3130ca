"""`trading local`."""

from __future__ import annotations

import typer

from trading.interaction import console
from trading.targets import local_aws

local = typer.Typer(no_args_is_help=True, help="The local AWS on this machine.")


@local.command()
def up() -> None:
    """Start the local AWS and its databases."""
    machine = local_aws()
    machine.up(console.print)
    console.print(f"the local AWS runs at {machine.endpoint_url}")


@local.command()
def down() -> None:
    """Stop the local AWS and its databases; what they hold is kept."""
    local_aws().down()
    console.print("the local AWS is stopped")


@local.command()
def status() -> None:
    """Whether the local AWS runs, and its databases."""
    state = local_aws().status()
    if not state.running:
        console.print("the local AWS does not run")
        return
    console.print(f"the local AWS runs on port {state.port} (process {state.process_id})")
    for cluster in state.clusters:
        console.print(
            f"  {cluster.region}  {cluster.identifier}  {cluster.address}  {cluster.status}",
            highlight=False,
        )
