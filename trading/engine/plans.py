"""The plans that `trading plan` saved, and whether what they were made from is still so."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from trading.advice import command
from trading.engine.events import Action, PlannedChange, State
from trading.engine.order import SavedPlan
from trading.errors import OperatorError
from trading.files import write_whole
from trading.state.states import state_versions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from trading.engine.engine import Engine
    from trading.engine.events import StackFinished
    from trading.engine.graph import Stack
    from trading.engine.order import Order

_MANIFEST = "plans.json"


@dataclass(frozen=True)
class _Basis:
    """What a plan was made from: the configuration, and the states it read, by their versions."""

    configuration: str
    states: dict[str, str | None]


@dataclass(frozen=True)
class _Recorded:
    """What the manifest says of one stack's plan."""

    changes: tuple[PlannedChange, ...]
    outputs_change: bool
    restore: str
    basis: _Basis

    @classmethod
    def parse(cls, told: dict[str, Any]) -> _Recorded:
        basis = _Basis(told["configuration"], dict(told["states"]))
        changes = tuple(map(_change, told["changes"]))
        return cls(changes, told["outputs_change"], told["restore"], basis)


@dataclass(frozen=True)
class _Manifest:
    """What lies beside the plans. `failed` and `waiting` are stacks that were to be planned, too."""

    target: str
    stacks: dict[str, _Recorded]
    failed: list[str]
    waiting: list[str]

    @classmethod
    def parse(cls, text: str) -> _Manifest:
        told = json.loads(text)
        stacks = {name: _Recorded.parse(stack) for name, stack in told["stacks"].items()}
        return cls(told["target"], stacks, list(told["failed"]), list(told["waiting"]))


def forget_plans(engine: Engine) -> None:
    """Remove the saved plans: they hold secrets, and new ones are about to be made."""
    for path in engine.folder.plans.glob("*"):
        path.unlink()


def save_plans(engine: Engine, order: Order, results: Sequence[StackFinished]) -> None:
    """Record which plans were saved by a run of plans, and what they were made from."""
    versions = state_versions(engine.workspace, engine.environment)
    restores = {step.name: step.restore for step in order.steps}
    planned = {
        result.stack: {
            "changes": [asdict(change) for change in result.planned],
            "outputs_change": result.outputs_change,
            "restore": restores[result.stack],
            **asdict(_basis(engine.graph.stacks[result.stack], versions)),
        }
        for result in results
        if result.state is State.DONE
    }
    engine.folder.plans.mkdir(parents=True, exist_ok=True, mode=0o700)
    manifest = {
        "target": engine.target.name,
        "stacks": planned,
        "failed": [result.stack for result in results if result.state is State.FAILED],
        "waiting": [result.stack for result in results if result.state is State.SKIPPED],
    }
    write_whole(engine.folder.plans / _MANIFEST, json.dumps(manifest, indent=2))


def export_plans(engine: Engine, results: Sequence[StackFinished], folder: Path) -> None:
    """Write each saved plan as `{stack}.json`, for other people's tools. Raises OperatorError.

    It is the form of https://developer.hashicorp.com/terraform/internals/json-format, with secrets in it.
    """
    planned = [result.stack for result in results if result.state is State.DONE]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def export(name: str) -> None:
        directory = engine.graph.stacks[name].directory
        shown = engine.terraform.show(directory, _plan_file(engine, name))
        write_whole(folder / f"{name}.json", json.dumps(shown), mode=0o600)

    with ThreadPoolExecutor(engine.parallelism) as pool:
        list(pool.map(export, planned))


def saved_plans(engine: Engine) -> dict[str, SavedPlan]:
    """The saved plans by stack. Raises OperatorError when there are none, or any failed or is stale."""
    manifest = _manifest(engine)
    if manifest.failed:
        raise OperatorError(f"{', '.join(manifest.failed)} could not be planned: plan again")
    if not manifest.stacks:
        raise OperatorError(
            "the saved plan is of no stack: deploy what they wait for, and plan again"
        )
    if manifest.target != engine.target.name:
        raise OperatorError(f"the saved plan is of the target {manifest.target}: plan again")
    versions = state_versions(engine.workspace, engine.environment)
    stale = [
        f"{name} ({why})"
        for name, recorded in manifest.stacks.items()
        if (why := _staleness(engine, name, recorded, versions))
    ]
    if stale:
        raise OperatorError(
            f"the saved plan is stale: {', '.join(stale)};"
            f" run {command('plan', engine.workspace)} again"
        )
    return {
        name: SavedPlan(
            _plan_file(engine, name), recorded.changes, recorded.outputs_change, recorded.restore
        )
        for name, recorded in manifest.stacks.items()
    }


def unplanned_stacks(engine: Engine) -> list[str]:
    """The stacks that were to be planned, and waited for others."""
    return _manifest(engine).waiting


def with_plans(order: Order, plans: dict[str, SavedPlan]) -> Order:
    """The order with what was planned: stacks whose plan is empty need no step, unless data is still to
    be brought back to them. Raises OperatorError for a plan that was to bring back something else.
    """
    restores = {step.name: step.restore for step in order.steps}
    for name, plan in plans.items():
        if plan.restore != restores[name]:
            was, now = plan.restore or "nothing", restores[name] or "nothing"
            raise OperatorError(
                f"the saved plan of {name} was to restore {was}, and now that would be {now}: plan again"
            )
    empty = {name for name, plan in plans.items() if plan.empty and not plan.restore}
    left = order.without(empty)
    steps = [replace(step, plan=plans.get(step.name)) for step in left.steps]
    return replace(left, steps=steps)


def fresh_plans(
    engine: Engine, order: Order, results: Collection[StackFinished]
) -> dict[str, SavedPlan]:
    """The plans that a run has just saved of an order."""
    restores = {step.name: step.restore for step in order.steps}
    return {
        result.stack: SavedPlan(
            _plan_file(engine, result.stack),
            result.planned,
            result.outputs_change,
            restores[result.stack],
        )
        for result in results
        if result.state is State.DONE
    }


def _manifest(engine: Engine) -> _Manifest:
    path = engine.folder.plans / _MANIFEST
    if not path.is_file():
        raise OperatorError(
            f"there is no saved plan: run {command('plan', engine.workspace)} first"
        )
    try:
        return _Manifest.parse(path.read_text())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        again = command("plan", engine.workspace)
        raise OperatorError(f"the saved plan cannot be read: run {again} again") from error


def _plan_file(engine: Engine, stack: str) -> Path:
    return engine.folder.plans / f"{stack}.tfplan"


def _basis(stack: Stack, versions: dict[str, str]) -> _Basis:
    configuration = (stack.directory / "cdk.tf.json").read_bytes()
    read = (stack.name, *stack.dependencies)
    return _Basis(
        hashlib.sha256(configuration).hexdigest(), {name: versions.get(name) for name in read}
    )


def _staleness(engine: Engine, name: str, recorded: _Recorded, versions: dict[str, str]) -> str:
    stack = engine.graph.stacks.get(name)
    if stack is None:
        return "it is no stack any more"
    if not _plan_file(engine, name).is_file():
        return "its plan is gone"
    basis = _basis(stack, versions)
    if basis.configuration != recorded.basis.configuration:
        return "its configuration has changed"
    changed = [
        other
        for other, version in recorded.basis.states.items()
        if version != basis.states.get(other)
    ]
    return f"the state of {', '.join(changed)} has changed" if changed else ""


def _change(recorded: dict[str, str]) -> PlannedChange:
    return PlannedChange(
        recorded["address"],
        recorded["resource_type"],
        Action(recorded["action"]),
        recorded["reason"],
    )
