"""Which stacks have a state: files of this checkout, or objects of the state bucket."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from stacks.paths import state_directory
from stacks.settings import PROJECT, StateBucket, state_bucket
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What API Gateway and RDS log through is shared by the account, and made by the foundation.
LAYERS_ON_FOUNDATION = ("api-", "data-")


class StateName(NamedTuple):
    """The state of one stack in one workspace. `trading destroy` removes what it has emptied."""

    workspace: str
    stack: str

    @property
    def needs_foundation(self) -> bool:
        """Whether its stack writes logs through what the account shares in the region."""
        return self.stack.startswith(LAYERS_ON_FOUNDATION)


def list_states(environment: Mapping[str, str]) -> set[StateName]:
    """All states of the project, of every workspace. Raises OperatorError without the bucket."""
    bucket = state_bucket()
    if bucket is None:
        return list_file_states()
    return {state for state, _ in _objects(bucket, environment)}


def list_file_states() -> set[StateName]:
    """The states that are kept in files of this checkout."""
    return {
        StateName(workspace=path.parent.name, stack=path.parents[1].name)
        for path in state_directory().glob("*/*/terraform.tfstate")
    }


def stacks_with_state(workspace: str, environment: Mapping[str, str]) -> set[str]:
    """The stacks of a workspace that were applied, wholly or in part, and not destroyed."""
    return {state.stack for state in list_states(environment) if state.workspace == workspace}


def state_versions(workspace: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What each state of a workspace is now; the text differs when the state has changed."""
    bucket = state_bucket()
    if bucket is None:
        return {
            path.parents[1].name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in state_directory().glob(f"*/{workspace}/terraform.tfstate")
        }
    return {
        state.stack: version
        for state, version in _objects(bucket, environment)
        if state.workspace == workspace
    }


def _objects(
    bucket: StateBucket, environment: Mapping[str, str]
) -> Iterator[tuple[StateName, str]]:
    """Each state in the bucket, with the version that S3 knows it by."""
    s3 = client("s3", environment, bucket.region)
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.name, Prefix=f"{PROJECT}/"
        ):
            for item in page.get("Contents", []):
                _, workspace, name = item["Key"].split("/", 2)
                if name.endswith(".tfstate"):
                    yield StateName(workspace, name.removesuffix(".tfstate")), item["ETag"]
    except s3.exceptions.NoSuchBucket as error:
        raise OperatorError(
            f"the state bucket {bucket.name} does not exist: run `trading foundation deploy` first"
        ) from error
