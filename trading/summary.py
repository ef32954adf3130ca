"""Before a run its order as a tree, after it how each stack ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text
from rich.tree import Tree

from trading.display import COLOURS, plural, remark
from trading.engine.events import Action, Changes, State
from trading.engine.graph import levels

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rich.console import Console

    from trading.engine.events import StackFinished
    from trading.engine.order import Order, Verb

_ACTION_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.READ: "<=",
}


def order_tree(order: Order, workspace: str, notes: Mapping[str, str]) -> Tree:
    """The stacks, each below the last of those it waits for. `notes` say more of a stack."""
    root = Tree(f"{order.verb} {plural(order.count)} of {workspace}")
    steps = levels(order.predecessors)
    level = {name: number for number, names in enumerate(steps) for name in names}
    places = {"": root}
    for name in (name for names in steps for name in names):
        before = order.predecessors[name]
        parent = min(before, key=lambda other: (-level[other], other), default="")
        implied = set().union(*(order.predecessors[other] for other in before))
        others = before - {parent} - implied
        also = f" [dim](after {', '.join(sorted(others))} too)[/]" if others else ""
        note = f"  {escape(notes[name])}" if notes.get(name) else ""
        places[name] = places[parent].add(f"{name}{note}{also}")
    return root


def plan_table(results: Sequence[StackFinished]) -> Table:
    """What a plan found, a row for each stack."""
    table = Table("Stack", *(Column(heading, justify="right") for heading in _PLAN_COLUMNS), "")
    for result in results:
        counts = [
            sum(change.action is action for change in result.planned)
            for action in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)
        ]
        # Of a stack that could not be planned nothing is known, which is not zero.
        numbers = [str(count) for count in counts] if result.state is State.DONE else [""] * 4
        said = "" if result.changes.total and result.state is State.DONE else remark(result)
        table.add_row(result.stack, *numbers, said)
    return table


_PLAN_COLUMNS = ("Add", "Change", "Replace", "Destroy")


def plan_details(results: Sequence[StackFinished]) -> list[str]:
    """Every planned change on a line, with its sign and Terraform's reason."""
    return [
        f"{result.stack}  {_ACTION_SIGNS[change.action]:>3} {change.address}"
        f"{f'  ({change.reason})' if change.reason else ''}"
        for result in results
        for change in result.planned
    ]


def summarize(console: Console, verb: Verb, results: Sequence[StackFinished]) -> None:
    """How each stack ended, and why one failed; one line when all went well."""
    changes = sum((result.changes for result in results), Changes())
    if all(result.state is State.DONE for result in results):
        said = f"{changes} resources" if changes.total else "nothing changed"
        console.print(f"{plural(len(results))} done: {said}", highlight=False)
        return
    table = Table("Stack", "State", "Time", "")
    for result in results:
        state = Text(result.state, style=COLOURS[result.state])
        seconds = f"{result.seconds:.0f} s" if result.seconds else ""
        table.add_row(result.stack, state, seconds, Text(remark(result), overflow="fold"))
    console.print(table)
    for result in results:
        if result.state is State.FAILED:
            console.print(f"log of {result.stack}: {result.log}", highlight=False, soft_wrap=True)
    counts = {state: sum(result.state is state for result in results) for state in State}
    counted = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    console.print(f"{verb}: {counted}, {changes} resources", highlight=False)


def names_of(results: Collection[StackFinished], state: State) -> list[str]:
    """The stacks that ended in a state."""
    return [result.stack for result in results if result.state is state]
