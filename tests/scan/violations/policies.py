"""In what a plan knows of policies: each is one change to a function's role."""

from __future__ import annotations

import json

from tests.scan.seeds import UNKNOWN, Document, Violation, in_statement, put, remove, with_statement


def _policy(statement: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# A function's role, as it is planned when every ARN is known.
ROLE: Document = {
    "resource": {
        "aws_iam_role": {
            "function": {
                "arn": "arn:aws:iam::000000000000:role/function-us-east-1-dev",
                "name": "function-us-east-1-dev",
                "assume_role_policy": _policy(
                    {
                        "Sid": "AssumeRole",
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": ["sts:AssumeRole"],
                        "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}},
                    }
                ),
            }
        },
        "aws_iam_role_policy": {
            "function": {
                "name": "what-the-function-needs",
                "role": "function-us-east-1-dev",
                "policy": _policy(
                    {
                        "Sid": "ReadObjects",
                        "Effect": "Allow",
                        "Action": ["s3:GetObject"],
                        "Resource": ["arn:aws:s3:::artifacts-000000000000-us-east-1-dev/*"],
                    }
                ),
            }
        },
    }
}
ROLE_POLICY = "aws_iam_role_policy.function.policy"
ROLE_TRUST = "aws_iam_role.function.assume_role_policy"

# What scanners of policies must see.
PLANNED: list[Violation[Document]] = [
    Violation(
        "secrets-of-everything",
        "role",
        with_statement(ROLE_POLICY, Action=["secretsmanager:GetSecretValue"], Resource=["*"]),
        "checkov CKV_AWS_355",
    ),
    Violation(
        "everything-on-everything",
        "role",
        with_statement(ROLE_POLICY, Action=["*"], Resource=["*"]),
        "checkov CKV_AWS_62",
    ),
    Violation(
        "role-that-anyone-assumes",
        "role",
        in_statement(ROLE_TRUST, "AssumeRole", Principal={"AWS": "*"}),
        "checkov CKV_AWS_60",
    ),
    Violation(
        "action-that-does-not-exist",
        "role",
        in_statement(ROLE_POLICY, "ReadObjects", Action=["s3:GetObjects"]),
        "parliament UNKNOWN_ACTION",
    ),
    Violation(
        "condition-that-the-action-does-not-know",
        "role",
        in_statement(
            ROLE_POLICY,
            "ReadObjects",
            Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
        ),
        "parliament UNKNOWN_CONDITION_FOR_ACTION",
    ),
    Violation(
        "action-that-does-not-fit-its-resource",
        "role",
        in_statement(ROLE_POLICY, "ReadObjects", Resource=["arn:aws:s3:::artifacts"]),
        "parliament RESOURCE_MISMATCH",
    ),
    Violation(
        "way-to-more-rights-through-a-function",
        "role",
        with_statement(
            ROLE_POLICY,
            Action=["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
            Resource=["*"],
        ),
        "cloudsplaining PrivilegeEscalation",
    ),
    Violation(
        "objects-of-every-bucket",
        "role",
        in_statement(ROLE_POLICY, "ReadObjects", Resource=["*"]),
        "cloudsplaining DataExfiltration",
    ),
    Violation(
        "all-actions-of-a-service",
        "role",
        with_statement(ROLE_POLICY, Action=["sqs:*"], Resource=["*"]),
        "cloudsplaining ServiceWildcard",
    ),
]

# What a scanner passes because it does not see it: only that it judged less says so.
UNSEEN: list[Violation[Document]] = [
    Violation(
        "policy-that-a-plan-does-not-know",
        "role",
        put(ROLE_POLICY, UNKNOWN),
        "parliament statement",
    ),
    Violation(
        "policy-that-no-one-has",
        "role",
        remove("aws_iam_role_policy.function"),
        "cloudsplaining PrivilegeEscalation",
    ),
]
