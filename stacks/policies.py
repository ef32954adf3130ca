"""IAM policy documents, built as data and written as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Condition = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy. `principals` maps `Service` or `AWS` to names; absent in role policies."""

    sid: str
    actions: list[str]
    resources: list[str] = field(default_factory=list)
    principals: dict[str, Any] | Literal["*"] | None = None
    conditions: Condition | None = None
    effect: Literal["Allow", "Deny"] = "Allow"

    def as_json(self) -> dict[str, Any]:
        """The statement in the grammar of IAM, without the members that are empty."""
        members = {
            "Sid": self.sid,
            "Effect": self.effect,
            "Principal": self.principals,
            "Action": self.actions,
            "Resource": self.resources,
            "Condition": self.conditions,
        }
        return {name: value for name, value in members.items() if value}


def policy(*statements: Statement) -> str:
    """A policy document of these statements, as JSON."""
    body = {"Version": "2012-10-17", "Statement": [statement.as_json() for statement in statements]}
    return json.dumps(body)


def service_trust(service: str, conditions: Condition | None = None) -> str:
    """Who may assume a role: one AWS service, under conditions that name on whose behalf.

    Without `aws:SourceAccount` another account could have the service act as this role, the confused
    deputy: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return policy(
        Statement(
            sid="AssumeRole",
            actions=["sts:AssumeRole"],
            principals={"Service": service},
            conditions=conditions,
        )
    )


def tls_only(action: str, *resources: str) -> Statement:
    """Refuse every request that is not encrypted on the wire. What is encrypted is TLS 1.2 or newer:
    AWS's endpoints speak nothing older.

    https://aws.amazon.com/blogs/storage/enforcing-encryption-in-transit-with-tls1-2-or-higher-with-amazon-s3/
    """
    return Statement(
        sid="RefusePlainHttp",
        effect="Deny",
        actions=[action],
        resources=list(resources),
        principals="*",
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
