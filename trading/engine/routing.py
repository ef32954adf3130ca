"""Where the shared name leads: read from the state of global-dns, and decided anew in it.

A drained region gets no traffic of the shared name. It keeps its own name and its health check, for
trades it is the home of are read there. Only a drained region may be absent: its API is destroyed, and
global-dns serves the others without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trading.advice import command
from trading.engine.order import Order, Step, Verb
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

DNS = "global-dns"
API = "api"
DECISION = "terraform_data.routing"


@dataclass(frozen=True)
class Routing:
    """Which regions the shared name does not lead to; of these, the `absent` ones have no API."""

    drained: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Terraform's arguments that make this the decision. Without them an apply keeps the last."""
        return (
            f"-replace={DECISION}",
            f"-var=drained_regions={json.dumps(sorted(self.drained))}",
            f"-var=absent_regions={json.dumps(sorted(self.absent))}",
        )

    def draining(self, region: str) -> Routing:
        """The same with a region more drained."""
        return replace(self, drained=self.drained | {region})

    def undraining(self, region: str) -> Routing:
        """The same with a region back in rotation."""
        return replace(self, drained=self.drained - {region})

    def step(self, stack: Stack) -> Step:
        """The deploy of global-dns that makes this the decision."""
        return Step(stack, Verb.DEPLOY, self.arguments)


def read_routing(engine: Engine) -> Routing | None:
    """The routing as it is deployed; None while global-dns is not, or is of before there was one."""
    return _parse(engine.outputs([engine.graph.stacks[DNS]]).get(DNS, {}))


def regions_in_rotation(engine: Engine) -> set[str]:
    """The regions whose record the shared name has. After an apply that failed they may not be those of
    the decision: Terraform records that one first.
    """
    addresses = engine.terraform.addresses(engine.graph.stacks[DNS].directory)
    records = {address.partition("[")[0] for address in addresses}
    return {region for region in apis(engine) if latency_record(region) in records}


def apis(engine: Engine) -> dict[str, Stack]:
    """The API stack of each region, deployed or not."""
    return {
        stack.region: stack for stack in engine.all_stacks() if stack.layer == API and stack.region
    }


def rerouting_order(engine: Engine, routing: Routing, region: str) -> Order:
    """How to bring a region into rotation or out of it, and touch nothing else.

    Without refresh, so that Terraform asks nothing of what it does not change: a region may be down.
    """
    step = routing.step(engine.graph.stacks[DNS])
    targets = (f"-target={DECISION}", f"-target={latency_record(region)}")
    narrow = replace(step, arguments=(*step.arguments, "-refresh=false", *targets))
    return Order(Verb.DEPLOY, [narrow], {DNS: set()})


@dataclass(frozen=True)
class Rerouting:
    """That a region was to be brought out of rotation (`drained`), or into it."""

    region: str
    drained: bool


def recorded_rerouting(engine: Engine, arguments: Collection[str]) -> Rerouting | None:
    """What a `rerouting_order` with these arguments was for; None when they are of another one.

    The decision in the arguments is of its time: later ones of other operators are not in it.
    """
    for region in apis(engine):
        if f"-target={latency_record(region)}" in arguments:
            prefix = "-var=drained_regions="
            [drained] = (word for word in arguments if word.startswith(prefix))
            return Rerouting(region, region in json.loads(drained.removeprefix(prefix)))
    return None


def latency_record(region: str) -> str:
    """The address of a region's part of the shared name."""
    return f"aws_route53_record.{region.replace('-', '_')}_latency"


@dataclass(frozen=True)
class RoutingChange:
    """What a deploy of global-dns has to change in the routing: which drained regions have an API."""

    now: Routing
    then: Routing

    @property
    def arguments(self) -> tuple[str, ...]:
        """Terraform's arguments for it."""
        return () if self.now == self.then else self.then.arguments

    def precede(self, order: Order, stack: Stack, workspace: str) -> Order:
        """The order, with global-dns letting go of what the order destroys before that.

        Raises OperatorError while the shared name still leads there.
        """
        leading = sorted(self.then.absent - self.then.drained)
        if leading:
            raise OperatorError(
                f"the shared name still leads clients to {', '.join(leading)}:"
                f" run {command(f'drain {leading[0]}', workspace)} first, or add --with-dependents"
            )
        if not self.arguments:
            return order
        return Order(
            order.verb,
            [self.then.step(stack), *order.steps],
            {DNS: set()} | {name: before | {DNS} for name, before in order.predecessors.items()},
        )

    def dispensable(self, engine: Engine, selected: Collection[Stack]) -> set[str]:
        """The stacks that global-dns does without, unless another selected stack needs them."""
        others = [stack for stack in selected if stack.name != DNS]
        needed = {stack.name for stack in engine.graph.unselected_upstream(others)}
        absent = (stack for stack in engine.all_stacks() if stack.region in self.then.absent)
        return {stack.name for stack in absent} - needed


def change_by_deploy(engine: Engine, selected: Collection[Stack]) -> RoutingChange | None:
    """How the routing changes when these stacks are deployed; None where it is not concerned."""
    names = {stack.name for stack in selected}
    now = read_routing(engine) if DNS in names else None
    if now is None:
        return None
    absent = frozenset(
        region
        for region, api in apis(engine).items()
        if region in now.drained and api.name not in names and not engine.is_deployed(api)
    )
    return RoutingChange(now, replace(now, absent=absent))


def change_by_destroy(engine: Engine, stacks: Sequence[Stack]) -> RoutingChange | None:
    """How the routing changes so that these stacks can be destroyed and global-dns go on; None where
    it cannot go on, because it reads from more than regions or is not deployed as it should be.
    """
    now = read_routing(engine)
    gone = frozenset(stack.region for stack in stacks if stack.region)
    if now is None or any(stack.region is None for stack in stacks):
        return None
    return RoutingChange(now, replace(now, absent=now.absent | gone))


def _parse(outputs: Mapping[str, object]) -> Routing | None:
    drained, absent = outputs.get("drained_regions"), outputs.get("absent_regions")
    if not isinstance(drained, list) or not isinstance(absent, list):
        return None
    return Routing(frozenset(drained), frozenset(absent))
