"""Between the engine and the person: show the order, ask, run with a display, tell how it went."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from trading.display import display, plural, summarize
from trading.engine.events import State
from trading.engine.graph import levels
from trading.engine.operation import Verb
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.engine.engine import Engine, Order
    from trading.engine.events import StackFinished

# Elsewhere than on a terminal nothing is wide enough for rich to be asked to fold it.
console = Console(width=None if sys.stdout.isatty() else 240)

_WORKING = {Verb.DEPLOY: "applying", Verb.DESTROY: "destroying"}


def print_json(value: object) -> None:
    """For machines: plain, whole, never folded or coloured."""
    print_plain(json.dumps(value, indent=2) + "\n")


def print_plain(text: str) -> None:
    """What a machine or a file takes as it is."""
    print(text, end="")  # noqa: T201 - rich would fold and colour it


def show_order(order: Order, workspace: str) -> None:
    """The stacks in the order they will be taken; those of one line side by side."""
    console.print(f"{order.verb} {plural(len(order.stacks))} of {workspace}:", highlight=False)
    for number, names in enumerate(levels(order.predecessors), start=1):
        console.print(f"  {number}. {', '.join(names)}", highlight=False)


def confirm_deploy(name: str, *, yes: bool, confirmed: str | None, guarded: bool) -> None:
    """Ask before deploying; where data matters (`guarded`), have the name typed.

    Raises OperatorError when the answer is no, or nobody can answer.
    """
    if guarded:
        _confirm_by_name(name, Verb.DEPLOY, confirmed, f"--confirm {name}")
        return
    if yes:
        return
    require_terminal("--yes")
    if console.input("Deploy? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise OperatorError("nothing was deployed")


def confirm_destroy(name: str, *, yes: bool, confirmed: str | None, guarded: bool) -> None:
    """Have the name of what is destroyed typed. Where data matters (`guarded`), `--yes` is not
    enough. Raises OperatorError when it is not given, or nobody can answer.
    """
    if not yes or guarded or confirmed is not None:
        instead = f"--confirm {name}" if guarded else "--yes"
        _confirm_by_name(name, Verb.DESTROY, confirmed, instead)


def _confirm_by_name(name: str, verb: Verb, confirmed: str | None, instead: str) -> None:
    if confirmed is None:
        require_terminal(instead)
        confirmed = console.input(f"Type [bold]{name}[/] to {verb}: ").strip()
    if confirmed != name:
        raise OperatorError(f"'{confirmed}' is not '{name}': nothing was {verb}ed")


def require_terminal(instead: str) -> None:
    """Raises OperatorError when nobody can be asked."""
    if not sys.stdin.isatty():
        raise OperatorError(f"there is no terminal to ask on: add {instead}")


def carry_out(engine: Engine, order: Order) -> list[StackFinished]:
    """Run an order under a display. Raises OperatorError unless every stack is done."""
    names = [stack.name for stack in order.stacks]
    with display(console, names, _WORKING[order.verb]) as observer:
        results = engine.run(order, observer)
    summarize(console, results)
    if any(result.state is not State.DONE for result in results):
        raise OperatorError(
            f"{order.verb} of {engine.workspace} is not complete; repeat it to go on"
        )
    return results
