"""A record beside each state: when it was last deployed, from which commit, and by whom."""

from __future__ import annotations

import functools
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.paths import PROJECT_ROOT, state_directory
from stacks.settings import state_bucket
from trading.engine.events import Changes
from trading.files import write_whole
from trading.state.bucket_objects import BucketObjects, workspace_prefix
from trading.state.holder import operator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE_NAME = "deployment.json"
_KEY_ENDING = f".{_FILE_NAME}"
_READERS = 8


@dataclass(frozen=True)
class Deployment:
    """A stack's last successful deploy. `commit` is None where the sources are in no git checkout;
    `modified` says that the checkout held more than the commit.
    """

    moment: datetime
    operator: str
    commit: str | None
    modified: bool
    seconds: float
    changes: Changes

    @property
    def revision(self) -> str:
        """The commit for people: `1a2b3c4`, `1a2b3c4 + changes`, or `unknown`."""
        if self.commit is None:
            return "unknown"
        return f"{self.commit[:7]}{' + changes' if self.modified else ''}"

    def as_json(self) -> dict[str, Any]:
        """What `parse` reads."""
        return {**asdict(self), "moment": self.moment.isoformat(timespec="seconds")}

    @classmethod
    def parse(cls, text: str) -> Deployment | None:
        """A record from its JSON; None when it cannot be read, as after a power failure."""
        try:
            told = json.loads(text)
            known = {field.name: told[field.name] for field in fields(cls)}
            known["moment"] = datetime.fromisoformat(known["moment"]).astimezone(UTC)
            known["changes"] = Changes(**known["changes"])
            return cls(**known)
        except (ValueError, TypeError, KeyError):
            return None


def record_deployment(
    stack: str,
    workspace: str,
    environment: Mapping[str, str],
    *,
    seconds: float,
    changes: Changes,
) -> None:
    """Record that a stack was deployed now, from the sources as they were when this was first asked.

    May be called from many threads.
    """
    commit, modified = source_revision()
    deployment = Deployment(
        moment=datetime.now(UTC),
        operator=operator(),
        commit=commit,
        modified=modified,
        seconds=round(seconds, 1),
        changes=changes,
    )
    text = json.dumps(deployment.as_json(), indent=2) + "\n"
    bucket = state_bucket()
    if bucket:
        BucketObjects(bucket, environment).write(_key(stack, workspace), text)
        return
    write_whole(_path(stack, workspace), text)


def read_deployments(workspace: str, environment: Mapping[str, str]) -> dict[str, Deployment]:
    """The readable records of a workspace by stack. Raises OperatorError without the state bucket."""
    bucket = state_bucket()
    if bucket is None:
        found = state_directory().glob(f"*/{workspace}/{_FILE_NAME}")
        texts = {path.parents[1].name: path.read_text(errors="replace") for path in found}
        return _parsed(texts)
    objects = BucketObjects(bucket, environment)
    prefix = workspace_prefix(workspace)
    keys = [key for key in objects.keys(prefix) if key.endswith(_KEY_ENDING)]
    with ThreadPoolExecutor(_READERS) as pool:
        documents = list(pool.map(objects.read, keys))
    return _parsed(
        {
            key.removeprefix(prefix).removesuffix(_KEY_ENDING): document.text
            for key, document in zip(keys, documents, strict=True)
            if document
        }
    )


def forget_deployment(stack: str, workspace: str, environment: Mapping[str, str]) -> None:
    """Remove the record of a stack that was destroyed, if there is one."""
    bucket = state_bucket()
    if bucket:
        BucketObjects(bucket, environment).remove(_key(stack, workspace))
        return
    _path(stack, workspace).unlink(missing_ok=True)


@functools.cache
def source_revision() -> tuple[str | None, bool]:
    """The commit of the sources, and whether they differ from it; None where git does not know."""
    commit = _git("rev-parse", "HEAD")
    return commit, bool(commit and _git("status", "--porcelain"))


def _parsed(texts: Mapping[str, str]) -> dict[str, Deployment]:
    found = {stack: Deployment.parse(text) for stack, text in texts.items()}
    return {stack: deployment for stack, deployment in found.items() if deployment}


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def _path(stack: str, workspace: str) -> Path:
    return state_directory() / stack / workspace / _FILE_NAME


def _key(stack: str, workspace: str) -> str:
    return f"{workspace_prefix(workspace)}{stack}{_KEY_ENDING}"
