"""One run at a time for an environment, whoever starts it and from whichever checkout.

A file of the checkout is locked for as long as the run's process lives. Where state is kept in a bucket,
which other checkouts and machines share, an object is made there too, on the condition that there is none.
"""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from stacks.settings import state_bucket
from trading.advice import command
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError
from trading.state.bucket_objects import BucketObjects, workspace_prefix
from trading.state.holder import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Whoever only looks at the file locks it for a moment, too.
_TRIES = 5
_SECONDS_BETWEEN_TRIES = 0.1


@contextmanager
def run_lock(workspace: str, verb: str, environment: Mapping[str, str]) -> Iterator[str | None]:
    """Keep other runs off a workspace. To be held before its stacks are synthesized.

    Gives what the operator should hear: that the lock of a run which is dead was taken over; else None.
    Raises OperatorError when another run goes on, telling who, since when, from where and what to do;
    and when the state bucket is missing.
    """
    holder = Holder.this_process(verb)
    bucket = state_bucket()
    with _lock_checkout(workspace, holder) as abandoned:
        if bucket is None:
            yield _taken_over(abandoned)
            return
        objects = BucketObjects(bucket, environment)
        displaced = _lock_bucket(objects, workspace, holder)
        try:
            yield _taken_over(displaced or abandoned)
        finally:
            _unlock_bucket(objects, workspace, holder)


def run_of_checkout(workspace: str) -> Holder | None:
    """The run that works on a workspace from this checkout, this process's own too."""
    path = WorkspaceFolder(workspace).run_lock
    if path.is_file():
        with path.open(errors="replace") as file:
            if not _try_lock(file, fcntl.LOCK_SH):
                return _read(file)
    return None


def read_run_lock(workspace: str, environment: Mapping[str, str]) -> Holder | None:
    """The run that holds a workspace, or was killed while it held the state bucket's lock."""
    holder = run_of_checkout(workspace)
    bucket = state_bucket()
    if holder or bucket is None:
        return holder
    document = BucketObjects(bucket, environment).read(_key(workspace))
    return Holder.parse(document.text) if document else None


def remove_run_lock(workspace: str, holder: Holder, environment: Mapping[str, str]) -> bool:
    """Remove a run's lock from the state bucket, if it is still that run's; tell whether it was."""
    bucket = state_bucket()
    return bucket is not None and _unlock_bucket(
        BucketObjects(bucket, environment), workspace, holder
    )


@contextmanager
def _lock_checkout(workspace: str, holder: Holder) -> Iterator[Holder | None]:
    """Lock this checkout's file. Gives the run that was killed while it held it."""
    path = WorkspaceFolder(workspace).run_lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", errors="replace") as file:
        for _ in range(_TRIES):
            if _try_lock(file, fcntl.LOCK_EX):
                break
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            raise _refusal(workspace, _read(file))
        abandoned = _read(file)
        _rewrite(file, holder.written())
        try:
            yield abandoned
        finally:
            # Emptied and not removed: another process may have opened it already.
            _rewrite(file, "")


def _lock_bucket(objects: BucketObjects, workspace: str, holder: Holder) -> Holder | None:
    """Make the state bucket's lock ours. Gives the dead run of this machine that had it."""
    key = _key(workspace)
    if objects.create(key, holder.written()):
        return None
    document = objects.read(key)
    if document is None:
        raise _refusal(workspace, None)  # Its run ended at this moment.
    other = Holder.parse(document.text)
    if other.is_alive() is not False:
        raise _refusal(workspace, other, unlock=other.is_alive() is None)
    if not objects.replace(key, holder.written(), document.version):
        raise _refusal(workspace, None)
    return other


def _unlock_bucket(objects: BucketObjects, workspace: str, holder: Holder) -> bool:
    document = objects.read(_key(workspace))
    if document is None or Holder.parse(document.text) != holder:
        return False  # `trading unlock` gave it to another one.
    objects.remove(_key(workspace))
    return True


def _refusal(workspace: str, holder: Holder | None, *, unlock: bool = False) -> OperatorError:
    if holder is None:
        return OperatorError(f"another run of {workspace} has just begun or ended: try again")
    advice = "wait until it has ended"
    if unlock:
        advice += f", or free it with {command('unlock --run', workspace)} if it is gone for sure"
    return OperatorError(f"another run works on {workspace}: {holder}; {advice}")


def _taken_over(abandoned: Holder | None) -> str | None:
    if abandoned is None:
        return None
    return f"took over the lock of a run that is dead: {abandoned}"


def _try_lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: TextIO) -> Holder | None:
    """None while its run begins or ends."""
    file.seek(0)
    text = file.read()
    return Holder.parse(text) if text else None


def _rewrite(file: TextIO, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _key(workspace: str) -> str:
    return f"{workspace_prefix(workspace)}run.lock"
