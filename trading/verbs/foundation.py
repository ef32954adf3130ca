"""`trading foundation`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from stacks.settings import GLOBAL_REGION
from trading.archive.loss import Loss, loss_with
from trading.aws import account as account_id
from trading.aws import answering
from trading.display import Showing, plural
from trading.engine.policy import allowances
from trading.errors import OperatorError
from trading.foundation import Foundation
from trading.interaction import Asking, carry_out, confirm, console, exclusively
from trading.reports.archive import entries_table
from trading.targets import TargetName, target
from trading.verbs.destroy import destroy_order
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    AllowReplace,
    Parallelism,
    TargetOption,
    Yes,
)

Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="NAME",
        help="`foundation`, or the account's id where the archives have anything, instead of typing it.",
    ),
]

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
    """Destroy the foundation, when no environment needs it, and all that its archives have.

    Where they have anything the account's id is asked for. The state bucket is kept.
    """
    account = Foundation(target(target_name), parallelism)
    with exclusively(account, "destroy"), answering():
        order = account.destroy_all()
        asking = Asking(yes, confirmed)
        if not order.steps:
            destroy_order(account, order, asking, Showing())
            return
        loss = loss_with(account)
        _show(loss)
        name = None if loss.certainly_none else _account_id(account)
        destroy_order(account, order, asking, Showing(), name=name, first=loss.remove_snapshots)


@foundation.command("status", epilog="Example: `trading foundation status`")
def foundation_status(target_name: TargetOption = TargetName.AWS) -> None:
    """Tell which regions have their foundation."""
    account = Foundation(target(target_name), DEFAULT_PARALLELISM)
    for stack in account.all_stacks():
        said = "deployed" if account.is_deployed(stack) else "not deployed"
        console.print(f"{stack.name}: {said}", highlight=False)


def _show(loss: Loss) -> None:
    for place in loss.not_examined:
        console.print(f"not looked at: {escape(place)}", highlight=False, soft_wrap=True)
    if loss.catalogue.generations:
        console.print("with the foundation, what is kept of environments is lost for good:")
        console.print(entries_table(loss.catalogue.present))
    if loss.snapshots:
        console.print(f"{plural(len(loss.snapshots), 'snapshot')} of the archives go with it")


def _account_id(account: Foundation) -> str:
    found = account_id(account.environment, GLOBAL_REGION)
    if found == "unknown":
        raise OperatorError("AWS does not tell which account this is: nothing was done")
    return found
