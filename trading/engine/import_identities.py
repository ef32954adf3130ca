"""By which identity Terraform imports what a killed apply may have made.

Every template is from the section "Import" of the type's page below
https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/ (without `aws_`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

Attributes = Mapping[str, Any]
# Gives the client of a service, in the region of the resource.
Clients = Callable[[str], Any]
# The id, or None where there is none. Raises LookupError where nobody can say.
Finder = Callable[[Clients, Attributes], str | None]


@dataclass(frozen=True)
class Importable:
    """A type of resource. `identity` is a template over its planned attributes and over `id`, which
    only AWS gives: Terraform's transcript has it if the answer arrived, or else `find` asks AWS.
    While `being_made` nothing may change it or stand on it.
    """

    identity: str
    find: Finder | None = None
    being_made: Callable[[Clients, Attributes], bool] | None = None


def identity_of(importable: Importable, attributes: Attributes) -> str | None:
    """The import identity; None where an attribute is not known."""
    known = {name: "" if value is None else value for name, value in attributes.items()}
    try:
        # A record outside any set has no last part.
        return importable.identity.format_map(known).rstrip("_")
    except KeyError:
        return None


def _find_by_tags(prefix: str, clients: Clients, attributes: Attributes) -> str | None:
    """EC2 tags a thing in the very call that makes it; ours have a name that is unique in its kind."""
    tags = attributes["tags_all"]
    filters = [{"Name": "key", "Values": sorted(tags)}]
    found: dict[str, dict[str, str]] = {}
    for page in clients("ec2").get_paginator("describe_tags").paginate(Filters=filters):
        for tag in page["Tags"]:
            found.setdefault(tag["ResourceId"], {})[tag["Key"]] = tag["Value"]
    return _only(
        [
            identifier
            for identifier, theirs in found.items()
            if identifier.startswith(prefix) and theirs == tags
        ]
    )


def _find_rule(is_egress: bool, clients: Clients, attributes: Attributes) -> str | None:
    """Both ends of a connection have a rule of the same name."""
    filters = [{"Name": "group-id", "Values": [attributes["security_group_id"]]}]
    pages = clients("ec2").get_paginator("describe_security_group_rules")
    return _only(
        [
            rule["SecurityGroupRuleId"]
            for page in pages.paginate(Filters=filters)
            for rule in page["SecurityGroupRules"]
            if rule["IsEgress"] is is_egress
            and {tag["Key"]: tag["Value"] for tag in rule.get("Tags", [])} == attributes["tags_all"]
        ]
    )


def _find_api_resource(clients: Clients, attributes: Attributes) -> str | None:
    pages = clients("apigateway").get_paginator("get_resources")
    return _only(
        [
            item["id"]
            for page in pages.paginate(restApiId=attributes["rest_api_id"])
            for item in page["items"]
            if item.get("parentId") == attributes["parent_id"]
            and item.get("pathPart") == attributes["path_part"]
        ]
    )


def _find_web_acl(clients: Clients, attributes: Attributes) -> str | None:
    listed = clients("wafv2").list_web_acls(Scope=attributes["scope"], Limit=100)["WebACLs"]
    return _only([item["Id"] for item in listed if item["Name"] == attributes["name"]])


def _find_ip_set(clients: Clients, attributes: Attributes) -> str | None:
    listed = clients("wafv2").list_ip_sets(Scope=attributes["scope"], Limit=100)["IPSets"]
    return _only([item["Id"] for item in listed if item["Name"] == attributes["name"]])


def _find_query_log(clients: Clients, attributes: Attributes) -> str | None:
    """A zone has one at most."""
    listed = clients("route53").list_query_logging_configs(HostedZoneId=attributes["zone_id"])
    return _only([config["Id"] for config in listed["QueryLoggingConfigs"]])


def _only(found: list[str]) -> str | None:
    if len(found) > 1:
        raise LookupError(f"one of {', '.join(found)}")
    return found[0] if found else None


def _cluster_is_being_made(clients: Clients, attributes: Attributes) -> bool:
    name = attributes["cluster_identifier"]
    answer = clients("rds").describe_db_clusters(DBClusterIdentifier=name)
    return bool(answer["DBClusters"][0]["Status"] == "creating")


def _instance_is_being_made(clients: Clients, attributes: Attributes) -> bool:
    answer = clients("rds").describe_db_instances(DBInstanceIdentifier=attributes["identifier"])
    return bool(answer["DBInstances"][0]["DBInstanceStatus"] == "creating")


def _function_is_being_made(clients: Clients, attributes: Attributes) -> bool:
    name = attributes["function_name"]
    answer = clients("lambda").get_function_configuration(FunctionName=name)
    return bool(answer["State"] == "Pending")


_BY_NAME = Importable("{name}")
_BY_ID = Importable("{id}")


def _tagged(prefix: str) -> Importable:
    return Importable("{id}", partial(_find_by_tags, f"{prefix}-"))


def _rule(*, is_egress: bool) -> Importable:
    return Importable("{id}", partial(_find_rule, is_egress))


IMPORTABLE: dict[str, Importable] = {
    # Their names are taken: made again, AWS refuses them.
    "aws_api_gateway_base_path_mapping": Importable("{domain_name}/{base_path}"),
    "aws_api_gateway_domain_name": Importable("{domain_name}"),
    "aws_api_gateway_method": Importable("{rest_api_id}/{resource_id}/{http_method}"),
    "aws_api_gateway_model": Importable("{rest_api_id}/{name}"),
    "aws_api_gateway_resource": Importable("{rest_api_id}/{id}", _find_api_resource),
    "aws_api_gateway_stage": Importable("{rest_api_id}/{stage_name}"),
    "aws_backup_vault": _BY_NAME,
    "aws_cloudwatch_log_group": _BY_NAME,
    "aws_db_subnet_group": _BY_NAME,
    "aws_iam_role": _BY_NAME,
    "aws_kms_alias": _BY_NAME,
    "aws_lambda_function": Importable("{function_name}", being_made=_function_is_being_made),
    "aws_lambda_permission": Importable("{function_name}/{statement_id}"),
    "aws_rds_cluster": Importable("{cluster_identifier}", being_made=_cluster_is_being_made),
    "aws_rds_cluster_instance": Importable("{identifier}", being_made=_instance_is_being_made),
    "aws_rds_cluster_parameter_group": _BY_NAME,
    "aws_route": Importable("{route_table_id}_{destination_cidr_block}"),
    "aws_route53_hosted_zone_dnssec": Importable("{hosted_zone_id}"),
    "aws_route53_key_signing_key": Importable("{hosted_zone_id},{name}"),
    "aws_route53_record": Importable("{zone_id}_{name}_{type}_{set_identifier}"),
    "aws_route_table_association": Importable("{subnet_id}/{route_table_id}"),
    "aws_s3_bucket": Importable("{bucket}"),
    "aws_wafv2_ip_set": Importable("{id}/{name}/{scope}", _find_ip_set),
    "aws_wafv2_web_acl": Importable("{id}/{name}/{scope}", _find_web_acl),
    # Without a name, and yet most cannot be made again: an address range, a rule, an attachment is taken.
    "aws_eip": _tagged("eipalloc"),
    "aws_flow_log": _tagged("fl"),
    "aws_internet_gateway": _tagged("igw"),
    "aws_nat_gateway": _tagged("nat"),
    "aws_route_table": _tagged("rtb"),
    "aws_security_group": _tagged("sg"),
    "aws_subnet": _tagged("subnet"),
    "aws_vpc": _tagged("vpc"),
    "aws_vpc_endpoint": _tagged("vpce"),
    "aws_vpc_security_group_egress_rule": _rule(is_egress=True),
    "aws_vpc_security_group_ingress_rule": _rule(is_egress=False),
    # Made again they would be there twice: taken over only where the transcript has their id.
    "aws_acm_certificate": _BY_ID,
    "aws_api_gateway_deployment": Importable("{rest_api_id}/{id}"),
    "aws_api_gateway_request_validator": Importable("{rest_api_id}/{id}"),
    "aws_api_gateway_rest_api": _BY_ID,
    "aws_backup_plan": _BY_ID,
    "aws_backup_selection": Importable("{plan_id}|{id}"),
    "aws_kms_key": _BY_ID,
    "aws_route53_health_check": _BY_ID,
    "aws_route53_query_log": Importable("{id}", _find_query_log),
    "aws_route53_zone": _BY_ID,
}

# Made again, AWS gives or overwrites the one that is there: nothing is to be done.
REPEATABLE = frozenset(
    {
        "aws_acm_certificate_validation",
        "aws_api_gateway_account",
        "aws_api_gateway_gateway_response",
        "aws_api_gateway_integration",
        "aws_api_gateway_method_settings",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_event_target",
        "aws_cloudwatch_log_resource_policy",
        "aws_cloudwatch_metric_alarm",
        "aws_default_security_group",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_lambda_invocation",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_logging",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sqs_queue",
        "aws_sqs_queue_policy",
        "aws_wafv2_web_acl_association",
        "aws_wafv2_web_acl_logging_configuration",
        # Nothing in AWS at all.
        "terraform_data",
    }
)
