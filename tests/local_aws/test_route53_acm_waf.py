"""Route 53, certificates that it validates, and WAF."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client


@pytest.fixture
def route53(client: Client) -> Any:
    return client("route53")


@pytest.fixture
def zone(route53: Any, name: str) -> str:
    created = route53.create_hosted_zone(Name=f"{name}.example.com", CallerReference=name)
    return str(created["HostedZone"]["Id"].rsplit("/", 1)[-1])


def test_health_check_tells_its_checkers_regions(route53: Any, name: str) -> None:
    regions = ["us-east-1", "us-west-2", "eu-west-1"]
    check = route53.create_health_check(
        CallerReference=name,
        HealthCheckConfig={
            "Type": "HTTPS",
            "FullyQualifiedDomainName": "api.example.com",
            "Regions": regions,
        },
    )["HealthCheck"]
    told = route53.get_health_check(HealthCheckId=check["Id"])["HealthCheck"]
    assert told["HealthCheckConfig"]["Regions"] == regions
    parent = route53.create_health_check(
        CallerReference=f"{name}-parent",
        HealthCheckConfig={
            "Type": "CALCULATED",
            "HealthThreshold": 1,
            "ChildHealthChecks": [check["Id"]],
        },
    )["HealthCheck"]
    assert parent["HealthCheckConfig"]["ChildHealthChecks"] == [check["Id"]]


def test_unsigned_zone_says_so(route53: Any, zone: str) -> None:
    assert route53.get_dnssec(HostedZoneId=zone)["Status"]["ServeSignature"] == "NOT_SIGNING"
    with pytest.raises(ClientError, match="NoSuchHostedZone"):
        route53.get_dnssec(HostedZoneId="ZNONE")


def request_certificate(acm: Any, domain: str) -> str:
    answer = acm.request_certificate(
        DomainName=domain,
        SubjectAlternativeNames=[f"us-east-1.{domain}"],
        ValidationMethod="DNS",
        KeyAlgorithm="EC_prime256v1",
    )
    return str(answer["CertificateArn"])


def test_certificate_waits_for_all_its_records(
    client: Client, route53: Any, zone: str, name: str
) -> None:
    domain = f"api.{name}.example.com"
    # As on AWS the records are the same in every region: one zone validates all certificates.
    certificates = {
        region: request_certificate(client("acm", region), domain)
        for region in ("us-east-1", "us-west-2")
    }

    def details() -> list[dict[str, Any]]:
        return [
            client("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
            for region, arn in certificates.items()
        ]

    def add(record: dict[str, str]) -> None:
        change = {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": record["Name"],
                "Type": record["Type"],
                "TTL": 60,
                "ResourceRecords": [{"Value": record["Value"]}],
            },
        }
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})

    assert {detail["KeyAlgorithm"] for detail in details()} == {"EC_prime256v1"}
    records = [option["ResourceRecord"] for option in details()[0]["DomainValidationOptions"]]
    assert len(records) == 2
    add(records[0])
    assert {detail["Status"] for detail in details()} == {"PENDING_VALIDATION"}
    add(records[1])
    assert {detail["Status"] for detail in details()} == {"ISSUED"}


def test_domain_needs_an_issued_certificate(client: Client, name: str) -> None:
    domain = f"api.{name}.example.com"
    arn = request_certificate(client("acm"), domain)
    with pytest.raises(ClientError, match="not issued"):
        client("apigateway").create_domain_name(domainName=domain, regionalCertificateArn=arn)


def test_web_acl_keeps_its_logging_and_description(client: Client, name: str) -> None:
    waf = client("wafv2")
    visibility = {
        "SampledRequestsEnabled": True,
        "CloudWatchMetricsEnabled": True,
        "MetricName": name,
    }
    settings = {
        "Name": name,
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": visibility,
    }
    summary = waf.create_web_acl(**settings, Description="one")["Summary"]
    arn, identity = summary["ARN"], {"Name": name, "Scope": "REGIONAL", "Id": summary["Id"]}
    waf.update_web_acl(
        **settings, Id=summary["Id"], Description="two", LockToken=summary["LockToken"]
    )
    assert waf.get_web_acl(**identity)["WebACL"]["Description"] == "two"

    group = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-test"
    configuration = {"ResourceArn": arn, "LogDestinationConfigs": [group]}
    waf.put_logging_configuration(LoggingConfiguration=configuration)
    told = waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
    assert told["LogDestinationConfigs"] == [group]
    waf.delete_logging_configuration(ResourceArn=arn)
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_logging_configuration(ResourceArn=arn)
