"""In what is synthesized: each is one change to one stack of dev."""

from __future__ import annotations

from tests.scan.seeds import (
    Document,
    Violation,
    in_item,
    in_statement,
    put,
    remove,
    with_statement,
    without_statement,
)

SECURITY, NETWORK, DATA, API = (
    f"{layer}-us-east-1" for layer in ("security", "network", "data", "api")
)
ZONE = "global-zone"

KEY_POLICY = "aws_kms_key.platform_key.policy"
BUCKET_POLICY = "aws_s3_bucket_policy.artifacts_policy.policy"
CLUSTER = "aws_rds_cluster.aurora_cluster"
WRITER = "aws_rds_cluster_instance.aurora_writer"
FUNCTION = "aws_lambda_function.trade_api_function"
VARIABLES = f"{FUNCTION}.environment.variables"
TRUST = "aws_iam_role.trade_api_role.assume_role_policy"
PERMISSIONS = "aws_iam_role_policy.trade_api_permissions.policy"
TO_INTERNET = "aws_vpc_security_group_egress_rule.security_groups_lambda_to_internet"
FROM_ANYWHERE = {
    "security_group_id": "${aws_security_group.security_groups_lambda.id}",
    "description": "SSH",
    "ip_protocol": "tcp",
    "from_port": 22,
    "to_port": 22,
    "cidr_ipv4": "0.0.0.0/0",
}
WAY_OUT = {
    "route_table_id": "${aws_route_table.database_route_table.id}",
    "destination_cidr_block": "0.0.0.0/0",
    "nat_gateway_id": "${aws_nat_gateway.public_nat_gateway_1.id}",
}
# Put together here, because the tree is scanned for secrets, too.
PASSWORD = "-".join(("c0rrect", "h0rse", "battery"))
ACCESS_KEY = "AKIA" + "Z7YQ4MXW2LRC5VND"

# What scanners of configuration and of secrets must see.
SYNTHESIZED: list[Violation[Document]] = [
    Violation(
        "bucket-open-to-public-acls",
        DATA,
        put("aws_s3_bucket_public_access_block.artifacts_public_access_block.block_public_acls", 0),
        "checkov CKV_AWS_53",
    ),
    Violation(
        "bucket-without-public-access-block",
        DATA,
        remove("aws_s3_bucket_public_access_block.artifacts_public_access_block"),
        "checkov CKV2_AWS_6",
    ),
    Violation(
        "bucket-without-versions",
        DATA,
        remove("aws_s3_bucket_versioning.artifacts_versioning"),
        "checkov CKV_AWS_21",
    ),
    Violation(
        "cluster-not-encrypted",
        DATA,
        put(f"{CLUSTER}.storage_encrypted", False),
        "checkov CKV_AWS_96",
    ),
    Violation(
        "database-publicly-accessible",
        DATA,
        put(f"{WRITER}.publicly_accessible", True),
        "checkov CKV_AWS_17",
    ),
    Violation(
        "log-group-without-key",
        DATA,
        remove("aws_cloudwatch_log_group.aurora_audit_log.kms_key_id"),
        "checkov CKV_AWS_158",
    ),
    Violation(
        "key-without-rotation",
        SECURITY,
        put("aws_kms_key.platform_key.enable_key_rotation", False),
        "checkov CKV_AWS_7",
    ),
    Violation(
        "ssh-open-to-the-world",
        NETWORK,
        put("aws_vpc_security_group_ingress_rule.ssh", FROM_ANYWHERE),
        "checkov CKV_AWS_24",
    ),
    Violation(
        "vpc-without-flow-log",
        NETWORK,
        remove("aws_flow_log.flow_log_vpc"),
        "checkov CKV2_AWS_11",
    ),
    Violation(
        "default-security-group-left-open",
        NETWORK,
        remove("aws_default_security_group.security_groups_default"),
        "checkov CKV2_AWS_12",
    ),
    Violation(
        "method-without-authorization",
        API,
        put("aws_api_gateway_method.rest_definition_post_trades_method.authorization", "NONE"),
        "checkov CKV_AWS_59",
    ),
    Violation(
        "domain-that-speaks-tls-1-0",
        API,
        put("aws_api_gateway_domain_name.shared_domain_name.security_policy", "TLS_1_0"),
        "checkov CKV_AWS_206",
    ),
    Violation(
        "function-outside-the-vpc",
        API,
        remove(f"{FUNCTION}.vpc_config"),
        "checkov CKV_AWS_117",
    ),
    Violation(
        "api-without-firewall",
        API,
        remove("aws_wafv2_web_acl_association.firewall_association"),
        "checkov CKV2_AWS_29",
    ),
    Violation(
        "function-that-any-api-may-invoke",
        API,
        remove("aws_lambda_permission.rest_allow_get_trades.source_arn"),
        "checkov CKV_AWS_364",
    ),
    Violation(
        "zone-without-query-log",
        ZONE,
        remove("aws_route53_query_log.query_log_queries"),
        "checkov CKV2_AWS_39",
    ),
    Violation(
        "engine-version-that-does-not-exist",
        DATA,
        put(f"{CLUSTER}.engine_version", "8.0.mysql_aurora.3.99.0"),
        "cfn-lint E3690",
    ),
    Violation(
        "instance-class-that-the-region-does-not-offer",
        DATA,
        put(f"{WRITER}.instance_class", "db.m1.small"),
        "cfn-lint E3025",
    ),
    Violation(
        "runtime-that-is-deprecated",
        API,
        put(f"{FUNCTION}.runtime", "python3.7"),
        "cfn-lint E2531",
    ),
    Violation(
        "password-in-a-function's-environment",
        API,
        put(f"{VARIABLES}.DATABASE_PASSWORD", PASSWORD),
        "detect-secrets Secret Keyword",
    ),
    Violation(
        "access-key-in-a-function's-environment",
        API,
        put(f"{VARIABLES}.CALLER", ACCESS_KEY),
        "detect-secrets AWS Access Key",
    ),
]

