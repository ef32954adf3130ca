"""What a deploy would change now. Nothing is saved, and nobody is held off meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trading.engine.operation import StackOperation
from trading.engine.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trading.engine.engine import Engine
    from trading.engine.events import Observer, StackFinished
    from trading.engine.graph import Stack
    from trading.engine.order import Order

# A lock would make a deploy fail that begins while we look, and we write nothing.
_WITHOUT_LOCK = ("-lock=false",)


def pending_order(engine: Engine, deployed: Sequence[Stack]) -> Order:
    """How the deployed stacks are looked at: each after those whose outputs it reads."""
    order = engine.plan_order(deployed)
    steps = [replace(step, arguments=step.arguments + _WITHOUT_LOCK) for step in order.steps]
    return replace(order, steps=steps)


def find_pending(engine: Engine, order: Order, observer: Observer) -> list[StackFinished]:
    """Plan each stack as it is configured now, beside the plans that are saved for a deploy."""
    name = f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}-pending"
    # A plan holds all that the state knows, secrets too, so none is left behind.
    with TemporaryDirectory(prefix="trading-") as plans:
        operation = StackOperation(
            engine.terraform,
            engine.folder.logs / name,
            Path(plans),
            unsettled=engine.unsettled(order),
        )
        return Runner(operation, engine.processes, observer, engine.parallelism).run(order)
