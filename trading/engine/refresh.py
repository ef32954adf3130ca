"""Look at stacks as they are in AWS now. Nothing is changed, and nobody is held off meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trading.advice import command
from trading.engine.events import State
from trading.engine.looking import WITHOUT_LOCK, looking
from trading.engine.order import Order, Step, Verb
from trading.engine.runner import Runner
from trading.engine.terraform import read_message
from trading.errors import OperatorError
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trading.engine.engine import Engine
    from trading.engine.events import Changes, Observer, StackFinished
    from trading.engine.graph import Stack
    from trading.engine.operation import StackOperation

    Examine = Callable[[Stack, Mapping[str, Any]], Changes]

_REFRESH = ("-refresh-only", WITHOUT_LOCK)


def refresh_order(engine: Engine, selected: Sequence[Stack]) -> Order:
    """The deployed ones of the selected stacks, all side by side. Raises OperatorError for none."""
    engine.require_same_target()
    existing = stacks_with_state(engine.workspace, engine.environment)
    # No stack waits for another one's outputs: only what its own state knows is looked at.
    steps = [
        Step(replace(stack, dependencies=()), Verb.PLAN, _REFRESH)
        for stack in selected
        if stack.name in existing
    ]
    if not steps:
        raise OperatorError(
            f"none of these stacks is deployed in {engine.workspace}:"
            f" run {command('deploy', engine.workspace)} first"
        )
    return Order(Verb.PLAN, steps, {step.name: set() for step in steps})


def refresh(
    engine: Engine, order: Order, observer: Observer, examine: Examine, *, drifted_only: bool
) -> list[StackFinished]:
    """Hand each stack's refresh-only plan, as `terraform show -json` gives it, to `examine`, which
    tells how much it found and is called from many threads. With `drifted_only`, only those of
    stacks of which Terraform says that anything at all has changed.
    """
    with looking(engine, "refresh") as operation:
        look = _Look(operation, examine, drifted_only=drifted_only)
        return Runner(look, engine.processes, observer, engine.parallelism).run(order)


@dataclass(frozen=True)
class _Look:
    """Looks at one stack."""

    operation: StackOperation
    examine: Examine
    drifted_only: bool

    def __call__(self, step: Step, observer: Observer) -> StackFinished:
        finished = self.operation(step, observer)
        if finished.state is not State.DONE:
            return finished
        # Loading a plan costs Terraform more than a second, most of it for the provider's schema.
        if self.drifted_only and not self._has_drifted(step):
            return finished
        try:
            path = self.operation.plans / f"{step.name}.tfplan"
            shown = self.operation.terraform.show(step.stack.directory, path)
        except OperatorError as error:
            stopped = self.operation.terraform.processes.stopping
            reason = "interrupted" if stopped else str(error)
            return replace(finished, state=State.FAILED, reason=reason)
        return replace(finished, changes=self.examine(step.stack, shown))

    def _has_drifted(self, step: Step) -> bool:
        """The exit code does not tell: it is 2 whenever a plan would write the state again."""
        with (self.operation.logs / f"{step.name}.jsonl").open() as transcript:
            messages = (read_message(line) for line in transcript)
            return any(message and message["type"] == "resource_drift" for message in messages)
