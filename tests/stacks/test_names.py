"""Every name carries the environment suffix, and none is taken twice where AWS wants it unique."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from itertools import combinations

import pytest

from stacks.network.addresses import address_plan
from stacks.settings import (
    ENVIRONMENTS,
    FOUNDATION_WORKSPACE,
    REGIONS,
    Workspace,
    parse_workspace,
)
from tests.stacks.resources import Resource, resources
from tests.synthesis import Stacks

WORKSPACES = ["dev", "staging", "prod", "dev-pr42"]
BESIDE_EACH_OTHER = [*WORKSPACES, FOUNDATION_WORKSPACE]

# The argument that names a resource of a kind, where it has one. Kinds with a Name tag need none here.
NAME_ARGUMENTS = {
    "aws_api_gateway_authorizer": "name",
    "aws_api_gateway_rest_api": "name",
    "aws_backup_plan": "name",
    "aws_backup_vault": "name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_log_resource_policy": "policy_name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_db_subnet_group": "name",
    "aws_iam_role": "name",
    "aws_kms_alias": "name",
    "aws_lambda_function": "function_name",
    "aws_rds_cluster": "cluster_identifier",
    "aws_rds_cluster_instance": "identifier",
    "aws_rds_cluster_parameter_group": "name",
    "aws_route53_zone": "name",
    "aws_s3_bucket": "bucket",
    "aws_security_group": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
    "aws_wafv2_ip_set": "name",
    "aws_wafv2_web_acl": "name",
}
# Where a name is shared by all regions of an account, or by all accounts.
ACCOUNT_WIDE = {"aws_iam_role", "aws_cloudwatch_dashboard"}
WORLD_WIDE = {"aws_s3_bucket"}


def names(stacks: Stacks) -> Iterator[tuple[Resource, str]]:
    """Every resource that has a name, with it."""
    for resource in resources(stacks):
        argument = NAME_ARGUMENTS.get(resource.kind)
        name = (
            resource.body.get(argument) if argument else resource.body.get("tags", {}).get("Name")
        )
        if name:
            yield resource, name


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_every_name_carries_the_suffix(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    bare = {
        f"{resource}: {name}"
        for resource, name in names(synthesized(workspace))
        if workspace not in name
    }
    # The bare alias of the one environment that owns it, in each region.
    expected = 3 if workspace == "prod" else 0
    assert len(bare) == expected, bare
    assert all("bare_alias" in entry for entry in bare)


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_every_nameable_resource_is_named(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    for resource in resources(synthesized(workspace), *NAME_ARGUMENTS):
        assert resource.body.get(NAME_ARGUMENTS[resource.kind]), resource


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_every_tagged_resource_has_a_name_tag(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    for resource in resources(synthesized(workspace)):
        if "tags" in resource.body:
            assert workspace in resource.body["tags"]["Name"], resource


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_default_tags(synthesized: Callable[[str], Stacks], workspace: str) -> None:
    for name, stack in synthesized(workspace).items():
        (provider,) = stack["provider"]["aws"]
        (default,) = provider["default_tags"]
        assert default["tags"] == {
            "Environment": workspace,
            "Region": "${local.region}",
            "Layer": name.rsplit("-us-", 1)[0].replace("global-zone", "global-dns"),
            "Project": "trading",
            "ManagedBy": "terraform",
        }


def _unique_name(resource: Resource, name: str) -> tuple[str, str, str]:
    """Where a name must be unique, and the name as AWS sees it there."""
    region = resource.stack.removeprefix(f"{resource.stack.split('-us-')[0]}-")
    scope = "everywhere" if resource.kind in ACCOUNT_WIDE | WORLD_WIDE else region
    return resource.kind, scope, name.replace("${local.region}", region)


def test_no_name_is_taken_twice_in_an_account(synthesized: Callable[[str], Stacks]) -> None:
    taken = Counter(
        _unique_name(resource, name)
        for workspace in BESIDE_EACH_OTHER
        for resource, name in names(synthesized(workspace))
        if resource.kind in NAME_ARGUMENTS
    )
    assert [name for name, count in taken.items() if count > 1] == []


@pytest.mark.parametrize("workspace", BESIDE_EACH_OTHER)
def test_names_that_all_accounts_share_hold_the_account(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    for resource in resources(synthesized(workspace), *WORLD_WIDE):
        assert "${data.aws_caller_identity.current.account_id}" in resource.body["bucket"]


def test_bucket_names_fit_in_63_characters() -> None:
    longest_suffix = parse_workspace("staging-abcdefghijkl").suffix
    for region in REGIONS:
        assert len(f"access-logs-{'0' * 12}-{region.name}-{longest_suffix}") <= 63


def test_address_ranges_never_overlap() -> None:
    ranges = [
        IPv4Network(address_plan(Workspace(environment.name, environment).vpc_octet(region)).vpc)
        for environment in ENVIRONMENTS
        for region in REGIONS
    ]
    assert len(ranges) == len(ENVIRONMENTS) * len(REGIONS)
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))


def test_subnets_lie_in_the_vpc_and_never_overlap() -> None:
    plan = address_plan(5)
    subnets = [IPv4Network(cidr) for cidr in (*plan.public, *plan.functions, *plan.database)]
    assert len(subnets) == 9
    assert all(subnet.subnet_of(IPv4Network(plan.vpc)) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
