"""What the provider's own schema says of arguments: which takes a key, and which a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import FOUNDATION_WORKSPACE
from tests.security.conftest import ENVIRONMENT_NAMES
from tests.stacks.resources import Resource, resources
from tests.synthesis import Stacks
from tests.terraform import terraform

REGIONAL_KEY = "${data.terraform_remote_state.security_state.outputs.kms_key_arn}"
# Arguments that stay empty, by their last name, because another place has the key.
KEY_IS_ELSEWHERE = {
    # Each instance has it.
    ("aws_rds_cluster", "performance_insights_kms_key_id"),
    # The bucket's encryption is a resource of its own, and it is replicated nowhere.
    ("aws_s3_bucket", "kms_master_key_id"),
    ("aws_s3_bucket", "replica_kms_key_id"),
}
SECRET_NAMES = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|PRIVATE|KEY", re.IGNORECASE)
SECRET_TEXTS = {
    "an access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password in a URL": re.compile(r"://[^/\s:@${}]+:[^/\s:@${}]+@"),
    "a token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|eyJ[A-Za-z0-9_-]{20,}\.eyJ)"),
}


@dataclass(frozen=True)
class Argument:
    """An argument of a kind of resource; `path` names the blocks it lies in, and itself."""

    path: tuple[str, ...]
    is_text: bool
    is_secret: bool

    @property
    def takes_key(self) -> bool:
        return self.is_text and "kms" in self.path[-1]

    def values(self, body: Any) -> Iterator[Any]:
        """The values that a resource has for it, in all blocks that may hold it."""
        yield from _values(body, self.path)


def _values(body: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(body, list):
        for member in body:
            yield from _values(member, path)
    elif not path:
        yield body
    elif isinstance(body, dict) and path[0] in body:
        yield from _values(body[path[0]], path[1:])


def _arguments(block: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Argument]:
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("optional") or attribute.get("required"):
            secret = bool(attribute.get("sensitive") or attribute.get("write_only"))
            yield Argument((*path, name), attribute.get("type") == "string", secret)
    for name, nested in block.get("block_types", {}).items():
        yield from _arguments(nested["block"], (*path, name))


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schemas of all resources of the AWS provider."""
    directory = tmp_path_factory.mktemp("schema")
    source = {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 5.100"}}}
    (directory / "main.tf.json").write_text(json.dumps({"terraform": source}))
    prepared = terraform(directory, "init", "-input=false", "-no-color")
    assert prepared.returncode == 0, prepared.stderr
    answer = terraform(directory, "providers", "schema", "-json")
    (provider,) = json.loads(answer.stdout)["provider_schemas"].values()
    schemas: dict[str, Any] = provider["resource_schemas"]
    return schemas


Arguments = Callable[[Resource], list[Argument]]


@pytest.fixture(scope="session")
def arguments(schema: dict[str, Any]) -> Arguments:
    """The arguments of a resource's kind."""
    known: dict[str, list[Argument]] = {}

    def of(resource: Resource) -> list[Argument]:
        if resource.kind == "terraform_data":
            return []  # Terraform's own: it holds what Terraform is given, and nothing of AWS.
        if resource.kind not in known:
            known[resource.kind] = list(_arguments(schema[resource.kind]["block"]))
        return known[resource.kind]

    return of


def own_keys(stacks: Stacks, resource: Resource) -> set[str]:
    """The keys that a resource may be encrypted with: the region's, or one of its own stack."""
    made = resources({resource.stack: stacks[resource.stack]}, "aws_kms_key")
    return {REGIONAL_KEY, *(f"${{aws_kms_key.{key.address}.arn}}" for key in made)}


def test_whatever_can_have_a_key_of_ours_has_it(everywhere: Stacks, arguments: Arguments) -> None:
    checked = set()
    for resource in resources(everywhere):
        keys = own_keys(everywhere, resource)
        for argument in arguments(resource):
            name = argument.path[-1]
            if argument.takes_key and (resource.kind, name) not in KEY_IS_ELSEWHERE:
                values = list(argument.values(resource.body))
                assert values, f"{resource}: no {name}"
                assert set(values) <= keys, f"{resource}: {name}"
                checked.add(resource.kind)
    assert {
        "aws_cloudwatch_log_group",
        "aws_s3_bucket_server_side_encryption_configuration",
    } <= checked


def test_whatever_can_be_encrypted_without_a_key_is_encrypted(everywhere: Stacks) -> None:
    for bucket in resources(everywhere, "aws_s3_bucket"):
        stack = {bucket.stack: everywhere[bucket.stack]}
        reference = f"${{aws_s3_bucket.{bucket.address}.id}}"
        encrypted = resources(stack, "aws_s3_bucket_server_side_encryption_configuration")
        assert reference in [each.body["bucket"] for each in encrypted], bucket
    for cluster in resources(everywhere, "aws_rds_cluster"):
        assert cluster.body["storage_encrypted"] is True, cluster
    for instance in resources(everywhere, "aws_rds_cluster_instance"):
        assert instance.body["performance_insights_enabled"] is True, instance


def test_no_argument_holds_a_secret(everywhere: Stacks, arguments: Arguments) -> None:
    secret = 0
    for resource in resources(everywhere):
        for argument in arguments(resource):
            if argument.is_secret:
                secret += 1
                found = list(argument.values(resource.body))
                assert not found, f"{resource}: {'.'.join(argument.path)}"
    # The master's password, at least, where there is a database.
    assert secret or not list(resources(everywhere, "aws_rds_cluster"))


def test_no_variable_of_a_function_holds_a_secret(environment: Stacks) -> None:
    functions = list(resources(environment, "aws_lambda_function"))
    assert functions
    for function in functions:
        for name, value in function.body["environment"]["variables"].items():
            if SECRET_NAMES.search(name):
                assert name.endswith("_ARN"), f"{function}: {name}"
                assert value.endswith("secret_arn}"), f"{function}: {name}"


@pytest.mark.parametrize("workspace", [*ENVIRONMENT_NAMES, FOUNDATION_WORKSPACE])
def test_no_file_that_is_synthesized_holds_a_secret(
    synthesized_directory: Callable[[str], Path], workspace: str
) -> None:
    files = [path for path in synthesized_directory(workspace).rglob("*.json") if path.is_file()]
    assert len(files) > 3
    for path in files:
        text = path.read_text()
        for what, pattern in SECRET_TEXTS.items():
            found = pattern.search(text)
            assert found is None, f"{path.name} of {path.parent.name} holds {what}: {found}"
