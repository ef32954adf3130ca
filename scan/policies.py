"""The policies that Terraform gives to AWS, with every ARN in them known.

Those of an environment are read from plans of what is deployed. The foundation's refer to little that is
not known before, so they are read as they are synthesized, with an example in place of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scan.evidence import Stage
from stacks.settings import FOUNDATION_WORKSPACE

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
_ACCOUNT = "123456789012"
_REFERENCE = re.compile(r"\$\{([^}]+)\}")
_EXAMPLE_ARNS = {
    "aws_iam_openid_connect_provider": f"arn:aws:iam::{_ACCOUNT}:oidc-provider/"
    "token.actions.githubusercontent.com",
    "aws_iam_role": f"arn:aws:iam::{_ACCOUNT}:role/example",
    "aws_kms_key": f"arn:aws:kms:us-east-1:{_ACCOUNT}:key/12345678-90ab-cdef-1234-567890abcdef",
    "aws_s3_bucket": "arn:aws:s3:::example",
}


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
    def own_arn(self) -> str:
        """What it is attached to; an example of it where that is not known."""
        return str(self.resource.values.get("arn", _EXAMPLE_ARNS[self.resource.type]))

    @property
    def is_trust(self) -> bool:
        """Whether it says who may assume a role."""
        return self.argument == TRUST

    @property
    def of_identity(self) -> bool:
        """Whether it says what someone may do, not who may do something with a resource."""
        inline = self.resource.type == "aws_iam_role" and not self.is_trust
        return inline or self.resource.type in _OF_IDENTITIES

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Its statements, of which there may be one without a list."""
        statements = self.document["Statement"]
        return statements if isinstance(statements, list) else [statements]


def rendered_policies(evidence: Evidence) -> Iterator[Policy]:
    """Every policy that can be read whole."""
    synthesized = (evidence.environment, evidence.stage) == (
        FOUNDATION_WORKSPACE,
        Stage.SYNTHESIZED,
    )
    if evidence.stage is not Stage.DEPLOYED and not synthesized:
        return
    for resource in evidence.resources():
        known = evidence.stacks[resource.stack].get("locals", {}) if synthesized else {}
        for argument, value in _texts(resource.values):
            if document := _document(_filled(value, known)):
                yield Policy(resource, argument, document)


def _filled(text: str, known: dict[str, Any]) -> str:
    """A text with examples in place of references, but for those that nobody has an example of."""

    def example(reference: re.Match[str]) -> str:
        kind, _, rest = reference[1].partition(".")
        if kind == "local":
            return str(known[rest])
        if reference[1] == "data.aws_caller_identity.current.account_id":
            return _ACCOUNT
        return _EXAMPLE_ARNS.get(kind, reference[0]) if rest.endswith(".arn") else reference[0]

    return _REFERENCE.sub(example, text)


def _texts(value: object, argument: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a resource, in nested blocks too, with the name of the argument that holds it."""
    if isinstance(value, str):
        yield argument, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member, argument)


def _document(value: str) -> dict[str, Any] | None:
    if '"Statement"' not in value:
        return None
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "Statement" in parsed else None
