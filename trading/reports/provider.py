"""What the AWS provider reports of its own accord, and what an operator need not look at.

A resource's state is written when it is created. What other resources then add to it, and what AWS
settles by itself, Terraform only learns with the next refresh, and would call it drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from trading.reports.comparison import Difference


class Resource(NamedTuple):
    """A managed resource as a state holds it."""

    kind: str
    values: Mapping[str, Any]


# Attributes that AWS changes with no operator behind it, by kind of resource; `*` is any kind.
_CHANGES_BY_ITSELF = {
    # When something was changed last; what was changed is reported beside it.
    "*": ("last_modified", "last_updated_date", "lock_token"),
    # Issued some time after it was asked for, and renewed every year.
    "aws_acm_certificate": (
        "status",
        "not_after",
        "not_before",
        "pending_renewal",
        "renewal_eligibility",
        "renewal_summary",
    ),
    # The secret is still being created when the cluster is there, and AWS rotates it.
    # The final snapshot's name bears the moment of the deployment.
    "aws_rds_cluster": ("master_user_secret[0].secret_status", "final_snapshot_identifier"),
    # Aurora moves the writer when it fails over.
    "aws_rds_cluster_instance": ("writer",),
    # What the function answered when it was invoked, which depends on what it found.
    "aws_lambda_invocation": ("result",),
    # How many times it was published, here or in another region.
    "aws_lambda_function": ("version", "qualified_arn", "qualified_invoke_arn"),
}

# An attribute that another resource sets as a whole: a change shows there.
_SET_ELSEWHERE = {
    ("aws_api_gateway_stage", "web_acl_arn"): "aws_wafv2_web_acl_association.resource_arn",
    ("aws_eip", "association_id"): "aws_nat_gateway.allocation_id",
    ("aws_eip", "network_interface"): "aws_nat_gateway.allocation_id",
    ("aws_eip", "private_dns"): "aws_nat_gateway.allocation_id",
    ("aws_eip", "private_ip"): "aws_nat_gateway.allocation_id",
    ("aws_s3_bucket", "lifecycle_rule"): "aws_s3_bucket_lifecycle_configuration.bucket",
    ("aws_s3_bucket", "logging"): "aws_s3_bucket_logging.bucket",
    ("aws_s3_bucket", "policy"): "aws_s3_bucket_policy.bucket",
    ("aws_s3_bucket", "server_side_encryption_configuration"): (
        "aws_s3_bucket_server_side_encryption_configuration.bucket"
    ),
    ("aws_s3_bucket", "versioning"): "aws_s3_bucket_versioning.bucket",
    ("aws_sns_topic", "policy"): "aws_sns_topic_policy.arn",
    ("aws_sqs_queue", "policy"): "aws_sqs_queue_policy.queue_url",
}

# An attribute that other resources set a part of each. A changed or removed part shows there; one that
# no resource stands for, such as a rule somebody added, shows by their number alone.
_SET_IN_PARTS = {
    ("aws_iam_role", "inline_policy"): "aws_iam_role_policy.role",
    ("aws_iam_role", "managed_policy_arns"): "aws_iam_role_policy_attachment.role",
    ("aws_rds_cluster", "cluster_members"): "aws_rds_cluster_instance.cluster_identifier",
    ("aws_route_table", "route"): "aws_route.route_table_id",
    ("aws_security_group", "egress"): "aws_vpc_security_group_egress_rule.security_group_id",
    ("aws_security_group", "ingress"): "aws_vpc_security_group_ingress_rule.security_group_id",
}

# What AWS fills in and is no name of a thing but says what it is, so that it is compared as a setting is.
CONTENT = frozenset({"ca_cert_identifier", "code_sha256", "engine_version_actual"})

_NAMES = ("id", "name", "arn", "url")


def worth_telling(kind: str, found: Iterable[Difference]) -> Iterator[Difference]:
    """The differences of one resource without what AWS changes by itself, and each tag once."""
    kept = {item.path: item for item in found if not changes_by_itself(kind, item.path)}
    # The provider gives the resource's own tags again among all tags.
    own_tags = {
        f"tags_all.{path.removeprefix('tags.')}" for path in kept if path.startswith("tags.")
    }
    return (item for path, item in kept.items() if path not in own_tags)


def changes_by_itself(kind: str, path: str) -> bool:
    """Whether AWS changes this attribute, or one within it, with no operator behind it."""
    return any(
        path == name or path.startswith((f"{name}.", f"{name}["))
        for name in (*_CHANGES_BY_ITSELF["*"], *_CHANGES_BY_ITSELF.get(kind, ()))
    )


def is_set_elsewhere(
    resource: Resource, attribute: str, configured: Collection[str], stack: Collection[Resource]
) -> bool:
    """Whether other resources of the stack account for the whole of an attribute's value.

    What the resource's own configuration sets is never set elsewhere.
    """
    if attribute in configured:
        return False
    place = (resource.kind, attribute)
    if place in _SET_ELSEWHERE:
        return _setters(resource, _SET_ELSEWHERE[place], stack) > 0
    if place in _SET_IN_PARTS:
        parts = sum(_parts(item) for item in resource.values.get(attribute) or [])
        return _setters(resource, _SET_IN_PARTS[place], stack) == parts
    return False


def _setters(resource: Resource, reference: str, stack: Collection[Resource]) -> int:
    """How many resources of a kind refer to this one by the named attribute."""
    kind, _, attribute = reference.partition(".")
    names = {resource.values.get(name) for name in _NAMES} - {None, ""}
    return sum(other.kind == kind and other.values.get(attribute) in names for other in stack)


def _parts(item: Any) -> int:
    """How many rules an element stands for: the provider gathers all sources of one port in one."""
    if not isinstance(item, dict):
        return 1
    sources = sum(len(value) for value in item.values() if isinstance(value, list))
    return max(1, sources + (item.get("self") is True))