# What a scanner passes because it does not see it: only that it judged less says so.
UNSEEN: list[Violation[Document]] = [
    Violation(
        "rotation-that-nobody-knows",
        SECURITY,
        put("aws_kms_key.platform_key.enable_key_rotation", "${var.rotation}"),
        "checkov CKV_AWS_7",
    ),
    Violation(
        "key-that-is-made-no-times",
        SECURITY,
        put("aws_kms_key.platform_key.count", 0),
        "checkov CKV_AWS_33",
    ),
]

# What scanners do not look for, in what is synthesized of dev.
OWN: list[Violation[Document]] = [
    Violation(
        "rule-of-every-protocol",
        NETWORK,
        put(f"{TO_INTERNET}.ip_protocol", "-1"),
        "tests/security/test_network.py::test_a_rule_is_of_one_port_and_from_group_to_group[dev]",
    ),
    Violation(
        "way-out-for-the-database",
        NETWORK,
        put("aws_route.seeded", WAY_OUT),
        "tests/security/test_network.py::test_the_databases_subnets_lead_nowhere[dev]",
    ),
    Violation(
        "database-that-takes-connections-without-tls",
        DATA,
        in_item(
            "aws_rds_cluster_parameter_group.aurora_parameter_group.parameter",
            "require_secure_transport",
            value="OFF",
        ),
        "tests/security/test_transport.py::test_aurora_takes_no_connection_without_tls[dev]",
    ),
    Violation(
        "bucket-that-answers-plain-http",
        DATA,
        without_statement(BUCKET_POLICY, "RefusePlainHttp"),
        "tests/security/test_transport.py::test_what_holds_data_refuses_plain_http[dev-aws_s3_bucket]",
    ),
    Violation(
        "key-that-is-used-without-a-service",
        SECURITY,
        in_statement(KEY_POLICY, "CallersUseThroughServices", Condition=None),
        "tests/security/test_keys.py::test_each_use_of_a_key_is_bound_by_its_condition[dev]",
    ),
    Violation(
        "role-assumed-for-any-account",
        API,
        in_statement(TRUST, "AssumeRole", Condition=None),
        "tests/security/test_roles.py::test_a_role_is_assumed_by_one_service_for_this_account[dev]",
    ),
    Violation(
        "interfaces-of-other-subnets",
        API,
        without_statement(PERMISSIONS, "NothingOfOtherSubnets"),
        "tests/security/test_roles.py::test_what_is_attached_to_other_subnets_is_not_touched[dev]",
    ),
    Violation(
        "role-that-gives-itself-another",
        API,
        with_statement(
            PERMISSIONS, Action=["iam:PassRole"], Resource=["arn:aws:iam::123456789012:role/*"]
        ),
        "tests/security/test_roles.py::test_no_role_may_become_or_change_another[dev]",
    ),
    Violation(
        "every-user-of-every-database",
        API,
        with_statement(
            PERMISSIONS,
            Action=["rds-db:connect"],
            Resource=["arn:aws:rds-db:us-east-1:123456789012:dbuser:*/*"],
        ),
        "tests/security/test_roles.py::test_a_function_may_do_what_it_needs_and_nothing_else[dev]",
    ),
    Violation(
        "cluster-that-wears-the-functions'-group",
        DATA,
        put(
            f"{CLUSTER}.vpc_security_group_ids",
            ["${data.terraform_remote_state.network_state.outputs.lambda_security_group_id}"],
        ),
        "tests/security/test_network.py::test_the_cluster_wears_the_databases_group_and_no_other[dev]",
    ),
    Violation(
        "network-for-the-function's-code",
        API,
        without_statement(PERMISSIONS, "CodeChangesNoNetwork"),
        "tests/security/test_roles.py::test_the_code_of_a_function_may_use_nothing_of_the_network[dev]",
    ),
    Violation(
        "all-actions-on-all-resources",
        API,
        with_statement(PERMISSIONS, Action=["*"], Resource=["*"]),
        "tests/security/test_policies.py::test_nothing_is_allowed_all_of_a_service[dev]",
    ),
]
