"""The foundation as it is for a repository of GitHub, and what IAM would know of a request."""

from __future__ import annotations

import json
import re
from typing import Any

from stacks.settings import ENVIRONMENTS, GLOBAL_REGION
from tests.supply_chain.simulator import Context, Role
from tests.synthesis import Stack

ACCOUNT = "123456789012"
REPOSITORY = "acme@11/trading@22"
# Called as badly as can be: like the buckets of dev.
STATE_BUCKET = f"state-{ACCOUNT}-acme-dev"
NAMES = [environment.name for environment in ENVIRONMENTS]


WITH_REPOSITORY = (
    "import os, stacks.settings as settings;"
    f" settings.GITHUB_REPOSITORY = {REPOSITORY!r};"
    f" os.environ['TRADING_STATE_BUCKET'] = {STATE_BUCKET!r};"
    " import main; main.main()"
)


def with_settings(changed: str) -> str:
    """The same program, where a mapping changes the settings of the environments it names."""
    change = (
        f" changed = {changed}; from dataclasses import replace;"
        " settings.ENVIRONMENTS = tuple(replace(environment, **changed.get(environment.name, {}))"
        " for environment in settings.ENVIRONMENTS);"
    )
    return WITH_REPOSITORY.replace(" import main;", f"{change} import main;")


def boundary(environment: str) -> str:
    """The boundary of an environment's roles."""
    return f"arn:aws:iam::{ACCOUNT}:policy/deployment/runtime-{environment}"


def filled(text: str, region: str = GLOBAL_REGION) -> str:
    """A name with the account and the region put in, and any other id made up."""
    text = text.replace("${data.aws_caller_identity.current.account_id}", ACCOUNT)
    text = text.replace("${local.region}", region)
    text = text.replace("{account}", ACCOUNT).replace("{region}", region)
    return re.sub(r"\$\{[^}]*\}", "a1b2c3", text)


def policy_texts(foundation: Stack) -> dict[str, str]:
    """The managed policies by address."""
    return {
        address: filled(policy["policy"])
        for address, policy in foundation["resource"]["aws_iam_policy"].items()
    }


def deployment_roles(foundation: Stack) -> dict[str, dict[str, Any]]:
    """The roles of GitHub Actions by their names."""
    return {
        role["name"]: {**role, "address": address}
        for address, role in foundation["resource"]["aws_iam_role"].items()
        if role.get("path") == "/deployment/"
    }


def attached(foundation: Stack, role: str) -> list[str]:
    """The addresses of a role's policies."""
    return [
        attachment["policy_arn"].removeprefix("${one(aws_iam_policy.").removesuffix("[*].arn)}")
        for attachment in foundation["resource"]["aws_iam_role_policy_attachment"].values()
        if attachment["role"] == f"${{one(aws_iam_role.{role}[*].name)}}"
    ]


def roles_of(foundation: Stack) -> dict[str, Role]:
    """Each role of GitHub Actions with the statements of the policies attached to it."""
    texts = policy_texts(foundation)
    return {
        name: Role(
            tuple(
                statement
                for text in (texts[policy] for policy in attached(foundation, role["address"]))
                for statement in json.loads(text)["Statement"]
            )
        )
        for name, role in deployment_roles(foundation).items()
    }


def of(suffix: str, **more: str | list[str]) -> Context:
    """What IAM knows of a request for a thing that has an environment's tags, or gets them."""
    tags = {"Project": "trading", "Environment": suffix}
    named = {
        f"aws:{of}/{name}": value
        for of in ("ResourceTag", "RequestTag")
        for name, value in tags.items()
    }
    return {"aws:RequestedRegion": GLOBAL_REGION, **named, **more}
