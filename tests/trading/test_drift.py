"""Drift: what is told, what is left out and why, and how the verb ends."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.trading.refreshed_plans import drifted, held, plan_of
from trading.cli import main
from trading.engine import engine
from trading.engine.graph import Graph
from trading.reports.comparison import Secret, differences, shortened, simplified
from trading.reports.drift import Drift, drift_of

if TYPE_CHECKING:
    from typer.testing import Result

    from .conftest import Project

VPC = "aws_vpc.vpc"


def compared(was: Any, now: Any) -> list[tuple[str, Any, Any]]:
    found = differences({"was": simplified(was), "is": simplified(now)}, {})
    return [(item.path, item.views["was"], item.views["is"]) for item in found]


def told(plan: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(drift.address, drift.attribute) for drift in drift_of(plan)]


# What is compared


def test_an_attribute_is_named_with_both_values() -> None:
    assert compared({"a": 1, "b": {"c": "x"}}, {"a": 1, "b": {"c": "y"}}) == [("b.c", "x", "y")]


def test_an_element_of_a_block_is_named_by_its_number() -> None:
    was = {"rule": [{"days": 90, "id": "expire"}]}
    now = {"rule": [{"days": 30, "id": "expire"}]}
    assert compared(was, now) == [("rule[0].days", 90, 30)]


def test_of_a_list_only_what_came_and_went_is_told() -> None:
    assert compared({"ports": [80, 443]}, {"ports": [22, 80, 443]}) == [("ports", None, [22])]
    assert compared({"ports": [80, 443]}, {"ports": [443]}) == [("ports", [80], None)]


def test_of_equally_many_elements_only_the_changed_one_is_told() -> None:
    rules = [{"port": 80, "to": "a"}, {"port": 443, "to": "a"}]
    assert compared({"rule": rules}, {"rule": [rules[1], {"port": 80, "to": "b"}]}) == [
        ("rule[0].to", "a", "b")
    ]


def test_the_same_element_twice_is_not_the_same_as_once() -> None:
    assert compared({"ports": [80, 80]}, {"ports": [80]}) == [("ports", [80], None)]


@pytest.mark.parametrize("unset", [None, "", [], {}])
def test_what_is_unset_is_the_same_however_the_provider_writes_it(unset: Any) -> None:
    assert compared({"a": None, "b": {"c": unset}}, {"a": unset, "b": {}}) == []


@pytest.mark.parametrize(("was", "now"), [(None, False), (None, 0), ("", "x"), ({}, {"a": 1})])
def test_what_is_set_is_not_unset(was: Any, now: Any) -> None:
    assert len(compared({"a": was}, {"a": now})) == 1


def test_a_policy_is_compared_as_a_document() -> None:
    was = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject"}]}'
    same = '{ "Statement": [ {"Action": "s3:GetObject", "Effect": "Allow"} ], "Version": "2012-10-17" }'
    other = same.replace("s3:GetObject", "s3:*")
    assert compared({"policy": was}, {"policy": same}) == []
    assert compared({"policy": was}, {"policy": other}) == [
        ("policy.Statement[0].Action", "s3:GetObject", "s3:*")
    ]


def test_a_text_that_only_looks_like_a_document_is_a_text() -> None:
    assert compared({"a": "{not json"}, {"a": "{not json either"}) == [
        ("a", "{not json", "{not json either")
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, values)
def test_differences_are_found_exactly_where_values_differ(was: Any, now: Any) -> None:
    assert compared(was, was) == []
    there = compared(was, now)
    assert len(there) == len(compared(now, was))
    assert all(before != after for _, before, after in there)
    if not any(isinstance(item, list) for item in _within(simplified(was))):
        assert bool(there) == (simplified(was) != simplified(now))


def _within(value: Any) -> list[Any]:
    members = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return [value]
    return [value, *(item for member in members for item in _within(member))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (False, "false"),
        ("mine", "mine"),
        (Secret("s3cret"), "(sensitive)"),
        ([{"to": 22, "key": Secret("s3cret")}], '[{"to": 22, "key": "(sensitive)"}]'),
        ("arn:aws:kms:" + "x" * 50 + "/the-key", f"arn:aws:kms:{'x' * 12}...{'x' * 16}/the-key"),
    ],
)
def test_a_value_is_shown_short_and_without_secrets(value: Any, text: str) -> None:
    assert shortened(value) == text


# What is told of a stack


def test_a_changed_attribute_is_told() -> None:
    plan = plan_of(drift=[drifted(VPC, {"id": "vpc-1", "a": True}, {"id": "vpc-1", "a": False})])
    assert drift_of(plan) == [Drift(VPC, "a", was=True, is_now=False)]


def test_a_deleted_resource_is_told_as_deleted() -> None:
    [found] = drift_of(plan_of(drift=[drifted(VPC, {"id": "vpc-1"}, None)]))
    assert (found.address, found.attribute) == (VPC, None)
    assert found.as_json("network-us-east-1")["action"] == "delete"


def test_a_tag_is_told_once() -> None:
    before = {"tags": {"Name": "a"}, "tags_all": {"Name": "a", "Layer": "network"}}
    after = {"tags": {"Name": "b"}, "tags_all": {"Name": "b", "Layer": "network"}}
    assert told(plan_of(drift=[drifted(VPC, before, after)])) == [(VPC, "tags.Name")]


def test_a_tag_of_all_resources_is_told_where_it_is() -> None:
    before = {"tags": {"Name": "a"}, "tags_all": {"Name": "a", "Layer": "network"}}
    after = {"tags": {"Name": "a"}, "tags_all": {"Name": "a"}}
    assert told(plan_of(drift=[drifted(VPC, before, after)])) == [(VPC, "tags_all.Layer")]


def test_a_secret_is_compared_and_not_shown() -> None:
    entry = drifted(
        "aws_x.x",
        {"password": "old", "user": "a"},
        {"password": "new", "user": "a"},
        before_sensitive={"password": True},
        after_sensitive={"password": True},
    )
    [found] = drift_of(plan_of(drift=[entry]))
    assert found.attribute == "password"
    assert json.dumps(found.as_json("data")).count("(sensitive)") == 2
    assert "old" not in json.dumps(found.as_json("data"))


def test_what_aws_changes_by_itself_is_not_told() -> None:
    entries = [
        drifted("aws_acm_certificate.c", {"status": "PENDING_VALIDATION"}, {"status": "ISSUED"}),
        drifted("aws_lambda_function.f", {"last_modified": "2025"}, {"last_modified": "2026"}),
        drifted(
            "aws_rds_cluster.c",
            {"master_user_secret": [{"secret_status": "creating"}]},
            {"master_user_secret": [{"secret_status": "active"}]},
        ),
    ]
    assert told(plan_of(drift=entries)) == []


def test_what_is_named_like_it_on_another_resource_is_told() -> None:
    entry = drifted("aws_kms_key.k", {"status": "Enabled"}, {"status": "Disabled"})
    assert told(plan_of(drift=[entry])) == [("aws_kms_key.k", "status")]


def test_a_numbered_resource_has_the_configuration_of_all_its_numbers() -> None:
    record = held("aws_s3_bucket.b[0]", {"versioning": []}, id="b")
    entry = drifted("aws_s3_bucket.b[0]", SUSPENDED, ENABLED)
    found = told(plan_of(record, VERSIONING, drift=[entry]))
    assert found == [("aws_s3_bucket.b[0]", "versioning[0].enabled")]


BUCKET = "aws_s3_bucket.b"
SUSPENDED, ENABLED = ({"id": "b", "versioning": [{"enabled": flag}]} for flag in (False, True))
VERSIONING = held("aws_s3_bucket_versioning.v", {"bucket": "b"}, id="b")


def test_what_another_resource_sets_is_told_there_alone() -> None:
    bucket = held(BUCKET, {"bucket": "b"}, **ENABLED)
    entry = drifted(BUCKET, SUSPENDED, ENABLED)
    assert told(plan_of(bucket, VERSIONING, drift=[entry])) == []


def test_what_no_other_resource_sets_is_told() -> None:
    entry = drifted(BUCKET, SUSPENDED, ENABLED)
    of_another = held("aws_s3_bucket_versioning.v", {"bucket": "another"})
    assert told(plan_of(of_another, drift=[entry])) == [(BUCKET, "versioning[0].enabled")]


def test_what_its_own_configuration_sets_is_told() -> None:
    bucket = held(BUCKET, {"bucket": "b", "versioning": []}, **ENABLED)
    entry = drifted(BUCKET, SUSPENDED, ENABLED)
    assert told(plan_of(bucket, VERSIONING, drift=[entry])) == [(BUCKET, "versioning[0].enabled")]


GROUP = "aws_security_group.database"
MYSQL = {"from_port": 3306, "security_groups": ["sg-2"], "cidr_blocks": [], "self": False}
SSH = {"from_port": 22, "security_groups": [], "cidr_blocks": ["0.0.0.0/0"], "self": False}
RULE = held(
    "aws_vpc_security_group_ingress_rule.mysql",
    {"security_group_id": "sg-1", "referenced_security_group_id": "sg-2"},
)


def group_with(*rules: dict[str, Any]) -> dict[str, Any]:
    return drifted(GROUP, {"id": "sg-1", "ingress": []}, {"id": "sg-1", "ingress": [*rules]})


def test_rules_that_are_resources_of_ours_are_not_told_of_their_group() -> None:
    assert told(plan_of(RULE, drift=[group_with(MYSQL)])) == []


def test_a_rule_that_somebody_added_is_told() -> None:
    assert told(plan_of(RULE, drift=[group_with(MYSQL, SSH)])) == [(GROUP, "ingress")]


def test_a_source_that_somebody_added_to_a_rule_is_told() -> None:
    wider = MYSQL | {"cidr_blocks": ["0.0.0.0/0"]}
    assert told(plan_of(RULE, drift=[group_with(wider)])) == [(GROUP, "ingress")]
    itself = MYSQL | {"self": True}
    assert told(plan_of(RULE, drift=[group_with(itself)])) == [(GROUP, "ingress")]


def test_a_rule_that_names_the_group_as_its_source_is_not_one_of_the_group() -> None:
    out = held(
        "aws_vpc_security_group_ingress_rule.other",
        {"security_group_id": "sg-2", "referenced_security_group_id": "sg-1"},
    )
    assert told(plan_of(RULE, out, drift=[group_with(MYSQL, SSH)])) == [(GROUP, "ingress")]


# The verb


@pytest.fixture
def deployed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(
        engine, "synthesize", lambda name: Graph.read(project.work / name / "cdktf.out")
    )
    project.deploy_state("security-us-east-1", "network-us-east-1", "network-us-west-2")
    return project


def trading(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["drift", "--env", "dev", *arguments])


CHANGED = plan_of(drift=[drifted(VPC, {"tags": {"Name": "vpc-dev"}}, {"tags": {"Name": "mine"}})])


def test_no_drift_exits_with_0(deployed: Project) -> None:
    result = trading()
    assert (result.exit_code, result.stdout) == (0, "no drift in 3 stacks\n")


def test_only_deployed_stacks_are_looked_at_and_nothing_is_changed_or_locked(
    deployed: Project,
) -> None:
    trading()
    plans = [call for call in deployed.calls("plan") if call["moment"] == "start"]
    assert {call["stack"] for call in plans} == {
        "security-us-east-1",
        "network-us-east-1",
        "network-us-west-2",
    }
    for call in plans:
        assert {"-refresh-only", "-lock=false"} <= set(call["arguments"])
    assert not deployed.calls("apply")


def test_the_provider_is_not_loaded_again_where_nothing_changed(deployed: Project) -> None:
    deployed.behave("network-us-west-2", show=CHANGED)
    trading()
    assert {call["stack"] for call in deployed.calls("show")} == {"network-us-west-2"}


def test_no_plan_is_left_behind(deployed: Project) -> None:
    deployed.behave("network-us-west-2", show=CHANGED)
    trading()
    [out] = {
        argument.removeprefix("-out=")
        for call in deployed.calls("plan")
        if call["stack"] == "network-us-west-2"
        for argument in call["arguments"]
        if argument.startswith("-out=")
    }
    assert not os.path.exists(out)  # noqa: PTH110 - it is a text


def test_drift_exits_with_2_and_names_stack_address_attribute_and_values(
    deployed: Project,
) -> None:
    deployed.behave("network-us-west-2", show=CHANGED)
    result = trading()
    assert result.exit_code == 2
    [row] = [line for line in result.stdout.splitlines() if VPC in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["network-us-west-2", VPC, "tags.Name", "vpc-dev", "mine"]


def test_the_selected_stacks_alone_are_looked_at(deployed: Project) -> None:
    deployed.behave("network-us-west-2", show=CHANGED)
    assert trading("--region", "us-east-1").exit_code == 0
    assert trading("network-us-west-2").exit_code == 2


def test_as_json_it_is_whole(deployed: Project) -> None:
    long = "x" * 500
    entry = drifted(VPC, {"tags": {"Name": "vpc-dev"}}, {"tags": {"Name": long}})
    deployed.behave("network-us-west-2", show=plan_of(drift=[entry]))
    result = trading("--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "drift": [
            {
                "stack": "network-us-west-2",
                "address": VPC,
                "action": "update",
                "attribute": "tags.Name",
                "was": "vpc-dev",
                "is": long,
            }
        ],
        "not_examined": {},
    }


def test_a_stack_that_cannot_be_examined_is_named_beside_the_drift_of_others(
    deployed: Project,
) -> None:
    deployed.behave("network-us-west-2", show=CHANGED)
    deployed.behave("security-us-east-1", fail_plan="AccessDenied: not you")
    result = trading("--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert [item["stack"] for item in shown["drift"]] == ["network-us-west-2"]
    assert shown["not_examined"] == {"security-us-east-1": "planning Fake: AccessDenied: not you"}
    [line] = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "security-us-east-1 could not be examined: planning Fake: AccessDenied" in line
    assert "security-us-east-1.log" in line


def test_nothing_deployed_is_refused(deployed: Project) -> None:
    result = trading("--layer", "api")
    assert result.exit_code == 1
    assert (
        "error: none of these stacks is deployed in dev: run `trading deploy --env dev`"
        in result.stderr
    )


def test_ctrl_c_stops_cleanly(deployed: Project) -> None:
    deployed.behave("network-us-east-1", plan_seconds=600)

    def press() -> None:
        deadline = time.monotonic() + 300
        while not any(c["stack"] == "network-us-east-1" for c in deployed.calls("plan")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    result = trading("network-us-east-1", "--json")
    pressing.join()
    assert result.exit_code == 1
    assert json.loads(result.stdout)["not_examined"] == {"network-us-east-1": "interrupted"}
    assert [call["moment"] for call in deployed.calls("plan")] == ["start", "end"]
