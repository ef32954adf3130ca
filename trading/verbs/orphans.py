"""`trading orphans`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stacks.settings import state_bucket, workspace_name
from trading.engine.engine import Engine
from trading.errors import OperatorError
from trading.interaction import Asking, confirm, console, exclusively, print_json
from trading.reports.orphans import Clients, Orphan, Search, remove, search
from trading.state.run_lock import read_run_lock
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    Json,
    TargetOption,
    Yes,
)

EXAMPLES = (
    "Example: `trading orphans --env dev` after a destroy, and with `--remove` for what is safe"
)

FOUND = 2


def orphans(
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    remove_safe: Annotated[
        bool, typer.Option("--remove", help="Remove what is safe to remove, after asking.")
    ] = False,
    yes: Yes = False,
    confirmed: Confirm = None,
    json_form: Json = False,
) -> None:
    """Find what bears an environment's tags or names and is in no state, in every region.

    Data is never removed: snapshots, keys, databases, secrets, zones, buckets that hold objects.
    Exits with 0 when nothing is found (or all was removed), 2 when something is, 1 when not all could
    be looked at.
    """
    workspace = workspace_name(env)
    engine = Engine(workspace, target(target_name), DEFAULT_PARALLELISM)
    # State in files is this checkout's: what another one deployed would look left over, too.
    alone = target_name is TargetName.AWS and state_bucket() is None
    if remove_safe and alone and engine.data_matters:
        raise OperatorError(
            f"with state in files, what others deployed in {workspace} looks left over, too:"
            " set TRADING_STATE_BUCKET, or leave --remove out"
        )
    # A run makes things before it records them: they would look left over.
    with exclusively(engine, "orphans") if remove_safe else nullcontext():
        clients = Clients(engine.environment)
        found = search(engine, clients)
        if not json_form:
            _show(engine, found)
        if remove_safe and found.removable:
            what = f"remove {_things(len(found.removable))} from {workspace}"
            confirm(what, engine, Asking(yes, confirmed), by_name=engine.data_matters or alone)
            _remove(found.removable, clients, silent=json_form)
            found = search(engine, clients)
    if json_form:
        listed = [orphan.as_json() for orphan in found.orphans]
        print_json({"orphans": listed, "not_examined": found.not_examined})
    if found.not_examined:
        raise OperatorError(
            f"not all of {workspace} could be looked at: what is left over there is not known"
        )
    if found.orphans:
        raise typer.Exit(FOUND)


def _show(engine: Engine, found: Search) -> None:
    if holder := read_run_lock(engine.workspace, engine.environment):
        console.print(f"{holder} is at work: what it makes is in no state yet", highlight=False)
    for place in found.not_examined:
        console.print(f"not looked at: {escape(place)}", highlight=False)
    if found.orphans:
        console.print(_table(found.orphans))
        for command in (orphan.command for orphan in found.orphans if orphan.command):
            # A line of its own, to be copied.
            console.print(escape(command), highlight=False, soft_wrap=True)
        safe = len(found.removable)
        said = f"{_things(len(found.orphans))} of {engine.workspace} in no state, {safe} safe to remove"
        console.print(said, highlight=False)
    elif not found.not_examined:
        console.print(f"nothing of {engine.workspace} is left over", highlight=False)


def _table(found: list[Orphan]) -> Table:
    table = Table("Kind", "Region")
    for title in ("Name", "Why it is there", "Safe", "What to do"):
        # Folded, not cut: a name or a command is of use only when it is whole.
        table.add_column(title, overflow="fold")
    for orphan in found:
        name = orphan.found.name or orphan.found.identity
        if name != orphan.found.identity and not orphan.found.identity.endswith(name):
            name = f"{name} ({orphan.found.identity})"
        safe = "[green]yes[/]" if orphan.removable else "no"
        why = orphan.found.why or orphan.kind.why
        cells = [escape(cell) for cell in (orphan.kind.title, orphan.region, name, why)]
        table.add_row(*cells, safe, escape(orphan.advice))
    return table


def _remove(safe: list[Orphan], clients: Clients, *, silent: bool) -> None:
    refused = 0
    for orphan, refusal in remove(safe, clients):
        refused += bool(refusal)
        if not silent or refusal:
            said = f"kept: {refusal}" if refusal else "removed"
            name = orphan.found.name or orphan.found.identity
            line = f"{orphan.kind.title} {name} in {orphan.region}: {said}"
            console.print(escape(line), highlight=False, soft_wrap=True)
    if refused:
        raise OperatorError(
            f"AWS refused {_things(refused)}: repeat it when what uses them is gone"
        )


def _things(count: int) -> str:
    return f"{count} thing{'' if count == 1 else 's'}"
