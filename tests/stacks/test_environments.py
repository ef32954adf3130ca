"""What environments and the account decide, beyond sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.synthesis import Stacks, read_stacks, run_app

WITH_EXISTING_ZONE = """
from dataclasses import replace
from stacks import lazy_bindings, settings
lazy_bindings.install()
settings.ENVIRONMENTS = tuple(
    replace(environment, zone_exists=True, base_domain="company.net")
    for environment in settings.ENVIRONMENTS
)
from stacks.platform import synthesize
synthesize("dev-pr42")
"""


def test_functions_leave_by_nat_or_by_endpoints(synthesized: Callable[[str], Stacks]) -> None:
    by_nat, by_endpoints = (
        synthesized(workspace)["network-us-east-1"]["resource"] for workspace in ("dev", "prod")
    )
    assert set(by_nat["aws_vpc_endpoint"]) == {"endpoints_s3"}
    egress = by_nat["aws_vpc_security_group_egress_rule"]
    assert egress["security_groups_lambda_to_internet"]["to_port"] == 443
    assert "security_groups_endpoints" not in by_nat["aws_security_group"]

    assert set(by_endpoints["aws_vpc_endpoint"]) == {
        "endpoints_kms",
        "endpoints_logs",
        "endpoints_s3",
        "endpoints_secretsmanager",
    }
    egress = by_endpoints["aws_vpc_security_group_egress_rule"]
    assert "security_groups_lambda_to_internet" not in egress


def test_auroras_subnets_have_no_way_out(synthesized: Callable[[str], Stacks]) -> None:
    for stack in ("network-us-east-1", "network-us-west-2"):
        network = synthesized("prod")[stack]["resource"]
        table = "${aws_route_table.database_route_table.id}"
        assert table not in [route["route_table_id"] for route in network["aws_route"].values()]
        assert table not in network["aws_vpc_endpoint"]["endpoints_s3"]["route_table_ids"]


def test_a_zone_the_company_has_is_looked_up_and_takes_our_records(tmp_path: Path) -> None:
    result = run_app(tmp_path, "dev-pr42", "-c", WITH_EXISTING_ZONE)
    assert result.returncode == 0, result.stderr
    zone = read_stacks(tmp_path)["global-zone"]
    assert zone["data"]["aws_route53_zone"]["zone"]["name"] == "company.net"
    # Whoever has it logs it.
    assert set(zone["resource"]) == {"aws_acm_certificate", "aws_route53_record"}
    certificate = zone["resource"]["aws_acm_certificate"]["certificate"]
    assert certificate["domain_name"] == "api.dev-pr42.company.net"


def test_the_zone_can_be_made_before_it_is_delegated(synthesized: Callable[[str], Stacks]) -> None:
    assert "aws_acm_certificate_validation" not in synthesized("dev")["global-zone"]["resource"]
    for region in ("us-east-1", "us-east-2", "us-west-2"):
        api = synthesized("dev")[f"api-{region}"]["resource"]
        assert len(api["aws_acm_certificate_validation"]) == 1
