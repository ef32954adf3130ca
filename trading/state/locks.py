"""Terraform's locks on states, read where each backend keeps them: who holds one, and does he live."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import psutil

from stacks.paths import state_directory
from stacks.settings import state_bucket
from trading.aws import client
from trading.errors import OperatorError
from trading.state.bucket_objects import BucketObjects, workspace_prefix
from trading.state.holder import describe_since, operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stacks.settings import StateBucket

_NOTE_NAME = ".terraform.tfstate.lock.info"
_STATE_NAME = "terraform.tfstate"
_STATE_ENDING = ".tfstate"
_OBJECT_ENDING = ".tfstate.tflock"
# Of a stack's folder: {workspace}/cdktf.out/stacks/{stack}.
_OWN_PARTS = 4
_BINARIES = ("terraform", "tofu")

# As Terraform records them: https://pkg.go.dev/github.com/hashicorp/terraform/internal/backend/backendrun#OperationType
_OPERATIONS = {
    "OperationTypeApply": "apply",
    "OperationTypePlan": "plan",
    "OperationTypeRefresh": "refresh",
}


@dataclass(frozen=True)
class StateLock:
    """A lock on the state of one stack. `who` is `user@host`; `version` is Terraform's.

    `process_id` is known of a lock on a file of this machine only.
    """

    stack: str
    id: str
    who: str
    operation: str
    created: datetime
    version: str
    path: str
    process_id: int | None = None

    @property
    def command(self) -> str:
        """What holds it, as it is typed: `terraform apply`, for a destroy too."""
        return f"terraform {_OPERATIONS.get(self.operation, self.operation.replace('-', ' '))}"

    @property
    def host(self) -> str:
        """The machine that the holder runs on."""
        return self.who.rpartition("@")[2]

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the holder can be looked for here."""
        return self.process_id is not None or self.host == socket.gethostname()

    def __str__(self) -> str:
        return f"locked by {self.who} {describe_since(self.created)}, {self.command}"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "id": self.id,
            "who": self.who,
            "operation": self.command,
            "created": self.created.isoformat(timespec="seconds"),
            "terraform_version": self.version,
            "path": self.path,
        }


def read_lock(stack: str, workspace: str, environment: Mapping[str, str]) -> StateLock | None:
    """The lock that Terraform holds on a stack's state, or that one has left behind; None without.

    Raises OperatorError when the state bucket or its lock table is missing.
    """
    bucket = state_bucket()
    if bucket is None:
        return _read_file(stack, workspace)
    if bucket.lock == "s3":
        key = f"{workspace_prefix(workspace)}{stack}{_OBJECT_ENDING}"
        document = BucketObjects(bucket, environment).read(key)
        return _parse(stack, document.text) if document else None
    return next(_table_locks(bucket, environment, workspace, stack), None)


def read_locks(workspace: str, environment: Mapping[str, str]) -> dict[str, StateLock]:
    """All locks on states of a workspace, by stack. Raises OperatorError as `read_lock` does."""
    bucket = state_bucket()
    if bucket is None:
        notes = state_directory().glob(f"*/{workspace}/{_NOTE_NAME}")
        locks = [_read_file(note.parents[1].name, workspace) for note in sorted(notes)]
    elif bucket.lock == "s3":
        prefix = workspace_prefix(workspace)
        keys = BucketObjects(bucket, environment).keys(prefix)
        stacks = [_stack_name(key, prefix) for key in keys if key.endswith(_OBJECT_ENDING)]
        locks = [read_lock(stack, workspace, environment) for stack in stacks]
    else:
        locks = list(_table_locks(bucket, environment, workspace))
    return {lock.stack: lock for lock in locks if lock}


def remove_stale_note(stack: str, workspace: str) -> bool:
    """Remove what a killed Terraform has noted beside a state file, which locks nothing any more.

    Tells whether there was any. Terraform's own `force-unlock` refuses here: "LocalState not locked".
    """
    note = state_directory() / stack / workspace / _NOTE_NAME
    if state_bucket() or not note.is_file() or _read_file(stack, workspace):
        return False
    note.unlink(missing_ok=True)
    return True


