"""Deploy and destroy the stacks of one workspace: what is refused, in which order, and the run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stacks.settings import FOUNDATION_WORKSPACE, state_bucket
from trading.engine.graph import reverse
from trading.engine.operation import StackOperation, Verb
from trading.engine.plugins import terraform_environment
from trading.engine.processes import Processes
from trading.engine.runner import Runner
from trading.engine.synthesis import synthesize
from trading.engine.terraform import (
    MINIMUM_VERSION,
    MINIMUM_VERSION_FOR_S3_LOCKS,
    Terraform,
    require_version,
)
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError
from trading.state.states import LAYERS_ON_FOUNDATION, list_states, stacks_with_state

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trading.engine.events import Observer, StackFinished
    from trading.engine.graph import Graph, Stack
    from trading.targets import Target


@dataclass(frozen=True)
class Order:
    """Stacks in the order a verb takes them, and what must precede each."""

    verb: Verb
    stacks: list[Stack]
    predecessors: dict[str, set[str]]


class Engine:
    """One workspace on one target."""

    def __init__(self, workspace: str, target: Target, parallelism: int) -> None:
        self.workspace = workspace
        self.target = target
        self.parallelism = parallelism
        self.processes = Processes()

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of Terraform and of the AWS SDK."""
        return terraform_environment(self.target.environment())

    @cached_property
    def terraform(self) -> Terraform:
        """Terraform, new enough for the settings."""
        require_terraform()
        return Terraform(self.environment, self.workspace, self.processes)

    @cached_property
    def graph(self) -> Graph:
        """The stacks, synthesized now."""
        return synthesize(self.workspace)

    def all_stacks(self) -> list[Stack]:
        """Every stack, in deploy order."""
        return list(self.graph.stacks.values())

    def deploy_order(self, selected: Sequence[Stack]) -> Order:
        """How the selected stacks are deployed. Raises OperatorError naming what to deploy first."""
        self._require_same_target()
        upstream = self.graph.unselected_upstream(selected)
        missing = [name for name in upstream if not self.is_deployed(self.graph.stacks[name])]
        if missing:
            needing = sorted({stack.name for name in missing for stack in upstream[name]})
            raise OperatorError(
                f"{', '.join(needing)} cannot be deployed: {', '.join(missing)} is not deployed;"
                f" run `trading deploy {' '.join(missing)}` first or select it too"
            )
        self._require_foundation(selected)
        # Longest chain first: what most waits for should not wait itself.
        stacks = sorted(selected, key=lambda stack: -self.graph.depth_below(stack.name))
        return Order(Verb.DEPLOY, stacks, self.graph.predecessors(selected))

    def destroy_order(self, selected: Sequence[Stack]) -> Order:
        """How the selected stacks that have a state are destroyed; others are left out.

        Raises OperatorError naming the dependants that would be stranded.
        """
        self._require_same_target()
        existing = stacks_with_state(self.workspace, self.environment)
        stacks = [stack for stack in reversed(selected) if stack.name in existing]
        stranded = [
            stack.name
            for stack in self.graph.unselected_dependants(stacks)
            if stack.name in existing
        ]
        if stranded:
            raise OperatorError(
                f"{', '.join(stranded)} would be stranded: deployed, and built upon what you would"
                f" destroy; run `trading destroy {' '.join(stranded)}` first or select it too"
            )
        return Order(Verb.DESTROY, stacks, reverse(self.graph.predecessors(stacks)))

    def run(self, order: Order, observer: Observer) -> list[StackFinished]:
        """Carry an order out, and tell how each stack ended."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        logs = WorkspaceFolder(self.workspace).logs / f"{moment}-{order.verb}"
        operation = StackOperation(order.verb, self.terraform, logs)
        self._record_target()
        runner = Runner(operation, self.processes, observer, self.parallelism)
        return runner.run(order.stacks, order.predecessors)

    def is_deployed(self, stack: Stack) -> bool:
        """Whether a stack's state has every output that the stack publishes."""
        if stack.name not in stacks_with_state(self.workspace, self.environment):
            return False
        return stack.outputs <= self.terraform.outputs(stack.directory).keys()

    def outputs(self, stacks: Collection[Stack]) -> dict[str, dict[str, Any]]:
        """The outputs of each stack that has any, read side by side."""
        self._require_same_target()
        existing = stacks_with_state(self.workspace, self.environment)
        present = [stack for stack in stacks if stack.name in existing]
        read = self.terraform.outputs
        with ThreadPoolExecutor(self.parallelism) as pool:
            found = list(pool.map(read, [stack.directory for stack in present]))
        return {stack.name: values for stack, values in zip(present, found, strict=True) if values}

    def _require_same_target(self) -> None:
        """State in files does not tell which AWS it describes: the other one would be orphaned."""
        record = WorkspaceFolder(self.workspace).target
        recorded = record.read_text() if record.is_file() else self.target.name
        if recorded == self.target.name or state_bucket() is not None:
            return
        if stacks_with_state(self.workspace, self.environment):
            raise OperatorError(
                f"{self.workspace} is deployed on the target {recorded}: use --target {recorded},"
                " or destroy it there first"
            )

    def _record_target(self) -> None:
        record = WorkspaceFolder(self.workspace).target
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(self.target.name)

    def _require_foundation(self, selected: Sequence[Stack]) -> None:
        """API Gateway and RDS log through what the account shares, not through an environment."""
        needed = {
            f"foundation-{stack.region}"
            for stack in selected
            if stack.name.startswith(LAYERS_ON_FOUNDATION)
        }
        if not needed:
            return
        Engine(FOUNDATION_WORKSPACE, self.target, self.parallelism)._require_same_target()
        existing = {
            state.stack
            for state in list_states(self.environment)
            if state.workspace == FOUNDATION_WORKSPACE
        }
        if missing := sorted(needed - existing):
            raise OperatorError(
                f"{', '.join(missing)} is not deployed: run `trading foundation deploy` first"
            )


def require_terraform() -> str:
    """The version of Terraform. Raises OperatorError when it is missing or too old."""
    return require_version(minimum_version())


def minimum_version() -> tuple[int, int]:
    """The oldest Terraform that serves the settings."""
    bucket = state_bucket()
    return MINIMUM_VERSION_FOR_S3_LOCKS if bucket and bucket.lock == "s3" else MINIMUM_VERSION
