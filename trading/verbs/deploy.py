"""`trading deploy`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from stacks.settings import parse_workspace
from trading.archive.choice import Restoring, kept_notes, with_restores
from trading.display import Showing
from trading.engine.engine import Engine
from trading.engine.events import State
from trading.engine.graph import Selection
from trading.engine.order import Verb
from trading.engine.plans import (
    forget_plans,
    fresh_plans,
    saved_plans,
    unplanned_stacks,
    with_plans,
)
from trading.engine.policy import Policy, allowances, loses_data, refusal
from trading.errors import OperatorError
from trading.interaction import (
    Asking,
    carry_out,
    confirm,
    console,
    exclusively,
    require_answer,
    run_shown,
    show_order,
    take_over_shown,
    warn_of_unknown_states,
)
from trading.summary import names_of, summarize
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    AllowReplace,
    Confirm,
    Environment,
    Fresh,
    From,
    JsonEvents,
    Layers,
    Names,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
    WithDependencies,
    WithDependents,
    Yes,
)

EXAMPLES = "Example: `trading deploy --layer data --with-dependencies`"

if TYPE_CHECKING:
    from trading.engine.order import Order


def deploy(
    names: Names = None,
    layer: Layers = None,
    region: Regions = None,
    with_dependencies: WithDependencies = False,
    with_dependents: WithDependents = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Apply what `trading plan` saved, and nothing else.")
    ] = False,
    allow_replace: AllowReplace = None,
    fresh: Fresh = False,
    from_generation: From = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Deploy stacks in order, independent ones side by side.

    Where somebody is asked, and where data matters, all that can be planned is planned first.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    asking, showing = Asking(yes, confirmed), Showing(json_events, quiet, verbose)
    if plan and (names or layer or region):
        raise OperatorError("--plan applies what was planned: select stacks in `trading plan`")
    selection = Selection(
        names or [], layer or [], region or [], with_dependencies, with_dependents
    )
    with exclusively(engine, "deploy", showing):
        if not (plan or names or layer or region):
            warn_of_unknown_states(engine, showing)
        plans = saved_plans(engine) if plan else {}
        stacks = engine.graph.select(replace(selection, names=[*plans]) if plan else selection)
        restoring = Restoring.of(stacks, fresh=fresh, generation=from_generation)
        order = engine.deploy_order(stacks)
        allowed = allowances(allow_replace or [], {step.name for step in order.steps})
        if plan:
            order = with_plans(_with_restores(engine, order, restoring), plans)
        else:
            order = preview(engine, order, restoring, asking, showing)
        _require_needed(order, allowed)
        deploy_order(engine, order, asking, showing, allowed)
        if plan and (waiting := unplanned_stacks(engine)) and not showing.silent:
            console.print(f"not planned yet, as they waited: {', '.join(waiting)}; plan again")


def deploy_order(
    engine: Engine, order: Order, asking: Asking, showing: Showing, allowed: frozenset[str]
) -> None:
    """Show an order, ask, and deploy it. Raises OperatorError for what policy forbids."""
    if not order.steps:
        if not showing.silent:
            console.print("nothing to change: what was selected is up to date")
        return
    _require_allowed(engine, order, allowed)
    notes = {
        step.name: "after what it reads" if step.plan is None else str(step.plan.counts)
        for step in order.steps
    }
    known = any(step.plan for step in order.steps)
    data = kept_notes(order)
    if known:
        data = {
            name: "; ".join(filter(None, (note, data.get(name)))) for name, note in notes.items()
        }
    show_order(order, engine.workspace, showing, data)
    confirm(_what(engine), engine, asking, by_name=engine.guarded)
    carry_out(engine, order, showing, allowed)


def preview(
    engine: Engine, order: Order, restoring: Restoring, asking: Asking, showing: Showing
) -> Order:
    """The order with what each data stack brings back; where somebody is asked, and where data matters,
    with a plan for each stack whose inputs are known, without those that are up to date. Raises
    OperatorError when one cannot be planned, or what was kept cannot be brought back. What killed runs
    left of a stack is taken over first: it would stand in the way, and a cluster among it is there.
    """
    require_answer(_what(engine), engine.workspace, asking, by_name=engine.guarded)
    take_over_shown(engine, [step.stack for step in order.steps], showing)
    order = _with_restores(engine, order, restoring)
    if asking.yes and not engine.data_matters:
        return order
    forget_plans(engine)
    results = run_shown(engine, order.to_plan(), showing)
    if failed := names_of(results, State.FAILED):
        summarize(console, Verb.PLAN, results)
        raise OperatorError(f"{', '.join(failed)} could not be planned: nothing was deployed")
    return with_plans(order, fresh_plans(engine, order, results))


def _with_restores(engine: Engine, order: Order, restoring: Restoring) -> Order:
    order = with_restores(engine, order, restoring)
    # What was chosen for the operator is chosen anew by a run that goes on with this one.
    asked = restoring.wanted
    steps = [replace(step, asked=asked.get(step.name, "")) for step in order.steps]
    return replace(order, steps=steps)


def _what(engine: Engine) -> str:
    return f"deploy {engine.workspace}"


def _require_allowed(engine: Engine, order: Order, allowed: frozenset[str]) -> None:
    """Policy is also asked before each apply; here nothing has been applied yet."""
    policy = Policy(engine.data_matters, allowed)
    for step in order.steps:
        if step.plan and (refused := policy.refused(step.name, step.plan.changes)):
            shown = engine.terraform.show(step.stack.directory, step.plan.path)
            raise OperatorError(f"{step.name}: {refusal(step.name, refused, shown)}")


def _require_needed(order: Order, allowed: frozenset[str]) -> None:
    """A mistyped address would allow nothing, and leave the operator to wonder."""
    if not all(step.plan for step in order.steps):
        return
    found = {
        f"{step.name}:{change.address}"
        for step in order.steps
        if step.plan
        for change in step.plan.changes
        if loses_data(change)
    }
    if unneeded := sorted(allowed - found):
        raise OperatorError(f"--allow-replace {unneeded[0]}: no plan replaces or destroys that")
