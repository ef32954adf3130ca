"""What a killed apply made is imported: only what it had begun, is wanted, and AWS has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from trading.engine import adoption
from trading.engine.adoption import Adoption, adopt, begun_creations
from trading.engine.import_identities import IMPORTABLE, identity_of
from trading.engine.plugins import terraform_environment
from trading.engine.terraform import Terraform

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project

STACK = "data-us-east-1"


def hook(address: str, kind: str, action: str = "create", **more: str) -> str:
    resource = {"addr": address, "resource_type": address.partition(".")[0]}
    message = {
        "type": kind,
        "@message": kind,
        "hook": {"resource": resource, "action": action} | more,
    }
    return json.dumps(message)


def change(address: str, after: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "address": address,
        "type": address.partition(".")[0],
        "change": {"actions": ["create"], "after": after},
    } | more


class Killed:
    """A stack whose apply was killed: what its transcript says, and what a plan would create."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.transcript = folder / "transcript.jsonl"
        self.said: list[str] = []
        self.waited_for: list[str] = []

    def begins(self, *addresses: str) -> None:
        self.writes(*(hook(address, "apply_start") for address in addresses))

    def writes(self, *lines: str) -> None:
        with self.transcript.open("a") as transcript:
            transcript.writelines(f"{line}\n" for line in lines)

    def adopt(self, *changes: dict[str, Any], exists: dict[str, str] | None = None) -> Adoption:
        shown = {"resource_changes": changes}
        self.project.behave(STACK, show=shown, exists=exists or {})
        terraform = Terraform(terraform_environment(), "dev")
        stack, waiting = self.project.stacks[STACK], self.waited_for.append
        return adopt(terraform, stack, [self.transcript], self.said.append, waiting)

    @property
    def imports(self) -> list[list[str]]:
        calls = self.project.calls("import")
        return [call["arguments"][-2:] for call in calls if call["moment"] == "start"]


@pytest.fixture
def killed(project: Project, tmp_path: Path) -> Killed:
    return Killed(project, tmp_path)


def test_what_was_begun_is_read_from_the_transcript(killed: Killed) -> None:
    killed.begins("a.in_flight", "a.answered", "a.refused", "a.again")
    killed.writes(
        hook("a.answered", "apply_complete", id_key="id", id_value="vpc-1"),
        hook("a.refused", "apply_errored"),
        hook("a.again", "apply_errored"),
        hook("a.updated", "apply_start", "update"),
        hook("a.replaced", "apply_start", "delete"),
        hook("a.replaced", "apply_complete", "delete"),
        hook("a.replaced", "apply_start"),
        hook("a.again", "apply_start"),
        "panic: not JSON",
        '{"type": "apply_start", "hook": {"cut o',
    )
    assert begun_creations(killed.transcript) == {
        "a.in_flight": None,
        "a.answered": "vpc-1",
        "a.replaced": None,
        "a.again": None,
    }


def test_nothing_begun_starts_no_terraform(killed: Killed) -> None:
    assert killed.adopt() == Adoption()
    killed.writes(hook("aws_vpc.main", "apply_start", "update"))
    assert killed.adopt() == Adoption()
    assert not killed.project.calls()


def test_what_was_in_flight_is_imported_by_its_planned_name(killed: Killed) -> None:
    killed.begins("aws_s3_bucket.artifacts", "aws_iam_role.monitoring")
    adoption = killed.adopt(
        change("aws_s3_bucket.artifacts", {"bucket": "artifacts-dev"}),
        change("aws_iam_role.monitoring", {"name": "monitoring-dev"}),
        change("aws_iam_role.not_begun", {"name": "other-dev"}),
        exists={"aws_s3_bucket.artifacts": "artifacts-dev"},
    )
    # The role was never made: the next apply makes it.
    assert adoption == Adoption(adopted=("aws_s3_bucket.artifacts",))
    assert killed.imports == [
        ["aws_s3_bucket.artifacts", "artifacts-dev"],
        ["aws_iam_role.monitoring", "monitoring-dev"],
    ]


