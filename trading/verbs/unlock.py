"""`trading unlock`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from stacks.settings import FOUNDATION_WORKSPACE, workspace_name
from trading.advice import command
from trading.engine.engine import Engine
from trading.engine.graph import Selection, Stack
from trading.errors import OperatorError
from trading.interaction import Asking, confirm, console, exclusively, print_json
from trading.state.holder import Holder
from trading.state.locks import (
    StateLock,
    living_process,
    read_lock,
    read_locks,
    remove_stale_note,
)
from trading.state.run_lock import read_run_lock, remove_run_lock, run_of_checkout
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    Json,
    TargetOption,
    Yes,
)

EXAMPLES = """
Examples:

  trading unlock                       what is locked, and by whom

  trading unlock data-us-east-1        free a state whose Terraform was killed

  trading unlock --run --env staging   free an environment of a run whose machine is gone
"""

_RISK = (
    "A lock keeps two Terraforms from writing one state. If its holder still works, whatever that one"
    " makes from now on is lost to the state: it exists, is paid for, and nobody manages it."
)


def unlock(
    stack: Annotated[
        str | None, typer.Argument(metavar="[STACK]", help="None lists all locks.")
    ] = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    run: Annotated[
        bool, typer.Option("--run", help="Free the environment of a run that is gone.")
    ] = False,
    yes: Yes = False,
    confirmed: Confirm = None,
    json_form: Json = False,
) -> None:
    """Free the state of a stack whose Terraform was killed; without one, list what is locked.

    A lock whose holder lives on this machine is never removed. `--env foundation` works, too.
    """
    engine = Engine(workspace_name(env), target(target_name), DEFAULT_PARALLELISM)
    asking = Asking(yes, confirmed)
    if run and stack is not None:
        raise OperatorError("name a stack, or add --run, and the other one afterwards")
    if run:
        _unlock_run(engine, asking)
    elif stack is not None:
        with exclusively(engine, "unlock"):
            [selected] = engine.graph.select(Selection(names=[stack]))
            _unlock_stack(engine, selected, asking)
    else:
        locks = read_locks(engine.workspace, engine.environment)
        holder = read_run_lock(engine.workspace, engine.environment)
        if json_form:
            print_json(_as_json(locks, holder))
        else:
            _list(engine, locks, holder)


def _unlock_stack(engine: Engine, stack: Stack, asking: Asking) -> None:
    lock = read_lock(stack.name, engine.workspace, engine.environment)
    if lock is None:
        if remove_stale_note(stack.name, engine.workspace):
            console.print("removed the note of a killed Terraform, which locked nothing any more")
        console.print(f"nothing is locked: {stack.name} of {engine.workspace} is free")
        return
    console.print(f"{stack.name} is {lock} (Terraform {lock.version}, id {lock.id})", markup=False)
    _require_no_living_holder(lock, stack)
    console.print(_RISK, soft_wrap=True)
    what = f"unlock {stack.name}"
    confirm(what, engine, asking, by_name=engine.guarded)
    lines: list[str] = []
    terraform = engine.terraform
    code = terraform.initialise(stack.directory, lines.append)
    if code == 0:
        lines.clear()
        code = terraform.force_unlock(stack.directory, lines.append, lock.id)
    if code != 0:
        raise OperatorError(f"{stack.name} could not be unlocked: {' '.join(lines[-3:])}")
    go_on = f"go on with {command('resume', engine.workspace)}"
    if engine.workspace == FOUNDATION_WORKSPACE:
        go_on = "repeat what was cut off"
    console.print(f"{stack.name} is unlocked: {go_on}")


def _require_no_living_holder(lock: StateLock, stack: Stack) -> None:
    """Raises OperatorError when the holder lives on this machine; says so when it cannot be known."""
    process = living_process(lock, stack.directory)
    if process is not None:
        raise OperatorError(
            f"{stack.name} stays locked: its holder lives (process {process.pid}, terraform);"
            f" wait until it has ended, or stop it cleanly with `kill -INT {process.pid}`"
        )
    if lock.process_id is not None:
        raise OperatorError(
            f"{stack.name} stays locked: a process that cannot be seen from here has its state file open"
        )
    if lock.is_of_this_machine:
        console.print("Its holder does not live any more: no such Terraform runs on this machine.")
    else:
        console.print(
            f"Its holder runs on {lock.host}, which cannot be asked from here: make sure, there or with"
            f" {lock.who}, that no Terraform works on {stack.name}.",
            markup=False,
            soft_wrap=True,
        )


def _unlock_run(engine: Engine, asking: Asking) -> None:
    run = read_run_lock(engine.workspace, engine.environment)
    if run is None:
        console.print(f"no run holds {engine.workspace}")
        return
    _show_run(run)
    if _lives(engine, run):
        raise OperatorError(
            f"{engine.workspace} stays held: that run lives; wait until it has ended"
        )
    if run.is_alive() is None:
        console.print(
            f"The run is of another machine or container, which cannot be asked from here: make sure with"
            f" {run.operator} that it has ended.",
            markup=False,
            soft_wrap=True,
        )
    what = f"free {engine.workspace} of that run"
    confirm(what, engine, asking, by_name=engine.guarded)
    freed = remove_run_lock(engine.workspace, run, engine.environment)
    console.print(f"{engine.workspace} is free" if freed else "that run has ended meanwhile")


def _lives(engine: Engine, run: Holder) -> bool:
    """Whether a run is known to live; one in a container keeps this checkout's file locked, too."""
    return bool(run.is_alive()) or run_of_checkout(engine.workspace) is not None


def _show_run(run: Holder) -> None:
    console.print(f"run: {run}", markup=False, highlight=False, soft_wrap=True)


def _list(engine: Engine, locks: dict[str, StateLock], run: Holder | None) -> None:
    if not locks and run is None:
        console.print("nothing is locked")
        return
    if run:
        _show_run(run)
        free = command("unlock --run", engine.workspace)
        if run.is_alive() is False:
            console.print(
                "That run is dead: the next one on this machine takes its lock over;"
                f" {free} frees it for others.",
                soft_wrap=True,
            )
        elif not _lives(engine, run):
            console.print(
                "Whether that run lives cannot be asked from here:"
                f" {free} frees the environment of one that is gone.",
                soft_wrap=True,
            )
    if locks:
        table = Table("Stack", "Lock", "Terraform")
        for name, lock in sorted(locks.items()):
            table.add_row(name, str(lock), lock.version)
        console.print(table)


def _as_json(locks: dict[str, StateLock], run: Holder | None) -> dict[str, Any]:
    return {
        "run": run.as_json() if run else None,
        "stacks": {name: lock.as_json() for name, lock in sorted(locks.items())},
    }
