"""The daily report: who starts it, what it may write, and how it gets there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trade_service.logic import blotter

from stacks.api.trade_reporter import FOLDER
from stacks.settings import ENVIRONMENTS, REGIONS, Environment
from tests.stacks.api.conftest import Resources, allowing, one, statements
from tests.synthesis import Stacks

RULE = "${aws_cloudwatch_event_rule.daily_schedule_rule.arn}"
QUEUE = "${aws_sqs_queue.dead_letters.arn}"
FUNCTION = "${aws_lambda_function.trade_reporter_function.function_name}"


def test_it_is_started_once_a_day_when_the_day_before_is_over(api: Resources) -> None:
    rule = one(api["aws_cloudwatch_event_rule"])
    assert rule["schedule_expression"] == "cron(15 0 * * ? *)"
    target = one(api["aws_cloudwatch_event_target"])
    assert target["arn"] == "${aws_lambda_function.trade_reporter_function.arn}"
    # The event itself reaches the function, which reads the day from its time.
    assert not {"input", "input_path", "input_transformer"} & target.keys()
    assert blotter.SETTLING.total_seconds() < 15 * 60


def test_a_start_that_fails_is_tried_for_hours_and_kept(api: Resources) -> None:
    target = one(api["aws_cloudwatch_event_target"])
    assert target["retry_policy"]["maximum_event_age_in_seconds"] == 6 * 3600
    assert target["dead_letter_config"] == {"arn": QUEUE}
    assert "aws_sqs_queue_policy.daily_schedule_dead_letters" in target["depends_on"]
    assert "aws_lambda_permission.daily_schedule_permission" in target["depends_on"]
    queue = one(api["aws_sqs_queue_policy"])
    assert queue["queue_url"] == "${aws_sqs_queue.dead_letters.url}"
    (statement,) = allowing(queue["policy"])
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == (["sqs:SendMessage"], [QUEUE])
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE}}


def test_only_the_schedule_of_this_account_starts_it(api: Resources) -> None:
    (permission,) = (
        each for each in api["aws_lambda_permission"].values() if each["function_name"] == FUNCTION
    )
    assert permission["principal"] == "events.amazonaws.com"
    assert permission["source_arn"] == RULE
    assert permission["source_account"] == "${data.aws_caller_identity.current.account_id}"


def test_it_may_write_blotters_and_nothing_else(api: Resources) -> None:
    variables = api["aws_lambda_function"]["trade_reporter_function"]["environment"]["variables"]
    assert variables["BLOTTERS_BUCKET"].endswith(".outputs.artifacts_bucket}")
    storing = {}
    for address, role in api["aws_iam_role_policy"].items():
        for statement in statements(role["policy"]):
            for action in statement["Action"]:
                if action.startswith("s3:"):
                    storing[address, action] = statement["Resource"]
    blotters = [
        f"${{data.terraform_remote_state.data_state.outputs.artifacts_bucket_arn}}/{blotter.FOLDER}/*"
    ]
    assert storing == {
        ("trade_reporter_permissions", "s3:GetObject"): blotters,
        ("trade_reporter_permissions", "s3:PutObject"): blotters,
    }


def test_it_uses_the_key_through_s3_and_the_others_do_not(api: Resources) -> None:
    through = {}
    for address, role in api["aws_iam_role_policy"].items():
        for statement in statements(role["policy"]):
            if statement["Action"] == ["kms:GenerateDataKey"]:
                services = statement["Condition"]["StringEquals"]["kms:ViaService"]
                through[address] = [service.split(".")[0] for service in services]
    assert through == {
        "schema_migrator_permissions": ["sqs"],
        "trade_api_permissions": ["sqs"],
        "trade_reporter_permissions": ["s3", "sqs"],
    }


def test_stack_and_function_agree_on_the_folder() -> None:
    assert FOLDER == blotter.FOLDER


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: each.name)
def test_functions_reach_s3_where_they_cannot_reach_the_internet(
    synthesized: Callable[[str], Stacks], environment: Environment
) -> None:
    network: dict[str, Any] = synthesized(environment.name)[f"network-{REGIONS[0].name}"][
        "resource"
    ]
    ways_out = {
        name: rule
        for name, rule in network["aws_vpc_security_group_egress_rule"].items()
        if "cidr_ipv4" in rule or "prefix_list_id" in rule
    }
    if not environment.interface_endpoints:
        assert list(ways_out) == ["security_groups_lambda_to_internet"]
        return
    (way,) = ways_out.values()
    assert way["prefix_list_id"] == "${aws_vpc_endpoint.endpoints_s3.prefix_list_id}"
    assert (way["from_port"], way["to_port"]) == (443, 443)
    assert way["security_group_id"] == "${aws_security_group.security_groups_lambda.id}"


def test_eventbridge_may_use_the_key_for_dead_letters_only(
    synthesized: Callable[[str], Stacks],
) -> None:
    security = synthesized("dev")[f"security-{REGIONS[0].name}"]["resource"]
    (statement,) = (
        each
        for each in statements(one(security["aws_kms_key"])["policy"])
        if each["Principal"] == {"Service": "events.amazonaws.com"}
    )
    context = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:sqs:arn"]
    assert context.startswith("arn:aws:sqs:${local.region}:")
    assert context.endswith(":dead-letters-*")
