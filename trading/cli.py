"""The verbs of `trading`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from stacks.settings import SettingsError, parse_workspace
from trading.demo import demo, demo_down
from trading.engine import Engine
from trading.errors import OperatorError
from trading.foundation import Foundation
from trading.graph import Selection
from trading.local_target import LocalTargetError
from trading.operator import (
    carry_out,
    confirm_deploy,
    confirm_destroy,
    console,
    print_json,
    show_order,
)
from trading.outputs import as_json, as_table, read_outputs
from trading.targets import TargetName, local_aws, target

DEFAULT_PARALLELISM = min(4, 2 * (os.cpu_count() or 1))


class _Verbs(TyperGroup):
    """Says in one line what the operator can put right."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (OperatorError, SettingsError, LocalTargetError) as error:
            raise _refusal(str(error)) from error
        except OSError as error:
            raise _refusal(
                f"{error.filename or 'the system'}: {error.strerror or error}"
            ) from error
        except Exception as error:
            # By name: botocore is slow to import, and most verbs call no AWS.
            if not type(error).__module__.startswith("botocore."):
                raise
            raise _refusal(f"AWS: {error}; check the credentials and TRADING_STATE_*") from error


def _refusal(message: str) -> typer.Exit:
    Console(stderr=True).print(f"error: {message}", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(1)


main = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deploy and operate the trading platform.",
)
local = typer.Typer(no_args_is_help=True, help="The local AWS on this machine.")
foundation = typer.Typer(
    no_args_is_help=True, help="What the account shares between environments; deploy it first."
)
main.add_typer(local, name="local")
main.add_typer(foundation, name="foundation")

Environment = Annotated[
    str | None,
    typer.Option("--env", envvar="TF_WORKSPACE", help="dev, staging, prod, or a copy: dev-pr42."),
]
TargetOption = Annotated[
    TargetName, typer.Option("--target", envvar="TRADING_TARGET", help="Where to deploy to.")
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[STACK]...", help="Stacks; none for all.")
]
Layers = Annotated[list[str] | None, typer.Option("--layer", help="Only this layer (repeatable).")]
Regions = Annotated[
    list[str] | None, typer.Option("--region", help="Only this region (repeatable).")
]
Parallelism = Annotated[
    int, typer.Option(min=1, help="How many stacks to work on at the same time.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Confirm = Annotated[
    str | None, typer.Option(metavar="NAME", help="The environment's name, instead of typing it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@main.command()
def synth(env: Environment = None) -> None:
    """Write the Terraform JSON of an environment's stacks."""
    workspace = parse_workspace(env)
    graph = Engine(workspace.suffix, target(TargetName.AWS), 1).graph
    console.print(f"{len(graph.stacks)} stacks of {workspace.suffix} synthesized")


@main.command()
def stacks(env: Environment = None, json_form: Json = False) -> None:
    """List an environment's stacks in deploy order, and what each needs."""
    graph = Engine(parse_workspace(env).suffix, target(TargetName.AWS), 1).graph
    if json_form:
        print_json([stack.as_json() for stack in graph.stacks.values()])
        return
    table = Table("Stack", "Layer", "Region", "Needs")
    for stack in graph.stacks.values():
        needs = ", ".join(stack.dependencies) or "-"
        table.add_row(stack.name, stack.layer, stack.region or "all", needs)
    console.print(table)


@main.command()
def deploy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirm: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Deploy stacks in order, independent ones side by side."""
    workspace = parse_workspace(env)
    engine = Engine(workspace.suffix, target(target_name), parallelism)
    selection = Selection(names or [], layer or [], region or [])
    order = engine.deploy_order(engine.graph.select(selection))
    show_order(order, engine.workspace)
    guarded = not workspace.environment.skip_final_snapshot
    confirm_deploy(workspace.suffix, yes=yes, confirmed=confirm, guarded=guarded)
    carry_out(engine, order)


@main.command()
def destroy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirm: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
) -> None:
    """Destroy stacks in reverse order, with all they hold."""
    workspace = parse_workspace(env)
    engine = Engine(workspace.suffix, target(target_name), parallelism)
    selection = Selection(names or [], layer or [], region or [])
    order = engine.destroy_order(engine.graph.select(selection))
    if not order.stacks:
        console.print(f"nothing to destroy: none of these stacks is deployed in {workspace.suffix}")
        return
    show_order(order, engine.workspace)
    guarded = not workspace.environment.skip_final_snapshot
    confirm_destroy(workspace.suffix, yes=yes, confirmed=confirm, guarded=guarded)
    carry_out(engine, order)


@main.command()
def outputs(
    env: Environment = None, target_name: TargetOption = TargetName.AWS, json_form: Json = False
) -> None:
    """Print where each region's API answers, and where its data is."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    published = as_json(read_outputs(engine))
    if json_form:
        print_json(published)
    else:
        console.print(as_table(published))


@main.command("demo")
def run_demo(parallelism: Parallelism = DEFAULT_PARALLELISM) -> None:
    """Deploy everything to the local AWS and make a trade in every region."""
    demo(parallelism)


@main.command("demo-down")
def run_demo_down(parallelism: Parallelism = DEFAULT_PARALLELISM) -> None:
    """Destroy what the demo deployed, and stop the local AWS."""
    demo_down(parallelism)


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


if __name__ == "__main__":
    main()