def living_process(lock: StateLock, directory: Path) -> psutil.Process | None:
    """The Terraform on this machine that may hold a lock; None when there is none.

    It is one that works in the stack's folder, or, if the lock is this operator's, in another checkout's
    folder of that stack and workspace, with state in the same place.
    """
    if lock.process_id is not None and psutil.pid_exists(lock.process_id):
        return psutil.Process(lock.process_id)
    for process in psutil.process_iter(["name", "cwd", "create_time"]):
        folder = process.info["cwd"]  # None for other people's processes.
        if folder is None or not _is_terraform(str(process.info["name"])):
            continue
        same_state = _state_place(Path(folder)) == _state_place(directory)
        started_before = process.info["create_time"] < lock.created.timestamp() + 1
        if Path(folder) == directory.resolve() or (
            lock.who == operator() and same_state and started_before
        ):
            return process
    return None


def _state_place(directory: Path) -> tuple[object, ...]:
    try:
        configuration = json.loads((directory / "cdk.tf.json").read_text())
    except (OSError, ValueError):
        return (directory,)
    return (*directory.parts[-_OWN_PARTS:], configuration["terraform"].get("backend"))


def _is_terraform(name: str) -> bool:
    return name.startswith(_BINARIES) and not name.startswith("terraform-provi")


def _read_file(stack: str, workspace: str) -> StateLock | None:
    """Terraform locks the state file itself, and notes beside it who does; the note outlives a kill."""
    folder = state_directory() / stack / workspace
    try:
        with (folder / _STATE_NAME).open("rb") as state:
            process_id = _locking_process(state)
        note = (folder / _NOTE_NAME).read_text()
    except FileNotFoundError:
        return None
    return None if process_id is None else _parse(stack, note, process_id)


def _locking_process(file: BinaryIO) -> int | None:
    """The process that has locked a file; asked without locking it oneself, not even for a moment.

    `struct flock` is laid out differently by Linux and by macOS, see fcntl(2).
    """
    write = fcntl.F_WRLCK
    if sys.platform == "darwin":
        question = struct.pack("qqihh", 0, 0, 0, write, 0)
        _, _, process_id, kind, _ = struct.unpack(
            "qqihh", fcntl.fcntl(file, fcntl.F_GETLK, question)
        )
    else:
        question = struct.pack("hhqqi4x", write, 0, 0, 0, 0)
        kind, _, _, _, process_id = struct.unpack(
            "hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, question)
        )
    return None if kind == fcntl.F_UNLCK else int(process_id)


def _table_locks(
    bucket: StateBucket, environment: Mapping[str, str], workspace: str, stack: str = ""
) -> Iterator[StateLock]:
    """https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking

    The table also has an item for each state's checksum, without `Info`.
    """
    prefix = f"{bucket.name}/{workspace_prefix(workspace)}"
    dynamodb = client("dynamodb", environment, bucket.region)
    wanted = f"{prefix}{stack}{_STATE_ENDING}" if stack else prefix
    try:
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=bucket.lock_table,
            FilterExpression="begins_with(LockID, :wanted) AND attribute_exists(Info)",
            ExpressionAttributeValues={":wanted": {"S": wanted}},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
    except dynamodb.exceptions.ResourceNotFoundException as error:
        raise OperatorError(
            f"the lock table {bucket.lock_table} does not exist:"
            " run `trading foundation deploy` first"
        ) from error
    for item in items:
        lock = _parse(_stack_name(item["LockID"]["S"], prefix), item["Info"]["S"])
        if lock:
            yield lock


def _stack_name(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).partition(_STATE_ENDING)[0]


def _parse(stack: str, text: str, process_id: int | None = None) -> StateLock | None:
    """https://pkg.go.dev/github.com/hashicorp/terraform/internal/states/statemgr#LockInfo"""
    try:
        info = json.loads(text)
    except json.JSONDecodeError:
        return None  # Half written, at this moment.
    return StateLock(
        stack=stack,
        id=info["ID"],
        who=info["Who"],
        operation=info["Operation"],
        created=datetime.fromisoformat(info["Created"]),
        version=info["Version"],
        path=info["Path"],
        process_id=process_id,
    )
