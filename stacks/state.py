"""Where state lives: S3 when settings name a bucket, else files below the work folder.

One state per stack and workspace. A stack's key may hold a token, so that a consumer in any region
reads its own region's producer by the same expression.
"""

from __future__ import annotations

import os
from pathlib import Path

from cdktf import (
    App,
    DataTerraformRemoteStateLocal,
    DataTerraformRemoteStateS3,
    LocalBackend,
    S3Backend,
    TerraformRemoteState,
    TerraformStack,
)

from stacks.paths import state_directory
from stacks.settings import PROJECT, StateBucket, state_bucket

CURRENT_WORKSPACE = "${terraform.workspace}"


def configure_backend(stack: TerraformStack, stack_name: str) -> None:
    """Give a stack its own state. Raises SettingsError for an unusable backend setting."""
    bucket = state_bucket()
    if bucket is None:
        LocalBackend(
            stack,
            path=_local_state_path(stack, stack_name),
            workspace_dir=_local_directory(stack, stack_name),
        )
        return
    backend = S3Backend(
        stack,
        bucket=bucket.name,
        key=_object_key(stack_name),
        region=bucket.region,
        workspace_key_prefix=PROJECT,
        encrypt=True,
        dynamodb_table=bucket.lock_table if bucket.lock == "dynamodb" else None,
    )
    if bucket.lock == "s3":
        # The typed backend of cdktf 0.21 is older than S3-native locks.
        backend.add_override("use_lockfile", value=True)


def read_state(
    consumer: TerraformStack, construct_id: str, producer_name: str
) -> TerraformRemoteState:
    """The outputs of another stack in the same workspace; its name may be an expression."""
    bucket = state_bucket()
    if bucket is None:
        return DataTerraformRemoteStateLocal(
            consumer,
            construct_id,
            workspace=CURRENT_WORKSPACE,
            path=_local_state_path(consumer, producer_name),
            workspace_dir=_local_directory(consumer, producer_name),
        )
    return DataTerraformRemoteStateS3(
        consumer,
        construct_id,
        workspace=CURRENT_WORKSPACE,
        bucket=bucket.name,
        key=_object_key(producer_name),
        region=bucket.region,
        workspace_key_prefix=PROJECT,
    )


def minimum_terraform_version() -> str:
    """Terraform's lower bound: S3-native locks came with 1.10."""
    bucket: StateBucket | None = state_bucket()
    return ">= 1.10" if bucket and bucket.lock == "s3" else ">= 1.5"


def _object_key(stack_name: str) -> str:
    return f"{stack_name}.tfstate"


def _local_state_path(stack: TerraformStack, stack_name: str) -> str:
    return f"{_local_directory(stack, stack_name)}/terraform.tfstate"


def _local_directory(stack: TerraformStack, stack_name: str) -> str:
    """A path relative to where Terraform runs, so that the JSON names no machine.

    Terraform ignores `path` outside the default workspace: without `workspace_dir` all stacks of a
    workspace would look for their neighbours' states in their own folder.
    """
    terraform_directory = Path(App.of(stack).outdir).resolve() / "stacks" / "any"
    relative = os.path.relpath(state_directory(), terraform_directory)
    return f"{relative}/{stack_name}"
