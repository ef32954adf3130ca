"""The database's schema, brought up to date by every deployment that needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.lambda_invocation import LambdaInvocation

from stacks.api.lambda_package import migrations_digest

if TYPE_CHECKING:
    from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction

    from stacks.base import RegionalStack


def migrate_schema(
    stack: RegionalStack, migrator: LambdaFunction, cluster_resource_id: str
) -> LambdaInvocation:
    """Invoke the migrator when the migrations change, or the cluster is another one than before.

    A migration that fails fails the apply: the provider reports a function's error as its own.
    """
    reasons = {"migrations": migrations_digest(), "cluster": cluster_resource_id}
    return LambdaInvocation(
        stack,
        "schema-migration",
        function_name=migrator.function_name,
        input=json.dumps(reasons),
        triggers=reasons,
    )
