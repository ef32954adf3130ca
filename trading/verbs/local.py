"""`trading local`."""

from __future__ import annotations

from typing import Annotated

import typer

from stacks.settings import REGIONS
from trading.errors import OperatorError
from trading.interaction import console
from trading.targets import local_aws

local = typer.Typer(no_args_is_help=True, help="The local AWS on this machine.")

Region = Annotated[str, typer.Argument(metavar="REGION", help="Such as us-west-2.")]


@local.command(epilog="Example: `trading local up`, then `trading deploy --target local`")
def up() -> None:
    """Start the local AWS and its databases."""
    machine = local_aws()
    machine.up(console.print)
    console.print(f"the local AWS runs at {machine.endpoint_url}")


@local.command(epilog="Example: `trading local down`")
def down() -> None:
    """Stop the local AWS and its databases; what they hold is kept."""
    local_aws().down()
    console.print("the local AWS is stopped")


@local.command(epilog="Example: `trading local status`")
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
    for region in state.outages:
        console.print(f"  {region}  is out: `trading local recover {region}`", highlight=False)


@local.command(epilog="Example: `trading local outage us-west-2`, then `trading drain us-west-2`")
def outage(region: Region) -> None:
    """Rehearse the loss of a region: every call of it is refused, its databases go on."""
    local_aws().begin_outage(_known(region))
    console.print(f"{region} is out: every call of it is refused, with 503", highlight=False)


@local.command(epilog="Example: `trading local recover us-west-2`")
def recover(region: Region) -> None:
    """End the outage of a region."""
    local_aws().end_outage(_known(region))
    console.print(f"{region} answers again", highlight=False)


def _known(region: str) -> str:
    names = [known.name for known in REGIONS]
    if region not in names:
        raise OperatorError(f"there is no region '{region}': choose from {', '.join(names)}")
    return region
