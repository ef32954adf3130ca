"""What a deploy would change now. Nothing is saved, and nobody is held off meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trading.engine.looking import WITHOUT_LOCK, looking
from trading.engine.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trading.engine.engine import Engine
    from trading.engine.events import Observer, StackFinished
    from trading.engine.graph import Stack
    from trading.engine.order import Order


def pending_order(engine: Engine, deployed: Sequence[Stack]) -> Order:
    """How the deployed stacks are looked at: each after those whose outputs it reads."""
    order = engine.plan_order(deployed)
    steps = [replace(step, arguments=(*step.arguments, WITHOUT_LOCK)) for step in order.steps]
    return replace(order, steps=steps)


def find_pending(engine: Engine, order: Order, observer: Observer) -> list[StackFinished]:
    """Plan each stack as it is configured now, beside the plans that are saved for a deploy."""
    with looking(engine, "pending", engine.unsettled(order)) as operation:
        return Runner(operation, engine.processes, observer, engine.parallelism).run(order)
