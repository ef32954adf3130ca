"""What must be put right before a run that was cut off can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.engine.adoption import Adoption, adopt
from trading.engine.events import State
from trading.engine.journal import runs
from trading.engine.order import Verb
from trading.engine.terraform import read_message
from trading.errors import OperatorError
from trading.state.locks import StateLock, living_process, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trading.engine.engine import Engine
    from trading.engine.graph import Stack
    from trading.engine.journal import RecordedStep


def free_state(engine: Engine, step: RecordedStep) -> StateLock | None:
    """Remove the lock that a killed Terraform of this step left on a remote state, if it did.

    Only a lock that is known to be its own: taken on this machine after it had started, and no Terraform
    lives here that could hold it. Any other one is for `trading unlock` to ask about.
    """
    stack = engine.graph.stacks[step.stack]
    lock = read_lock(step.stack, engine.workspace, engine.environment)
    if lock is None or step.terraform is None:
        return None
    if not (lock.is_of_this_machine and step.terraform.is_of_this_machine):
        return None
    # The lock's time is in whole seconds of the same clock.
    taken_before = lock.created.timestamp() < step.terraform.created - 1
    if taken_before or lock.process_id or living_process(lock, stack.directory):
        return None
    lines: list[str] = []
    if engine.terraform.force_unlock(stack.directory, lines.append, lock.id) != 0:
        raise OperatorError(f"{step.stack} could not be unlocked: {' '.join(lines[-3:])}")
    return lock


def take_over(engine: Engine, stack: Stack, waiting: Callable[[str], None]) -> Adoption:
    """Take over what a killed Terraform had begun to make for a stack: it is there and in no state.
    `waiting` is told the address of what AWS is still making.
    """
    transcripts = _cut_off(engine, stack.name)
    return adopt(engine.terraform, stack, transcripts, lambda _: None, waiting)


def _cut_off(engine: Engine, stack: str) -> list[Path]:
    """The transcripts of a stack's deploys that were cut off since it was last deployed, the oldest
    first. Others may have failed in between, at what is there and in no state.
    """
    found: list[Path] = []
    for run in runs(engine.folder.journal):
        step = run.steps.get(stack)
        if step is None or step.verb is not Verb.DEPLOY or run.target != engine.target.name:
            continue
        if step.state is State.DONE:
            break
        if step.transcript and not _ended_by_itself(step.transcript):
            found.insert(0, step.transcript)
    return found


def _ended_by_itself(transcript: Path) -> bool:
    """Whether the last that Terraform said is an end: all it made is then in the state."""
    lines = transcript.read_text().splitlines() if transcript.is_file() else []
    last = read_message(lines[-1]) if lines else None
    if last is None:
        return False
    match last["type"]:
        case "change_summary":
            return bool(last["changes"]["operation"] != "plan")
        case "outputs":
            return all("value" in output for output in last["outputs"].values())
        case "diagnostic":
            return bool(last["diagnostic"]["severity"] == "error")
    return False
