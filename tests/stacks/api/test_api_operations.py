"""The API layer's names, firewall, alarms and dashboard."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from cdktf import App, TerraformStack

from stacks.api import ApiOutputs, ApiStack
from stacks.settings import ENVIRONMENTS, REGIONS, Environment, Workspace
from tests.stacks.api.conftest import Resources, allowing, one


def test_domains_speak_tls_1_2_with_the_certificate_once_it_is_issued(api: Resources) -> None:
    shared = "${data.terraform_remote_state.global_dns_state_global_zone.outputs.api_domain}"
    domains = api["aws_api_gateway_domain_name"]
    assert {each["domain_name"] for each in domains.values()} == {
        shared,
        f"${{local.region}}.{shared}",
    }
    for domain in domains.values():
        assert domain["security_policy"] == "TLS_1_2"
        assert domain["endpoint_configuration"] == {"types": ["REGIONAL"]}
        assert "aws_acm_certificate_validation." in domain["regional_certificate_arn"]
    certificate = one(api["aws_acm_certificate"])
    assert certificate["domain_name"] == shared
    assert certificate["subject_alternative_names"] == [
        f"{region.name}.{shared}" for region in REGIONS
    ]
    for mapping in api["aws_api_gateway_base_path_mapping"].values():
        assert mapping["stage_name"] == "${aws_api_gateway_stage.rest_stage.stage_name}"
        assert "base_path" not in mapping


def test_the_firewall_limits_and_logs_without_signatures(
    api: Resources, environment: Environment
) -> None:
    acl = one(api["aws_wafv2_web_acl"])
    rules = sorted(acl["rule"], key=lambda rule: rule["priority"])
    limit = rules[0]["statement"]["rate_based_statement"]["limit"]
    assert limit == environment.web_acl_requests_per_five_minutes
    managed = [rule["statement"]["managed_rule_group_statement"] for rule in rules[1:]]
    assert [group["name"] for group in managed] == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesAnonymousIpList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
    ]
    # All of them refuse; but clients may be at a hosting provider, and a batch is longer than 8 KB.
    assert all(rule["override_action"] == {"none": {}} for rule in rules[1:])
    counting = [group["rule_action_override"] for group in managed if len(group) > 2]
    assert [[rule["name"] for rule in rules] for rules in counting] == [
        ["HostingProviderIPList"],
        ["SizeRestrictions_BODY"],
    ]
    assert all(rule["action_to_use"] == {"count": {}} for rules in counting for rule in rules)
    stage = "${aws_api_gateway_stage.rest_stage.arn}"
    assert one(api["aws_wafv2_web_acl_association"])["resource_arn"] == stage
    logging = one(api["aws_wafv2_web_acl_logging_configuration"])
    assert logging["redacted_fields"] == [
        {"single_header": {"name": "authorization"}},
        {"query_string": {}},
        {"uri_path": {}},
    ]
    name = api["aws_cloudwatch_log_group"]["firewall_log"]["name"]
    assert name.startswith("aws-waf-logs-")


def test_every_alarm_reaches_the_topic_and_silence_of_clients_is_no_fault(api: Resources) -> None:
    alarms = api["aws_cloudwatch_metric_alarm"].values()
    assert {each["metric_name"] for each in alarms} >= {
        "5XXError",
        "Latency",
        "Errors",
        "Throttles",
        "ApproximateNumberOfMessagesVisible",
        "CPUUtilization",
        "AuroraReplicaLagMaximum",
    }
    for alarm in alarms:
        assert alarm["alarm_actions"] == ["${aws_sns_topic.alarms_topic.arn}"]
        if alarm["dimensions"].get("service") != "trade-reporter":
            assert alarm["treat_missing_data"] == "notBreaching"
        assert 1 <= alarm["datapoints_to_alarm"] <= alarm["evaluation_periods"]
        assert ("statistic" in alarm) != ("extended_statistic" in alarm)
        if alarm["namespace"] == "AWS/RDS":
            assert list(alarm["dimensions"]) == ["DBClusterIdentifier"]


def test_only_alarms_of_this_account_publish(api: Resources) -> None:
    (statement,) = allowing(one(api["aws_sns_topic_policy"])["policy"])
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == ["sns:Publish"]
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"]


def test_the_dashboard_shows_every_alarm(api: Resources) -> None:
    widgets = json.loads(one(api["aws_cloudwatch_dashboard"])["dashboard_body"])["widgets"]
    assert {each["properties"]["region"] for each in widgets} == {"${local.region}"}
    shown = {
        arn
        for each in widgets
        for arn in each["properties"].get("annotations", {}).get("alarms", [])
    }
    assert shown == {
        f"${{aws_cloudwatch_metric_alarm.{address}.arn}}"
        for address in api["aws_cloudwatch_metric_alarm"]
    }
    places = {(each["x"], each["y"]) for each in widgets}
    assert len(places) == len(widgets)
    assert all(each["x"] + each["width"] <= 24 for each in widgets)


def test_the_interface_is_published(stack: dict[str, Any]) -> None:
    assert {field.name for field in fields(ApiOutputs)} <= set(stack["output"])


def test_firewall_and_mail_are_settings(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    producers = {
        name: TerraformStack(app, name) for name in ("network", "security", "data", "zone")
    }
    settings = replace(
        ENVIRONMENTS[0], web_acl_requests_per_five_minutes=None, alarm_email="duty@example.com"
    )
    ApiStack(app, Workspace("dev", settings), REGIONS[0], **producers)
    app.synth()
    document = json.loads((tmp_path / "stacks" / "api-us-east-1" / "cdk.tf.json").read_text())
    assert not [kind for kind in document["resource"] if kind.startswith("aws_wafv2")]
    subscription = one(document["resource"]["aws_sns_topic_subscription"])
    assert subscription["protocol"] == "email"
    assert subscription["endpoint"] == "duty@example.com"
