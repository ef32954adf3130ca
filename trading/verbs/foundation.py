"""`trading foundation`."""

from __future__ import annotations

import typer

from trading.display import Showing
from trading.engine.policy import allowances
from trading.foundation import Foundation
from trading.interaction import Asking, carry_out, confirm, console, exclusively
from trading.targets import TargetName, target
from trading.verbs.destroy import destroy_order
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    AllowReplace,
    Confirm,
    Parallelism,
    TargetOption,
    Yes,
)

foundation = typer.Typer(
    no_args_is_help=True, help="What the account shares between environments; deploy it first."
)


@foundation.command("deploy", epilog="Example: `trading foundation deploy --yes`")
def deploy_foundation(
    target_name: TargetOption = TargetName.AWS,
    allow_replace: AllowReplace = None,
    yes: Yes = False,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Make the state bucket, where one is set, and deploy the foundation of every region."""
    account = Foundation(target(target_name), parallelism)
    confirm("deploy the foundation", account, Asking(yes), by_name=False)
    if bucket := account.bootstrap():
        console.print(f"the state bucket {bucket} is ready")
    with exclusively(account, "deploy"):
        order = account.deploy_order(account.all_stacks())
        allowed = allowances(allow_replace or [], {step.name for step in order.steps})
        carry_out(account, order, allow_replace=allowed)


@foundation.command("destroy", epilog="Example: `trading foundation destroy --confirm foundation`")
def destroy_foundation(
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Destroy the foundation, when no environment needs it. The state bucket is kept."""
    account = Foundation(target(target_name), parallelism)
    with exclusively(account, "destroy"):
        destroy_order(account, account.destroy_all(), Asking(yes, confirmed), Showing())


@foundation.command("status", epilog="Example: `trading foundation status`")
def foundation_status(target_name: TargetOption = TargetName.AWS) -> None:
    """Tell which regions have their foundation."""
    account = Foundation(target(target_name), DEFAULT_PARALLELISM)
    for stack in account.all_stacks():
        said = "deployed" if account.is_deployed(stack) else "not deployed"
        console.print(f"{stack.name}: {said}", highlight=False)
