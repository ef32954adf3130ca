"""What is deployed in an environment, layer by region: when, from which commit, and in what condition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from stacks.settings import SettingsError, parse_workspace
from trading.engine.events import Changes, StackFinished, State
from trading.engine.journal import last_run
from trading.state.deployments import Deployment, read_deployments
from trading.state.holder import Holder, describe_age
from trading.state.locks import StateLock, read_locks
from trading.state.run_lock import read_run_lock
from trading.state.states import list_states, stacks_with_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trading.engine.engine import Engine
    from trading.engine.graph import Stack

_SHARED = "shared"


class Condition(StrEnum):
    """How a stack stands, as far as is known without asking AWS.

    Partly deployed is one that has a state although no deploy of it has come to its end. That the last
    run failed on it, or was cut off there, is known of this checkout's runs only.
    """

    NOT_DEPLOYED = "not deployed"
    DEPLOYED = "deployed"
    PARTLY = "partly deployed"
    FAILED = "last run failed"
    CUT_OFF = "run cut off"
    IN_PROGRESS = "in progress"


@dataclass(frozen=True)
class StackStatus:
    """One stack. `pending` is what planning it came to, where that was asked for."""

    stack: Stack
    condition: Condition
    deployment: Deployment | None = None
    lock: StateLock | None = None
    pending: StackFinished | None = None

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "layer": self.stack.layer,
            "region": self.stack.region,
            "condition": self.condition,
            "deployment": self.deployment.as_json() if self.deployment else None,
            "lock": self.lock.as_json() if self.lock else None,
            "pending": _pending_json(self.pending),
        }


@dataclass(frozen=True)
class EnvironmentStatus:
    """All stacks of one environment. `drained` regions get no traffic of the shared name, and `absent`
    ones have no API; `strays` have a state and are configured no more.
    """

    workspace: str
    stacks: list[StackStatus]
    run: Holder | None
    drained: list[str]
    absent: list[str]
    strays: list[str]

    @property
    def has_pending(self) -> bool:
        """Whether a deploy would change anything, as far as it could be planned."""
        return any(status.pending and _is_pending(status.pending) for status in self.stacks)

    @property
    def not_planned(self) -> list[str]:
        """The stacks that could not be planned, though it was asked for."""
        return [
            status.stack.name
            for status in self.stacks
            if status.pending and status.pending.state is State.FAILED
        ]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "run": self.run.as_json() if self.run else None,
            "drained_regions": self.drained,
            "absent_regions": self.absent,
            "not_configured": self.strays,
            "stacks": {status.stack.name: status.as_json() for status in self.stacks},
        }


def environments_with_state(environment: Mapping[str, str]) -> list[str]:
    """The environments that have any state, and that the settings know."""
    workspaces = {state.workspace for state in list_states(environment)}
    return sorted(filter(_is_environment, workspaces))


def read_status(engine: Engine, pending: Iterable[StackFinished] = ()) -> EnvironmentStatus:
    """How an environment stands, with what was found to be pending, if that was looked for."""
    existing = stacks_with_state(engine.workspace, engine.environment)
    deployments = read_deployments(engine.workspace, engine.environment)
    locks = read_locks(engine.workspace, engine.environment)
    holder = read_run_lock(engine.workspace, engine.environment)
    unfinished = _unfinished(engine, holder, deployments)
    planned = {result.stack: result for result in pending}
    stacks = []
    for name, stack in engine.graph.stacks.items():
        deployment, condition = None, Condition.NOT_DEPLOYED
        if name in existing:
            deployment = deployments.get(name)
            ended = Condition.DEPLOYED if deployment else Condition.PARTLY
            condition = unfinished.get(name, ended)
        stacks.append(StackStatus(stack, condition, deployment, locks.get(name), planned.get(name)))
    routing = _routing(engine, existing)
    return EnvironmentStatus(
        engine.workspace,
        stacks,
        holder,
        sorted(routing.get("drained_regions", [])),
        sorted(routing.get("absent_regions", [])),
        sorted(existing - engine.graph.stacks.keys()),
    )


def as_table(status: EnvironmentStatus) -> Table:
    """Layers by regions; a stack there is one of for all regions stands in a column of its own."""
    regions = sorted({status.stack.region for status in status.stacks if status.stack.region})
    table = Table("", title=status.workspace, title_justify="left", show_lines=True)
    for region in regions:
        table.add_column(_heading(region, status))
    table.add_column(_SHARED)
    rows: dict[str, dict[str, Text]] = {}
    for found in status.stacks:
        stack = found.stack
        row = stack.layer if stack.region else stack.name
        rows.setdefault(row, {})[stack.region or _SHARED] = _cell(found)
    for row, cells in rows.items():
        table.add_row(row, *(cells.get(column, "") for column in [*regions, _SHARED]))
    return table


def remarks(status: EnvironmentStatus) -> list[str]:
    """What the table has no room for."""
    lines = []
    if status.run:
        dead = "a run that is dead" if status.run.is_alive() is False else "a run"
        lines.append(f"{dead} holds {status.workspace}: {status.run}")
    lines += [f"{found.stack.name} is {found.lock}" for found in status.stacks if found.lock]
    lines += [
        f"{found.stack.name} could not be planned: {found.pending.reason}"
        for found in status.stacks
        if found.pending and found.pending.state is State.FAILED
    ]
    if status.strays:
        lines.append(f"deployed, and configured no more: {', '.join(status.strays)}")
    return lines


def _unfinished(
    engine: Engine, holder: Holder | None, deployments: Mapping[str, Deployment]
) -> dict[str, Condition]:
    """The stacks that the last run of this checkout began and did not bring to an end, without those
    that were deployed since, by another operator.
    """
    run = last_run(engine.folder.journal)
    if run is None:
        return {}
    going_on = (
        holder is not None
        and holder.is_alive() is True
        and holder.began is not None
        and run.started >= holder.began
    )
    without_end = Condition.IN_PROGRESS if going_on else Condition.CUT_OFF
    return {
        step.stack: Condition.FAILED if step.state else without_end
        for step in run.left
        if step.transcript
        and step.state is not State.SKIPPED
        and not (step.stack in deployments and deployments[step.stack].moment > run.started)
    }


def _routing(engine: Engine, existing: set[str]) -> dict[str, list[str]]:
    """What the stack of the shared name's records remembers of drained regions."""
    records = [
        stack
        for stack in engine.graph.stacks.values()
        if stack.name in existing and "drained_regions" in stack.outputs
    ]
    for values in engine.outputs(records).values() if records else []:
        return values
    return {}


