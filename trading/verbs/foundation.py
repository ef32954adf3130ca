"""`trading foundation`."""

from __future__ import annotations

import typer

from trading.foundation import Foundation
from trading.interaction import carry_out, confirm_deploy, confirm_destroy, console, show_order
from trading.targets import TargetName, target
from trading.verbs.options import DEFAULT_PARALLELISM, Confirm, Parallelism, TargetOption, Yes

foundation = typer.Typer(
    no_args_is_help=True, help="What the account shares between environments; deploy it first."
)


@foundation.command("deploy")
def deploy_foundation(
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Make the state bucket, where one is set, and deploy the foundation of every region."""
    account = Foundation(target(target_name), parallelism)
    confirm_deploy(account.workspace, yes=yes, confirmed=None, guarded=False)
    if bucket := account.bootstrap():
        console.print(f"the state bucket {bucket} is ready")
    carry_out(account, account.deploy_order(account.all_stacks()))


@foundation.command("destroy")
def destroy_foundation(
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirm: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Destroy the foundation, when no environment needs it. The state bucket is kept."""
    account = Foundation(target(target_name), parallelism)
    order = account.destroy_all()
    if not order.stacks:
        console.print("nothing to destroy: the foundation is not deployed")
        return
    show_order(order, account.workspace)
    confirm_destroy(account.workspace, yes=yes, confirmed=confirm, guarded=False)
    carry_out(account, order)


@foundation.command("status")
def foundation_status(target_name: TargetOption = TargetName.AWS) -> None:
    """Tell which regions have their foundation."""
    account = Foundation(target(target_name), DEFAULT_PARALLELISM)
    for stack in account.all_stacks():
        said = "deployed" if account.is_deployed(stack) else "not deployed"
        console.print(f"{stack.name}: {said}", highlight=False)
