"""Carry an order out: each step in its own thread, the run in a journal, each deployment on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trading.advice import command
from trading.archive.safekeeping import Safekeeping
from trading.aws import errors
from trading.engine.events import State
from trading.engine.journal import Journal
from trading.engine.operation import StackOperation, TerraformKilledError
from trading.engine.order import Order, Step, Verb
from trading.engine.policy import Policy
from trading.engine.preparation import Preparation
from trading.engine.runner import Runner
from trading.errors import OperatorError
from trading.files import write_whole
from trading.state.deployments import forget_deployment, record_deployment
from trading.state.locks import read_lock
from trading.state.place import record_place

if TYPE_CHECKING:
    from trading.engine.engine import Engine
    from trading.engine.events import Event, Observer, StackFinished


@dataclass(frozen=True)
class Execution:
    """One run of an engine; `allow_replace` are addresses that policy may lose."""

    engine: Engine
    order: Order
    allow_replace: frozenset[str]

    def run(self, observer: Observer) -> list[StackFinished]:
        """Do it, and tell how each stack ended. What changes a stack is journalled."""
        engine = self.engine
        name = engine.folder.new_run(self.order.verb)
        operation = StackOperation(
            engine.terraform,
            logs=engine.folder.logs / name,
            plans=engine.folder.plans,
            policy=Policy(engine.data_matters, self.allow_replace),
            explain=self._explain,
            unsettled=engine.unsettled(self.order),
            safekeeping=Safekeeping(engine),
        )
        observer = _Dispensable(observer)
        if self.order.verb in {Verb.PLAN, Verb.KEEP}:
            return Runner(operation, engine.processes, observer, engine.parallelism).run(self.order)

        unanswered: tuple[type[Exception], ...] = (OSError, OperatorError, *errors())

        def operate(step: Step, told: Observer) -> StackFinished:
            finished = operation(step, told)
            try:
                self._record(step, finished)
            except unanswered as error:
                # What is deployed is deployed; only `trading status` will not know of it.
                return replace(finished, reason=f"deployed, but it could not be recorded: {error}")
            return finished

        self._record_target()
        directories = [step.stack.directory for step in self.order.steps]
        with (
            Journal(engine.folder.journal, name) as journal,
            Preparation(engine.terraform, directories) as preparation,
        ):
            journal.begin(self.order, engine.target.name, self.allow_replace)

            def observed(event: Event) -> None:
                journal(event)
                preparation(event)
                observer(event)

            return Runner(operate, engine.processes, observed, engine.parallelism).run(self.order)

    def _explain(self, step: Step, error: OperatorError) -> str:
        """Whoever holds the state says more than Terraform's account of its lock."""
        if isinstance(error, TerraformKilledError):
            return str(error)
        unanswered: tuple[type[Exception], ...] = (OperatorError, *errors())
        try:
            lock = read_lock(step.name, self.engine.workspace, self.engine.environment)
        except unanswered:
            return str(error)  # Why Terraform failed matters more than what cannot be asked now.
        if lock is None:
            return str(error)
        unlock = command(f"unlock {step.name}", self.engine.workspace)
        return f"its state is {lock}; if that one is dead: {unlock}"

    def _record(self, step: Step, finished: StackFinished) -> None:
        if finished.state is not State.DONE or step.partial:
            return
        workspace, environment = self.engine.workspace, self.engine.environment
        if step.verb is Verb.DESTROY:
            forget_deployment(step.name, workspace, environment)
        else:
            seconds, changes = finished.seconds, finished.changes
            record_deployment(step.name, workspace, environment, seconds=seconds, changes=changes)

    def _record_target(self) -> None:
        write_whole(self.engine.folder.target, self.engine.target.name)
        record_place(self.engine.workspace, self.engine.target.name)


@dataclass
class _Dispensable:
    """An observer that the run goes on without once it fails, as a display does in `| head`."""

    observer: Observer | None

    def __call__(self, event: Event) -> None:
        if self.observer is None:
            return
        try:
            self.observer(event)
        except (OSError, SystemExit):  # rich's answer to a broken pipe is to exit.
            self.observer = None
