"""`trading resume`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stacks.settings import parse_workspace
from trading.archive.choice import Keeping, Restoring, with_keeps
from trading.archive.holdings import DATA, SECURITY
from trading.display import Showing, plural
from trading.engine.engine import Engine
from trading.engine.journal import last_run
from trading.engine.order import Verb
from trading.engine.policy import allowances
from trading.engine.recovery import free_state
from trading.engine.routing import recorded_rerouting
from trading.errors import OperatorError
from trading.interaction import Asking, console, exclusively, take_over_shown
from trading.targets import TargetName, target
from trading.verbs.deploy import deploy_order, preview
from trading.verbs.destroy import destroy_order
from trading.verbs.drain import reroute
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    AllowReplace,
    Confirm,
    Environment,
    JsonEvents,
    Parallelism,
    Quiet,
    TargetOption,
    Verbose,
    Yes,
)

EXAMPLES = "Example: `trading resume --env staging`"

if TYPE_CHECKING:
    from trading.engine.graph import Stack
    from trading.engine.journal import RecordedRun, RecordedStep
    from trading.engine.order import Order

_POLL_SECONDS = 0.5


def resume(
    allow_replace: AllowReplace = None,
    env: Environment = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Go on with the last deploy or destroy of an environment, where it failed or was cut off.

    It works after Ctrl-C, and after `trading` or Terraform was killed.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    asking, showing = Asking(yes, confirmed), Showing(json_events, quiet, verbose)
    with exclusively(engine, "resume", showing):
        run = last_run(engine.folder.journal)
        if run is None or not run.left:
            last = f"the last run, {run.name}, came to its end" if run else "nothing has been run"
            if not showing.silent:
                console.print(f"nothing to resume: {last}", highlight=False)
            return
        if run.target != engine.target.name:
            raise OperatorError(
                f"{run.name} ran on the target {run.target}: use --target {run.target}"
            )
        if not showing.silent:
            console.print(f"resuming {run.name}: {plural(len(run.left))} left", highlight=False)
        _wait_for_terraform(run, showing)
        allowed = allowances(allow_replace or [], {step.stack for step in run.left})
        _go_on(engine, run, asking, showing, run.allow_replace | allowed)


def _go_on(
    engine: Engine,
    run: RecordedRun,
    asking: Asking,
    showing: Showing,
    allowed: frozenset[str],
) -> None:
    # A destroy lets global-dns go on with a deploy, which follows anew from what is left to destroy.
    left = [step for step in run.left if step.verb is run.verb]
    stacks = _stacks(engine, run, {step.stack for step in left})
    for step in run.left:
        if (lock := free_state(engine, step)) and not showing.silent:
            console.print(f"{step.stack}: freed what a killed Terraform had {lock}", markup=False)
    if run.verb is Verb.DESTROY:
        take_over_shown(engine, stacks, showing)
        order = engine.destroy_order(stacks)
        order = with_keeps(engine, order, _kept(engine, order, left))
        destroy_order(engine, order, asking, showing)
        return
    if rerouting := recorded_rerouting(engine, left[0].arguments):
        reroute(engine, rerouting, asking, showing)
        return
    # Not with the arguments of then: where the shared name leads may have been decided anew since.
    order = engine.deploy_order(stacks)
    order = preview(engine, order, _restored(left), asking, showing)
    deploy_order(engine, order, asking, showing, allowed)


def _kept(engine: Engine, order: Order, steps: list[RecordedStep]) -> Keeping:
    """What the operator said then of the data that is still there."""
    kept = any(step.keep for step in steps)
    wanted = kept or engine.data_matters
    holding = {step.name for step in order.steps if step.stack.layer in {DATA, SECURITY}}
    lost = {step.stack for step in steps if step.keep is False and step.stack in holding}
    return Keeping(kept, frozenset(lost) if wanted else frozenset())


def _restored(steps: list[RecordedStep]) -> Restoring:
    """What the operator asked for then. A restore that was begun goes on with its generation."""
    wanted = {step.stack: step.asked for step in steps if step.asked}
    return Restoring(wanted, insistent=False)


def _stacks(engine: Engine, run: RecordedRun, names: set[str]) -> list[Stack]:
    if gone := sorted({step.stack for step in run.left} - engine.graph.stacks.keys()):
        raise OperatorError(
            f"{run.name} left {', '.join(gone)}, which the settings know no more:"
            " put it back there, or run another deploy or destroy"
        )
    return [stack for name, stack in engine.graph.stacks.items() if name in names]


def _wait_for_terraform(run: RecordedRun, showing: Showing) -> None:
    """A Terraform that outlived its run ends by itself; beside it another one would find the state
    locked.
    """
    for step in run.left:
        said = False
        while step.terraform and step.terraform.living():
            if not said and not showing.silent:
                console.print(
                    f"waiting for Terraform (process {step.terraform.process_id}), which still"
                    f" works on {step.stack}"
                )
                said = True
            time.sleep(_POLL_SECONDS)
