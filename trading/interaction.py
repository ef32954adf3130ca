"""Between the engine and the person: show the order, ask, run with a display, tell how it went."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from stacks.settings import FOUNDATION_WORKSPACE, GLOBAL_REGION
from trading.advice import command
from trading.aws import account
from trading.display import Showing, display, write_event
from trading.engine.events import State
from trading.engine.order import Verb
from trading.engine.recovery import take_over
from trading.errors import OperatorError
from trading.state.place import place_of_state
from trading.state.states import stacks_with_state
from trading.summary import order_tree, summarize
from trading.targets import TargetName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from trading.engine.engine import Engine
    from trading.engine.events import StackFinished
    from trading.engine.graph import Stack
    from trading.engine.order import Order

# Elsewhere than on a terminal nothing is wide enough for rich to be asked to fold it.
# Nor is `:secret:` in an ARN an emoji.
console = Console(width=None if sys.stdout.isatty() else 240, emoji=False)

_AS_USUAL = Showing()


@dataclass(frozen=True)
class Asking:
    """What the operator has answered beforehand: `--yes`, and the name for `--confirm`."""

    yes: bool = False
    name: str | None = None


def print_json(value: object) -> None:
    """For machines: plain, whole, never folded or coloured."""
    print_plain(json.dumps(value, indent=2) + "\n")


def print_plain(text: str) -> None:
    """What a machine or a file takes as it is."""
    print(text, end="")  # noqa: T201 - rich would fold and colour it


@contextmanager
def exclusively(engine: Engine, verb: str, showing: Showing = _AS_USUAL) -> Iterator[None]:
    """Keep other runs off the engine's workspace; tell if that took over a dead one's lock."""
    with engine.exclusively(verb) as notice:
        if notice and not showing.silent:
            console.print(notice, highlight=False)
        yield


def show_order(
    order: Order,
    workspace: str,
    showing: Showing = _AS_USUAL,
    notes: Mapping[str, str] | None = None,
) -> None:
    """The stacks in the order they will be taken; `notes` say more of each."""
    if showing.json:
        stacks = [step.name for step in order.steps]
        write_event(console, "order", verb=order.verb, workspace=workspace, stacks=stacks)
    elif not showing.quiet:
        console.print(order_tree(order, workspace, notes or {}), highlight=False)


def require_answer(what: str, name: str, asking: Asking, *, by_name: bool) -> None:
    """Raises OperatorError when `confirm` would find nobody to ask: before any work for the answer."""
    if by_name and asking.name is None and asking.yes:
        raise OperatorError(f"--yes is not enough to {what}: add --confirm {name}")
    if asking.name is None and not asking.yes and not sys.stdin.isatty():
        instead = f"--confirm {name}" if by_name else "--yes"
        raise OperatorError(f"there is no terminal to ask on: add {instead}")
    if asking.name not in {None, name}:
        raise OperatorError(f"'{asking.name}' is not '{name}': nothing was done")


def confirm(
    what: str, engine: Engine, asking: Asking, *, by_name: bool, name: str | None = None
) -> None:
    """Ask before doing `what`, and show which world that is in; where something could be lost
    (`by_name`) have the environment's name typed, or another one, for which `--yes` is not enough.
    Raises OperatorError when the answer is no, or nobody can answer.
    """
    name = name or engine.workspace
    require_answer(what, name, asking, by_name=by_name)
    if asking.name or asking.yes:
        return
    console.print(_world(engine), markup=False, highlight=False)
    if by_name:
        typed = console.input(f"Type [bold]{name}[/] to {what}: ").strip()
        if typed != name:
            raise OperatorError(f"'{typed}' is not '{name}': nothing was done")
    elif console.input(rf"{what.capitalize()}? \[y/N] ").strip().lower() not in {"y", "yes"}:
        raise OperatorError("nothing was done")


def _world(engine: Engine) -> str:
    of = ""
    if engine.target.name is TargetName.AWS:
        of = f" (account {account(engine.environment, GLOBAL_REGION)})"
    return f"target {engine.target.name}{of}, state in {place_of_state()}"


def warn_of_unknown_states(engine: Engine, showing: Showing) -> None:
    """Name what is deployed and no deploy or destroy knows of, as its region is in no settings."""
    deployed = stacks_with_state(engine.workspace, engine.environment)
    if (unknown := sorted(deployed - engine.graph.stacks.keys())) and not showing.silent:
        console.print(
            f"warning: {', '.join(unknown)}: deployed, but the settings know no such stack;"
            " put its region back there to destroy it",
            highlight=False,
        )


def take_over_shown(engine: Engine, stacks: Iterable[Stack], showing: Showing) -> None:
    """Take over what killed runs made and no state knows; tell what that was."""

    def waiting(address: str) -> None:
        if not showing.silent:
            console.print(f"waiting for AWS to make {address}", highlight=False, markup=False)

    for stack in stacks:
        adoption = take_over(engine, stack, waiting)
        said = {
            "took over": adoption.adopted,
            f"may be left behind, see {command('orphans', engine.workspace)}:": adoption.left_behind,
        }
        for what, addresses in said.items():
            if addresses and not showing.silent:
                line = f"{stack.name}: {what} {', '.join(addresses)}"
                console.print(line, highlight=False, markup=False)


def run_shown(
    engine: Engine, order: Order, showing: Showing, allow_replace: Collection[str] = ()
) -> list[StackFinished]:
    """Run an order under a display."""
    with display(console, order, showing) as observer:
        return engine.run(order, observer, allow_replace)


def carry_out(
    engine: Engine,
    order: Order,
    showing: Showing = _AS_USUAL,
    allow_replace: Collection[str] = (),
) -> list[StackFinished]:
    """Run an order and tell how it went. Raises OperatorError unless every stack is done."""
    results = run_shown(engine, order, showing, allow_replace)
    if showing.json:
        write_event(console, "summary", stacks=[asdict(result) for result in results])
    else:
        summarize(console, order.verb, results)
    if any(result.state is not State.DONE for result in results):
        again = f"go on with {command('resume', engine.workspace)}"
        if engine.workspace == FOUNDATION_WORKSPACE or order.verb is Verb.KEEP:
            again = "repeat it"
        raise OperatorError(
            f"{order.verb} of {engine.workspace} is not complete: put right what failed, and {again}"
        )
    return results
