"""The database's schema, brought up to date by every deployment that needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.lambda_invocation import LambdaInvocation

from stacks.api.lambda_package import migrations_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdktf import ITerraformDependable
    from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction

    from stacks.base import RegionalStack


def migrate_schema(
    stack: RegionalStack, migrator: LambdaFunction, cluster_resource_id: str
) -> LambdaInvocation:
    """Invoke the migrator when the migrations change, or the cluster is another one than before.

    A migration that fails fails the apply: the provider reports a function's error as its own.
    """
    return _invoke(stack, "schema-migration", migrator, _reasons(cluster_resource_id), after=[])


def reconcile_positions(
    stack: RegionalStack,
    migrator: LambdaFunction,
    cluster_resource_id: str,
    *,
    after: Sequence[ITerraformDependable],
) -> LambdaInvocation:
    """Have the positions computed for what code from before the migration recorded until it was replaced."""
    reasons = {"task": "reconcile-positions", **_reasons(cluster_resource_id)}
    return _invoke(stack, "position-reconciliation", migrator, reasons, after=after)


def _reasons(cluster_resource_id: str) -> dict[str, str]:
    return {"migrations": migrations_digest(), "cluster": cluster_resource_id}


def _invoke(
    stack: RegionalStack,
    construct_id: str,
    function: LambdaFunction,
    reasons: dict[str, str],
    *,
    after: Sequence[ITerraformDependable],
) -> LambdaInvocation:
    return LambdaInvocation(
        stack,
        construct_id,
        function_name=function.function_name,
        input=json.dumps(reasons),
        triggers=reasons,
        depends_on=after,
    )
