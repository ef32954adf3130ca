"""A custom domain's state, and the certificates that it asks of clients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_aws.conftest import Client

TRUSTSTORE = {"truststoreUri": "s3://pki/clients.pem", "truststoreVersion": "one"}


@pytest.fixture
def gateway(client: Client) -> Any:
    return client("apigateway")


@pytest.fixture
def certificate(client: Client, name: str) -> str:
    """Issued, because its record is in the zone."""
    domain, acm, route53 = f"{name}.example.com", client("acm"), client("route53")
    asked = acm.request_certificate(DomainName=domain, ValidationMethod="DNS")
    described = acm.describe_certificate(CertificateArn=asked["CertificateArn"])["Certificate"]
    (option,) = described["DomainValidationOptions"]
    record = option["ResourceRecord"]
    zone = route53.create_hosted_zone(Name=domain, CallerReference=name)["HostedZone"]["Id"]
    made = {
        "Name": record["Name"],
        "Type": record["Type"],
        "TTL": 60,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    changes = [{"Action": "CREATE", "ResourceRecordSet": made}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    return str(asked["CertificateArn"])


def test_certificates_of_clients_are_asked_for_changed_and_no_longer_asked_for(
    gateway: Any, certificate: str, name: str
) -> None:
    domain = f"{name}.example.com"
    made = gateway.create_domain_name(domainName=domain, regionalCertificateArn=certificate)
    assert made["domainNameStatus"] == "AVAILABLE"

    def patch(**values: str) -> dict[str, Any]:
        operations = [
            {"op": "replace", "path": f"/mutualTlsAuthentication/{key}", "value": value}
            for key, value in values.items()
        ]
        gateway.update_domain_name(domainName=domain, patchOperations=operations)
        told: dict[str, Any] = gateway.get_domain_name(domainName=domain)
        assert told["domainNameStatus"] == "AVAILABLE"
        return told

    assert patch(**TRUSTSTORE)["mutualTlsAuthentication"] == TRUSTSTORE
    newer = {**TRUSTSTORE, "truststoreVersion": "two"}
    assert patch(truststoreVersion="two")["mutualTlsAuthentication"] == newer
    assert "mutualTlsAuthentication" not in patch(truststoreUri="")


def test_a_domain_can_ask_for_certificates_from_the_start(
    gateway: Any, certificate: str, name: str
) -> None:
    made = gateway.create_domain_name(
        domainName=f"{name}.example.com",
        regionalCertificateArn=certificate,
        mutualTlsAuthentication=TRUSTSTORE,
    )
    assert made["mutualTlsAuthentication"] == TRUSTSTORE
    assert made["domainNameStatus"] == "AVAILABLE"
