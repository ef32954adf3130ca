"""One workspace on one target: what is refused, in which order its stacks are taken, and the run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stacks.settings import FOUNDATION_WORKSPACE, parse_workspace, state_bucket
from trading.advice import command
from trading.engine.execution import Execution
from trading.engine.graph import reverse
from trading.engine.order import Order, Step, Verb
from trading.engine.plugins import terraform_environment
from trading.engine.processes import Processes
from trading.engine.routing import DNS, change_by_deploy, change_by_destroy
from trading.engine.synthesis import synthesize
from trading.engine.terraform import (
    MINIMUM_VERSION,
    MINIMUM_VERSION_FOR_S3_LOCKS,
    Terraform,
    require_version,
)
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError
from trading.state.place import require_same_place
from trading.state.run_lock import run_lock
from trading.state.states import LAYERS_ON_FOUNDATION, stacks_with_state
from trading.targets import Target, TargetName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from trading.engine.events import Observer, StackFinished
    from trading.engine.graph import Graph, Stack
    from trading.engine.routing import RoutingChange
    from trading.engine.terraform import Output


class Engine:
    """One workspace on one target."""

    def __init__(self, workspace: str, target: Target, parallelism: int) -> None:
        self.workspace = workspace
        self.target = target
        self.parallelism = parallelism
        self.processes = Processes()
        self.folder = WorkspaceFolder(workspace)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of Terraform and of the AWS SDK: without it nobody reads any state.

        Raises OperatorError when the state is known to be elsewhere than this shell's settings say.
        """
        require_same_place(self.workspace, self.target.name)
        return terraform_environment(self.target.environment())

    @cached_property
    def terraform(self) -> Terraform:
        """Terraform, new enough for the settings."""
        require_terraform()
        return Terraform(self.environment, self.workspace, self.processes)

    @cached_property
    def graph(self) -> Graph:
        """The stacks, synthesized as the sources are now."""
        return synthesize(self.workspace)

    @cached_property
    def foundation(self) -> Engine:
        """What the account shares, on the same target."""
        return Engine(FOUNDATION_WORKSPACE, self.target, self.parallelism)

    @property
    def data_matters(self) -> bool:
        """Whether a deploy may lose nothing: all environments stand on the foundation."""
        if self.workspace == FOUNDATION_WORKSPACE:
            return True
        return parse_workspace(self.workspace).environment.data_matters

    @property
    def guarded(self) -> bool:
        """Whether even a deploy has its name typed."""
        return self.data_matters and self.workspace != FOUNDATION_WORKSPACE

    @contextmanager
    def exclusively(self, verb: str) -> Iterator[str | None]:
        """Keep other runs off the workspace, from before its stacks are synthesized.

        Gives what the operator should hear, if anything. Raises OperatorError when another run goes on.
        """
        require_terraform()
        with run_lock(self.workspace, verb, self.environment) as notice:
            yield notice

    def all_stacks(self) -> list[Stack]:
        """Every stack, in deploy order."""
        return list(self.graph.stacks.values())

    def plan_order(self, selected: Sequence[Stack]) -> Order:
        """How the selected stacks are planned: each after those whose outputs it reads."""
        self.require_same_target()
        return self._order(Verb.PLAN, selected, change_by_deploy(self, selected))

    def deploy_order(self, selected: Sequence[Stack]) -> Order:
        """How the selected stacks are deployed. Raises OperatorError naming what to deploy first."""
        self.require_same_target()
        change = change_by_deploy(self, selected)
        if missing := self._missing(selected, change):
            needed = {one.name: self.graph.unselected_upstream([one]) for one in selected}
            needing = [name for name, up in needed.items() if any(s.name in missing for s in up)]
            first = command(f"deploy {' '.join(missing)}", self.workspace)
            raise OperatorError(
                f"{', '.join(needing)} cannot be deployed: {', '.join(missing)} is not deployed;"
                f" add --with-dependencies, or run {first} first"
            )
        self._require_foundation(selected)
        return self._order(Verb.DEPLOY, selected, change)

    def destroy_order(self, selected: Sequence[Stack]) -> Order:
        """How the selected stacks that have a state are destroyed; others are left out.

        Raises OperatorError naming the dependants that would be stranded.
        """
        self.require_same_target()
        existing = stacks_with_state(self.workspace, self.environment)
        stacks = [stack for stack in reversed(selected) if stack.name in existing]
        stranded = [
            stack.name
            for stack in self.graph.unselected_dependants(stacks)
            if stack.name in existing
        ]
        steps = [Step(stack, Verb.DESTROY) for stack in stacks]
        order = Order(Verb.DESTROY, steps, reverse(self.graph.predecessors(stacks)))
        if stranded == [DNS] and (change := change_by_destroy(self, stacks)):
            return change.precede(order, self.graph.stacks[DNS], self.workspace)
        if stranded:
            first = command(f"destroy {' '.join(stranded)}", self.workspace)
            raise OperatorError(
                f"{', '.join(stranded)} would be stranded: deployed, and built upon what you would"
                f" destroy; add --with-dependents, or run {first} first"
            )
        return order

    def run(
        self,
        order: Order,
        observer: Observer,
        allow_replace: Collection[str] = (),
    ) -> list[StackFinished]:
        """Carry an order out, and tell how each stack ended. All but plans are journalled."""
        return Execution(self, order, frozenset(allow_replace)).run(observer)

    def is_deployed(self, stack: Stack) -> bool:
        """Whether a stack's state has every output that the stack publishes."""
        if stack.name not in stacks_with_state(self.workspace, self.environment):
            return False
        return stack.outputs <= self.terraform.outputs(stack.directory).keys()

    def outputs(self, stacks: Collection[Stack]) -> dict[str, dict[str, Any]]:
        """The values of `published`."""
        return {
            name: {key: output.value for key, output in outputs.items()}
            for name, outputs in self.published(stacks).items()
        }

    def published(self, stacks: Collection[Stack]) -> dict[str, dict[str, Output]]:
        """The outputs of each stack that has any, read side by side."""
        self.require_same_target()
        existing = stacks_with_state(self.workspace, self.environment)
        present = [stack for stack in stacks if stack.name in existing]
        read = self.terraform.outputs
        with ThreadPoolExecutor(self.parallelism) as pool:
            found = list(pool.map(read, [stack.directory for stack in present]))
        return {stack.name: values for stack, values in zip(present, found, strict=True) if values}

    def require_same_target(self) -> None:
        """Raises OperatorError for state in files that describes another target: state does not tell
        which AWS it is of, and what is there would be orphaned.
        """
        record = self.folder.target
        recorded = record.read_text(errors="replace").strip() if record.is_file() else ""
        unknown = recorded not in [*TargetName]
        if unknown or recorded == self.target.name or state_bucket() is not None:
            return
        if stacks_with_state(self.workspace, self.environment):
            raise OperatorError(
                f"{self.workspace} is deployed on the target {recorded}: use --target {recorded},"
                " or destroy it there first"
            )

    def _order(self, verb: Verb, stacks: Sequence[Stack], change: RoutingChange | None) -> Order:
        # Longest chain first: what most waits for should not wait itself.
        longest = sorted(stacks, key=lambda stack: -self.graph.depth_below(stack.name))
        steps = [Step(stack, verb) for stack in longest]
        order = Order(verb, steps, self.graph.predecessors(stacks))
        return order.with_arguments({DNS: change.arguments} if change else {})

    def _missing(self, selected: Sequence[Stack], change: RoutingChange | None) -> list[str]:
        """What the selected stacks need, and is neither selected nor deployed."""
        dispensable = change.dispensable(self, selected) if change else set()
        upstream = self.graph.unselected_upstream(selected)
        needed = [stack for stack in upstream if stack.name not in dispensable]
        return [stack.name for stack in needed if not self.is_deployed(stack)]

    def unsettled(self, order: Order) -> dict[str, str]:
        """What a plan needs the outputs of, and is neither planned nor deployed; and why."""
        if order.verb is not Verb.PLAN:
            return {}
        selected = [step.stack for step in order.steps]
        missing = self._missing(selected, change_by_deploy(self, selected))
        return dict.fromkeys(missing, "is not deployed")

    def _require_foundation(self, selected: Sequence[Stack]) -> None:
        """API Gateway and RDS log through what the account shares, not through an environment."""
        needed = {
            f"foundation-{stack.region}"
            for stack in selected
            if stack.name.startswith(LAYERS_ON_FOUNDATION)
        }
        if not needed:
            return
        foundation = self.foundation
        foundation.require_same_target()
        existing = stacks_with_state(FOUNDATION_WORKSPACE, foundation.environment)
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