def test_what_the_state_has_is_left_alone(killed: Killed) -> None:
    killed.begins("aws_s3_bucket.artifacts", "aws_s3_bucket.logs")
    killed.writes(hook("aws_s3_bucket.logs", "apply_complete", id_value="logs-dev"))
    update = change("aws_s3_bucket.logs", {"bucket": "logs-dev"})
    update["change"]["actions"] = ["update"]
    assert killed.adopt(update) == Adoption()
    assert not killed.imports


def test_what_has_no_name_may_be_left_behind(killed: Killed) -> None:
    killed.begins("aws_kms_key.platform", "aws_s3_bucket_policy.artifacts", "unheard_of.thing")
    adoption = killed.adopt(
        change("aws_kms_key.platform", {"description": "the key"}),
        change("aws_s3_bucket_policy.artifacts", {"policy": "{}"}),
        change("unheard_of.thing", {}),
    )
    assert adoption == Adoption(left_behind=("aws_kms_key.platform", "unheard_of.thing"))
    assert not killed.imports


def test_what_was_adopted_makes_known_what_stands_on_it(killed: Killed) -> None:
    """AWS had answered for the API, but its state was not saved yet."""
    api, method = "aws_api_gateway_rest_api.api", "aws_api_gateway_method.post"
    killed.begins(api, method)
    killed.writes(hook(api, "apply_complete", id_key="id", id_value="abc123"))
    adoption = killed.adopt(
        change(method, {"http_method": "POST", "resource_id": "r1"}),
        change(api, {"name": "api"}, then={method: {"rest_api_id": "abc123"}}),
        exists={api: "abc123", method: "abc123/r1/POST"},
    )
    assert adoption == Adoption(adopted=(api, method))


def test_where_terraform_cannot_plan_nothing_is_adopted(killed: Killed) -> None:
    killed.begins("aws_s3_bucket.artifacts")
    terraform = Terraform(terraform_environment(), "dev")
    killed.project.behave(STACK, fail_plan="state is locked")
    stack = killed.project.stacks[STACK]
    assert adopt(terraform, stack, [killed.transcript], killed.said.append) == Adoption()
    assert any("state is locked" in line for line in killed.said)


@pytest.mark.parametrize(
    ("resource_type", "attributes", "identity"),
    [
        ("aws_cloudwatch_log_group", {"name": "/aws/lambda/x"}, "/aws/lambda/x"),
        (
            "aws_route",
            {"route_table_id": "rtb-1", "destination_cidr_block": "0.0.0.0/0"},
            "rtb-1_0.0.0.0/0",
        ),
        ("aws_route", {"destination_cidr_block": "0.0.0.0/0"}, None),
        ("aws_api_gateway_base_path_mapping", {"domain_name": "a.b", "base_path": None}, "a.b/"),
        (
            "aws_route53_record",
            {"zone_id": "Z1", "name": "a.b", "type": "CNAME", "set_identifier": None},
            "Z1_a.b_CNAME",
        ),
        (
            "aws_route53_record",
            {"zone_id": "Z1", "name": "a.b", "type": "A", "set_identifier": "us-east-1"},
            "Z1_a.b_A_us-east-1",
        ),
        ("aws_wafv2_web_acl", {"id": "1", "name": "acl", "scope": "REGIONAL"}, "1/acl/REGIONAL"),
    ],
)
def test_import_identities(
    resource_type: str, attributes: dict[str, Any], identity: str | None
) -> None:
    assert identity_of(IMPORTABLE[resource_type], attributes) == identity


def test_it_waits_for_aws_and_says_so_but_not_for_ever(
    killed: Killed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = "aws_rds_cluster.aurora"
    never = replace(IMPORTABLE["aws_rds_cluster"], being_made=lambda *_: True)
    monkeypatch.setitem(IMPORTABLE, "aws_rds_cluster", never)
    monkeypatch.setattr(adoption, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(adoption, "_PATIENCE_SECONDS", 0.1)
    killed.begins(cluster)
    planned = change(cluster, {"cluster_identifier": "aurora-dev"})
    assert killed.adopt(planned) == Adoption(left_behind=(cluster,))
    assert killed.waited_for == [cluster]
    assert not killed.imports
