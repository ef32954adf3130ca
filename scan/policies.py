"""The policies that Terraform gives to AWS, with every ARN in them known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scan.evidence import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scan.evidence import Evidence, Resource

_OF_IDENTITIES = {
    "aws_iam_group_policy",
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
}
TRUST = "assume_role_policy"


@dataclass(frozen=True)
class Policy:
    """A policy document, and the argument of a resource that it is."""

    resource: Resource
    argument: str
    document: dict[str, Any]

    @property
    def address(self) -> str:
        """The resource's address, and which of its policies where it can have two."""
        return f"{self.resource.address}.{TRUST}" if self.is_trust else self.resource.address

    @property
    def is_trust(self) -> bool:
        """Whether it says who may assume a role."""
        return self.argument == TRUST

    @property
    def of_identity(self) -> bool:
        """Whether it says what someone may do, not who may do something with a resource."""
        return self.resource.type in _OF_IDENTITIES

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Its statements, of which there may be one without a list."""
        statements = self.document["Statement"]
        return statements if isinstance(statements, list) else [statements]


def rendered_policies(evidence: Evidence) -> Iterator[Policy]:
    """Every policy of what is deployed: before that, the ARNs in some are not known."""
    if evidence.stage is not Stage.DEPLOYED:
        return
    for resource in evidence.resources():
        for argument, value in resource.values.items():
            if document := _document(value):
                yield Policy(resource, argument, document)


def _document(value: object) -> dict[str, Any] | None:
    if not isinstance(value, str) or '"Statement"' not in value:
        return None
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "Statement" in parsed else None