def _is_environment(workspace: str) -> bool:
    try:
        parse_workspace(workspace)
    except SettingsError:
        return False
    return True


def _heading(region: str, status: EnvironmentStatus) -> Text:
    if region in status.absent:
        return Text(f"{region}\nabsent from DNS", style="yellow")
    if region in status.drained:
        return Text(f"{region}\ndrained", style="yellow")
    return Text(region)


def _cell(status: StackStatus) -> Text:
    if status.condition is Condition.NOT_DEPLOYED and not status.lock:
        return Text("-", style="dim")
    lines: list[Text] = []
    if status.condition is not Condition.DEPLOYED:
        lines.append(Text(status.condition, style="yellow"))
    if status.deployment:
        age = describe_age(status.deployment.moment, datetime.now(UTC))
        lines.append(Text(f"{age} ago"))
        lines.append(Text(status.deployment.revision, style="dim"))
    if status.lock:
        lines.append(Text("locked", style="bold red"))
    if status.pending:
        lines.append(_pending_text(status.pending))
    return Text("\n").join(lines)


def _pending_text(result: StackFinished) -> Text:
    if result.state is State.FAILED:
        return Text("plan failed", style="bold red")
    if result.state is State.SKIPPED:
        return Text(f"waits: {result.reason}", style="yellow")
    if not _is_pending(result):
        return Text("no changes", style="green")
    counts = str(result.changes) if result.changes.total else "outputs"
    return Text(f"{counts} pending", style="yellow")


def _is_pending(result: StackFinished) -> bool:
    return result.state is State.SKIPPED or result.changes.total > 0 or result.outputs_change


def _pending_json(result: StackFinished | None) -> dict[str, Any] | None:
    if result is None:
        return None
    changes: Changes | None = result.changes if result.state is State.DONE else None
    return {
        "state": result.state,
        "reason": result.reason,
        "add": changes.add if changes else None,
        "change": changes.change if changes else None,
        "remove": changes.remove if changes else None,
        "outputs_change": result.outputs_change,
    }
