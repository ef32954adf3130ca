"""Who may call the API at all, where an environment limits it: by address, by certificate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cdktf import App, TerraformStack

from stacks.api import ApiStack
from stacks.settings import (
    ENVIRONMENTS,
    REGIONS,
    Environment,
    SettingsError,
    Truststore,
    Workspace,
)
from tests.stacks.api.conftest import Resources, one

DEV = ENVIRONMENTS[0]
TRUSTSTORES = tuple(
    Truststore(region.name, f"s3://company-pki-{region.name}/clients.pem", f"v-{region.name}")
    for region in REGIONS
)


def api_stack(tmp_path: Path, settings: Environment) -> dict[str, Any]:
    app = App(outdir=str(tmp_path))
    producers = {
        name: TerraformStack(app, name) for name in ("network", "security", "data", "zone")
    }
    ApiStack(app, Workspace("dev", settings), REGIONS[0], **producers)
    app.synth()
    document: dict[str, Any] = json.loads(
        (tmp_path / "stacks" / "api-us-east-1" / "cdk.tf.json").read_text()
    )
    return document


def firewall(document: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = one(document["resource"]["aws_wafv2_web_acl"])["rule"]
    return sorted(rules, key=lambda rule: int(rule["priority"]))


def test_everyone_may_call_by_default(api: Resources) -> None:
    assert "aws_wafv2_ip_set" not in api
    for domain in api["aws_api_gateway_domain_name"].values():
        assert "mutual_tls_authentication" not in domain
    assert one(api["aws_api_gateway_rest_api"])["disable_execute_api_endpoint"] is True


def test_only_listed_addresses_do_more_than_ask_for_the_health(tmp_path: Path) -> None:
    cidrs = ("198.51.100.0/24", "2001:db8::/32", "203.0.113.7/32")
    document = api_stack(tmp_path, replace(DEV, allowed_client_cidrs=cidrs))
    sets = document["resource"]["aws_wafv2_ip_set"]
    assert {each["ip_address_version"]: each["addresses"] for each in sets.values()} == {
        "IPV4": ["198.51.100.0/24", "203.0.113.7/32"],
        "IPV6": ["2001:db8::/32"],
    }
    assert {each["name"] for each in sets.values()} == {
        "allowed-clients-ipv4-dev",
        "allowed-clients-ipv6-dev",
    }
    first, *others = firewall(document)
    assert first["action"] == {"block": {}}
    (welcome,) = first["statement"]["not_statement"]["statement"]
    *addresses, health = welcome["or_statement"]["statement"]
    assert [each["ip_set_reference_statement"]["arn"] for each in addresses] == [
        f"${{aws_wafv2_ip_set.{address}.arn}}" for address in sets
    ]
    matches = [each["regex_match_statement"] for each in health["and_statement"]["statement"]]
    assert [(each["field_to_match"], each["regex_string"]) for each in matches] == [
        ({"method": {}}, "^GET$"),
        ({"uri_path": {}}, "^(/dev)?/health$"),
    ]
    assert len({rule["priority"] for rule in (first, *others)}) == 1 + len(others)


def test_only_versions_of_ip_in_the_list_have_a_set(tmp_path: Path) -> None:
    document = api_stack(tmp_path, replace(DEV, allowed_client_cidrs=("198.51.100.0/24",)))
    assert list(document["resource"]["aws_wafv2_ip_set"]) == ["allowed_clients_ipv4"]


def test_clients_show_a_certificate_by_every_name_and_there_is_no_way_round(
    tmp_path: Path,
) -> None:
    document = api_stack(tmp_path, replace(DEV, mutual_tls=TRUSTSTORES))
    resources = document["resource"]
    domains = resources["aws_api_gateway_domain_name"].values()
    assert len(domains) == 2
    for domain in domains:
        assert domain["security_policy"] == "TLS_1_2"
        assert domain["mutual_tls_authentication"] == {
            "truststore_uri": "${local.truststore_uri}",
            "truststore_version": "${local.truststore_version}",
        }
    assert document["locals"]["truststore_uri"] == "s3://company-pki-us-east-1/clients.pem"
    assert document["locals"]["truststore_version"] == "v-us-east-1"
    assert one(resources["aws_api_gateway_rest_api"])["disable_execute_api_endpoint"] is True


def changed(number: int, **members: str) -> tuple[Truststore, ...]:
    stores = list(TRUSTSTORES)
    stores[number] = replace(stores[number], **members)
    return tuple(stores)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mutual_tls": TRUSTSTORES[:2]}, "give one for each of us-east-1, us-east-2, us-west-2"),
        ({"mutual_tls": (*TRUSTSTORES, TRUSTSTORES[0])}, "give one for each"),
        ({"mutual_tls": changed(1, region="eu-west-1")}, "truststores for eu-west-1"),
        ({"mutual_tls": changed(0, uri="https://pki/clients.pem")}, "use s3://bucket/key"),
        ({"mutual_tls": changed(0, uri="s3://bucket")}, "use s3://bucket/key"),
        ({"mutual_tls": changed(0, uri="s3://Bucket/key")}, "use s3://bucket/key"),
        ({"mutual_tls": changed(2, version="")}, "name the version of s3://company-pki-us-west-2"),
        ({"mutual_tls": changed(0, version="null")}, "turn on the bucket's versions"),
        (
            {"mutual_tls": changed(1, uri="s3://company-pki-us-east-1/other.pem")},
            "us-east-1 and us-east-2 are both in s3://company-pki-us-east-1: use a bucket in each",
        ),
        ({"allowed_client_cidrs": ("198.51.100.0/33",)}, "is no address range"),
        ({"allowed_client_cidrs": ("198.51.100.7/24",)}, "has host bits set"),
        ({"allowed_client_cidrs": ("office",)}, "is no address range"),
        ({"allowed_client_cidrs": ("0.0.0.0/0",)}, "is everyone"),
        ({"allowed_client_cidrs": ("10.0.0.0/8", "::/0")}, "is everyone"),
        ({"allowed_client_cidrs": ("0.0.0.0/1", "128.0.0.0/1")}, "together are everyone"),
        (
            {"allowed_client_cidrs": ("10.0.0.0/8", "::/1", "8000::/2", "c000::/2")},
            "together are everyone",
        ),
        (
            {"allowed_client_cidrs": ("10.0.0.0/8", "::/8", "10.0.0.0/8")},
            "'10.0.0.0/8' is there twice",
        ),
        ({"allowed_client_cidrs": ("203.0.113.7",)}, "write 203.0.113.7/32"),
        (
            {
                "allowed_client_cidrs": ("10.0.0.0/8",),
                "web_acl_requests_per_five_minutes": None,
            },
            "set web_acl_requests_per_five_minutes",
        ),
        ({"dnssec": True, "zone_exists": True}, "sign yours yourself"),
        ({"aws_backup_days": 0}, "aws_backup_days is 0: use 1 to 36500, or None"),
        ({"aws_backup_days": 36501}, "use 1 to 36500, or None"),
        ({"aws_backup_days": True}, "aws_backup_days is True: use 1 to 36500, or None"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_line(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        Workspace("dev", replace(DEV, **change))
    assert reason in str(refused.value)
    assert str(refused.value).startswith("dev: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"aws_backup_days": 1},
        {"aws_backup_days": 36500},
        {"allowed_client_cidrs": ("0.0.0.0/1", "8000::/1", "10.0.0.0/8")},
    ],
)
def test_a_setting_at_its_limits_is_taken(change: dict[str, Any]) -> None:
    Workspace("dev", replace(DEV, **change))


def test_the_failing_alarm_tells_what_keeps_clients_away(stack: dict[str, Any]) -> None:
    alarm = stack["resource"]["aws_cloudwatch_metric_alarm"]["alarms_api_failing"]
    assert (alarm["metric_name"], alarm["threshold"]) == ("5XXError", 0.5)
    # Route 53 takes no percentile, and no "m of n".
    assert alarm["statistic"] == "Average"
    assert alarm["datapoints_to_alarm"] == alarm["evaluation_periods"] == 2
    name = "${aws_cloudwatch_metric_alarm.alarms_api_failing.alarm_name}"
    assert stack["output"]["failing_alarm_name"]["value"] == name
