"""What ministack does differently from AWS, put right: one module per service.

A correction's docstring says what AWS does, with the page that says so.
"""

from __future__ import annotations

from local_aws.corrections import (
    acm,
    api_gateway,
    api_gateway_domains,
    api_gateway_invocation,
    api_gateway_signatures,
    cloudwatch,
    ec2,
    gateway,
    iam,
    lambda_runtime,
    outage,
    rds_data,
    rds_databases,
    rds_keys,
    rds_settings,
    rds_snapshots,
    route53,
    route53_query_logs,
    s3_checksums,
    s3_encryption,
    s3_versions,
    waf,
)

__all__ = [
    "acm",
    "api_gateway",
    "api_gateway_domains",
    "api_gateway_invocation",
    "api_gateway_signatures",
    "cloudwatch",
    "ec2",
    "gateway",
    "iam",
    "lambda_runtime",
    "outage",
    "rds_data",
    "rds_databases",
    "rds_keys",
    "rds_settings",
    "rds_snapshots",
    "route53",
    "route53_query_logs",
    "s3_checksums",
    "s3_encryption",
    "s3_versions",
    "waf",
]
