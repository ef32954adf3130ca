"""What an environment can turn on, all of it at once: valid to Terraform, and the same in every region."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import REGIONS
from tests.stacks.resources import resources
from tests.stacks.test_global_dns import pretended
from tests.stacks.test_regions_are_equal import LAYERS, comparable
from tests.stacks.test_terraform_accepts import problems
from tests.synthesis import EVERYTHING_ON, Stacks
from trading.engine.import_identities import IMPORTABLE, REPEATABLE

ACCOUNT = "${data.aws_caller_identity.current.account_id}"


@pytest.fixture(scope="module")
def output(synthesized_directory: Callable[[str], Path]) -> Path:
    return synthesized_directory(EVERYTHING_ON)


@pytest.fixture(scope="module")
def stacks(synthesized: Callable[[str], Stacks]) -> Stacks:
    return synthesized(EVERYTHING_ON)


def test_terraform_finds_every_stack_valid(output: Path, tmp_path: Path) -> None:
    directories = sorted((output / "stacks").iterdir())
    assert len(directories) == 14
    assert problems(directories, tmp_path, "dev-pr42") == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_equal_in_every_region(stacks: Stacks, layer: str) -> None:
    first, *others = (comparable(stacks[f"{layer}-{region.name}"]) for region in REGIONS)
    for other in others:
        assert other == first


def test_whatever_is_made_is_named_and_can_be_taken_over(stacks: Stacks) -> None:
    for resource in resources(stacks):
        assert resource.kind in IMPORTABLE.keys() | REPEATABLE, resource
        if "tags" in resource.body:
            assert "dev-pr42" in resource.body["tags"]["Name"], resource


def statements(document: str) -> dict[str, dict[str, Any]]:
    return {each.pop("Sid"): each for each in json.loads(document)["Statement"]}


def test_the_zone_is_signed_by_a_key_for_it_alone(stacks: Stacks) -> None:
    zone = stacks["global-zone"]["resource"]
    key = zone["aws_kms_key"]["dnssec_key"]
    assert (key["customer_master_key_spec"], key["key_usage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    signing_key = zone["aws_route53_key_signing_key"]["dnssec_signing_key"]
    assert signing_key["name"] == "signing_dev_pr42"
    assert signing_key["key_management_service_arn"] == "${aws_kms_key.dnssec_key.arn}"
    assert (
        "aws_route53_key_signing_key.dnssec_signing_key"
        in (zone["aws_route53_hosted_zone_dnssec"]["dnssec_signing"]["depends_on"])
    )
    said = statements(key["policy"])
    for sid, actions in {
        "Route53SignsTheZone": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
        "Route53HoldsGrants": ["kms:CreateGrant"],
    }.items():
        assert said[sid]["Action"] == actions
        assert said[sid]["Principal"] == {"Service": "dnssec-route53.amazonaws.com"}
        assert said[sid]["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
        assert said[sid]["Condition"]["ArnEquals"] == {
            "aws:SourceArn": "${aws_route53_zone.zone.arn}"
        }
    signed = "${aws_route53_key_signing_key.dnssec_signing_key.ds_record}"
    assert stacks["global-zone"]["output"]["ds_record"]["value"] == signed


def test_the_cluster_is_backed_up_and_the_vault_can_go(stacks: Stacks) -> None:
    data = stacks["data-us-west-2"]["resource"]
    vault = data["aws_backup_vault"]["backup_vault"]
    assert vault["force_destroy"] is True
    assert vault["kms_key_arn"] == (
        "${data.terraform_remote_state.security_state.outputs.kms_key_arn}"
    )
    (rule,) = data["aws_backup_plan"]["backup_plan"]["rule"]
    assert rule["lifecycle"] == {"delete_after": 90}
    selection = data["aws_backup_selection"]["backup_cluster"]
    assert selection["resources"] == ["${aws_rds_cluster.aurora_cluster.arn}"]
    trust = statements(data["aws_iam_role"]["backup_role"]["assume_role_policy"])["AssumeRole"]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_a_region_is_healthy_while_reached_and_serving(stacks: Stacks) -> None:
    checks = stacks["global-dns"]["resource"]["aws_route53_health_check"]
    # None asks over HTTPS: Route 53 has no certificate to show.
    assert sorted(each["type"] for each in checks.values()) == sorted(
        3 * ["CALCULATED", "CLOUDWATCH_METRIC", "TCP"]
    )
    health = checks["us_east_2_observed_health"]
    assert health["child_health_threshold"] == 2
    assert health["child_healthchecks"] == [
        "${one(aws_route53_health_check.us_east_2_reached[*].id)}",
        "${one(aws_route53_health_check.us_east_2_serving[*].id)}",
    ]
    serving = checks["us_east_2_serving"]
    assert serving["cloudwatch_alarm_region"] == "us-east-2"
    assert serving["insufficient_data_health_status"] == "LastKnownStatus"
    assert "api_state_api_us_east_2" in serving["cloudwatch_alarm_name"]
    assert "failing_alarm_name" in serving["cloudwatch_alarm_name"]
    for each in checks.values():
        assert "local.absent" in each["count"]
    record = stacks["global-dns"]["resource"]["aws_route53_record"]["us_east_2_latency"]
    used = "${one(aws_route53_health_check.us_east_2_observed_health[*].id)}"
    assert record["health_check_id"] == used


OBSERVED_AND_GONE = """
run "deployed" {
  assert {
    condition     = length(output.health_check_ids["us-west-2"]) > 0
    error_message = "the region is not watched"
  }
}

run "gone" {
  variables {
    drained_regions = ["us-west-2"]
    absent_regions  = ["us-west-2"]
  }
  plan_options { replace = [terraform_data.routing] }
  assert {
    condition     = output.health_check_ids["us-west-2"] == null
    error_message = "the absent region is still watched"
  }
  assert {
    condition     = output.health_check_ids["us-east-1"] == run.deployed.health_check_ids["us-east-1"]
    error_message = "the health check of another region was replaced"
  }
}
"""


def test_an_absent_region_is_not_observed(stacks: Stacks, tmp_path: Path) -> None:
    global_dns = pretended(stacks["global-dns"], tmp_path, "dev-pr42")
    global_dns.publish(*(region.name for region in REGIONS))
    result = global_dns.test(OBSERVED_AND_GONE)
    assert result.returncode == 0, result.stdout + result.stderr
