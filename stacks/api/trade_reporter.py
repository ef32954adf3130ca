"""The function that writes each day's blotter, and its schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import (
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetRetryPolicy,
)
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from cdktf_cdktf_provider_aws.sqs_queue_policy import SqsQueuePolicy
from constructs import Construct

from stacks.api.functions import FunctionDefinition, ServiceFunction
from stacks.api.lambda_package import TRADE_REPORTER_HANDLER
from stacks.policies import Statement, policy, tls_only
from stacks.settings import LAMBDA_LONG_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from cdktf import ITerraformDependable
    from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction
    from cdktf_cdktf_provider_aws.sqs_queue import SqsQueue

    from stacks.api.functions import FunctionContext
    from stacks.base import RegionalStack
    from stacks.data.outputs import DataOutputs

NAME = "trade-reporter"
# The migrator makes it: src/lambda/trade_service/data_access/database_users.py.
DATABASE_USER = "trade_reporter"
# The function's: src/lambda/trade_service/logic/blotter.py.
FOLDER = "blotters"
# UTC, as the days of the blotters; late enough for the last request of the day to have ended.
DAILY = "cron(15 0 * * ? *)"
SECONDS_PER_HOUR = 3600
# As many as EventBridge makes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
RETRIES = 185


def trade_reporter(
    stack: RegionalStack,
    context: FunctionContext,
    data: DataOutputs,
    dead_letters: SqsQueue,
    *,
    after: ITerraformDependable,
) -> LambdaFunction:
    """The function and its schedule; one run at a time."""
    definition = FunctionDefinition(
        name=NAME,
        description="Writes the blotter of the day before to the artifacts bucket",
        handler=TRADE_REPORTER_HANDLER,
        reserved_concurrency=1,
        database_user=DATABASE_USER,
        timeout_seconds=LAMBDA_LONG_TIMEOUT_SECONDS,
        environment={"BLOTTERS_BUCKET": data.artifacts_bucket},
        objects_arn=f"{data.artifacts_bucket_arn}/{FOLDER}/*",
    )
    function = ServiceFunction(stack, definition, context, after=[after]).function
    DailySchedule(stack, function, dead_letters)
    return function


class DailySchedule(Construct):
    """Invokes a function every day; what cannot be delivered goes to the dead-letter queue."""

    def __init__(
        self, stack: RegionalStack, function: LambdaFunction, dead_letters: SqsQueue
    ) -> None:
        super().__init__(stack, "daily-schedule")
        name = stack.named(NAME)
        rule = CloudwatchEventRule(
            self,
            "rule",
            name=name,
            description="Has the blotter of the day before written",
            schedule_expression=DAILY,
            tags={"Name": name},
        )
        invocation = LambdaPermission(
            self,
            "permission",
            statement_id="allow-daily-schedule",
            action="lambda:InvokeFunction",
            function_name=function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            source_account=stack.account_id,
        )
        CloudwatchEventTarget(
            self,
            "target",
            rule=rule.name,
            target_id=NAME,
            arn=function.arn,
            retry_policy=CloudwatchEventTargetRetryPolicy(
                maximum_event_age_in_seconds=6 * SECONDS_PER_HOUR, maximum_retry_attempts=RETRIES
            ),
            dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=dead_letters.arn),
            depends_on=[invocation, self._dead_letters(rule, dead_letters)],
        )

    def _dead_letters(self, rule: CloudwatchEventRule, queue: SqsQueue) -> SqsQueuePolicy:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
        return SqsQueuePolicy(
            self,
            "dead-letters",
            queue_url=queue.url,
            policy=policy(
                tls_only("sqs:*", queue.arn),
                Statement(
                    sid="ScheduleSendsDeadLetters",
                    actions=["sqs:SendMessage"],
                    resources=[queue.arn],
                    principals={"Service": "events.amazonaws.com"},
                    conditions={"ArnEquals": {"aws:SourceArn": rule.arn}},
                ),
            ),
        )
