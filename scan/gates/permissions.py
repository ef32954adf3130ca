"""parliament and cloudsplaining, on every policy that was rendered.

https://github.com/duo-labs/parliament, https://cloudsplaining.readthedocs.io
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scan.findings import Finding, Outcome
from scan.policies import rendered_policies
from scan.tools import read_json, run_scanner
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scan.evidence import Evidence
    from scan.policies import Policy

_ASK_PARLIAMENT = Path(__file__).parent.with_name("ask_parliament.py")
# What cloudsplaining asks of a policy: https://cloudsplaining.readthedocs.io/en/latest/glossary/privilege-escalation/
_RISKS = (
    "CredentialsExposure",
    "DataExfiltration",
    "InfrastructureModification",
    "PrivilegeEscalation",
    "ResourceExposure",
    "ServiceWildcard",
)


def check_grammar(evidence: Sequence[Evidence]) -> Outcome:
    """What parliament says of each statement: actions, resources and conditions that fit each other."""
    findings: list[Finding] = []
    evaluated: Counter[tuple[str, str]] = Counter()
    for one in evidence:
        statements = [
            (f"{policy.address}[{statement.get('Sid', number)}]", _about_itself(policy, statement))
            for policy in rendered_policies(one)
            for number, statement in enumerate(policy.statements)
        ]
        evaluated.update({(one.name, "statement"): len(statements)} if statements else {})
        findings += _parliament(one, statements) if statements else []
    return Outcome("parliament", tuple(sorted(set(findings))), evaluated)


def check_privileges(evidence: Sequence[Evidence]) -> Outcome:
    """What cloudsplaining says that the roles could do together with what their policies name."""
    findings: list[Finding] = []
    evaluated: Counter[tuple[str, str]] = Counter()
    for one in evidence:
        policies = {
            policy.address: policy for policy in rendered_policies(one) if policy.of_identity
        }
        evaluated.update({(one.name, risk): len(policies) for risk in _RISKS} if policies else {})
        findings += _cloudsplaining(one, policies) if policies else []
    return Outcome("cloudsplaining", tuple(sorted(set(findings))), evaluated)


def _about_itself(policy: Policy, statement: dict[str, Any]) -> dict[str, Any]:
    """In a trust policy and in a key's, the resource is what the policy is attached to."""
    if not policy.is_trust and policy.resource.type != "aws_kms_key":
        return statement
    return {**statement, "Resource": policy.own_arn}


def _parliament(
    evidence: Evidence, statements: list[tuple[str, dict[str, Any]]]
) -> Iterator[Finding]:
    with TemporaryDirectory(prefix="scan-") as folder:
        asked = Path(folder) / "statements.json"
        asked.write_text(json.dumps([statement for _, statement in statements]))
        output = run_scanner("python", [str(_ASK_PARLIAMENT), str(asked)])
    answers = [read_json("parliament", line) for line in output.splitlines()]
    for (subject, _), told in zip(statements, answers, strict=True):
        for found in told:
            yield Finding(
                "parliament", evidence.name, found["issue"], subject, found["message"], subject
            )


def _cloudsplaining(evidence: Evidence, policies: dict[str, Policy]) -> Iterator[Finding]:
    with TemporaryDirectory(prefix="scan-") as folder:
        account = Path(folder) / "account.json"
        account.write_text(json.dumps(_account(policies)))
        run_scanner("cloudsplaining", ["scan", "-i", str(account), "-s", "-o", folder])
        results = json.loads((Path(folder) / "iam-results-account.json").read_text())
    # It tells of policies that say the same once.
    told = {_text(entry["PolicyDocument"]): entry for entry in results["inline_policies"].values()}
    for address, policy in policies.items():
        entry = told.get(_text(policy.document))
        # What it leaves out, it has not judged.
        if entry is None:
            raise OperatorError(f"cloudsplaining left out {address} of {evidence.name}")
        for risk in _RISKS:
            for found in entry[risk]["findings"]:
                what = found if isinstance(found, str) else found["type"]
                yield Finding(
                    "cloudsplaining",
                    evidence.name,
                    risk,
                    f"{address}[{what}]",
                    "is not limited",
                    f"{risk} {address}",
                )


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


def _account(policies: dict[str, Policy]) -> dict[str, Any]:
    """One role for each policy, in the form of IAM's GetAccountAuthorizationDetails.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
    """
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    roles = [
        {
            "Path": "/",
            "RoleName": f"role-{number}",
            "RoleId": f"AROA{number:017}",
            "Arn": f"arn:aws:iam::000000000000:role/role-{number}",
            "CreateDate": "2020-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "InstanceProfileList": [],
            "RolePolicyList": [{"PolicyName": address, "PolicyDocument": policy.document}],
            "AttachedManagedPolicies": [],
            "Tags": [],
        }
        for number, (address, policy) in enumerate(policies.items())
    ]
    return {"UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": roles}
