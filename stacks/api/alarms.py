"""What wakes someone up: every alarm of the region as data, and the topic that they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription
from constructs import Construct

from stacks.policies import Statement, policy, tls_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.api.metrics import Metric, Watched
    from stacks.base import RegionalStack

MINUTE = 60
HOUR = 60 * MINUTE
# A day, and time for what failed to be tried again. Not one period of a day: a blotter that took a moment
# longer than the one before would be missing for that moment.
HOURS_WITHOUT_BLOTTER = 26
GIBIBYTE = 1024**3
API_FAILING = "api-failing"


@dataclass(frozen=True)
class Alarm:
    """A metric and the bound that it passes in `breaches` of `periods` periods when it alarms.

    `threshold` is in the metric's own unit: a count, a share of 1, percent, milliseconds or bytes.
    `silence` is what no data means: no request is no fault, no report is one, and between two reports
    things are as the last one said.
    """

    name: str
    description: str
    metric: Metric
    threshold: float
    breaches: int = 1
    periods: int = 1
    period_seconds: int = MINUTE
    below: bool = False
    silence: Literal["notBreaching", "breaching", "ignore"] = "notBreaching"


def alarms_of(watched: Watched) -> list[Alarm]:
    """Every alarm of the region, the nearest to the client first."""
    return [
        *_api_alarms(watched),
        *_function_alarms(watched),
        *_request_alarms(watched),
        *_report_alarms(watched),
        *_database_alarms(watched),
    ]


def _api_alarms(watched: Watched) -> list[Alarm]:
    return [
        Alarm(
            "api-server-errors",
            "More than 1 % of the requests end with a 5xx",
            watched.api_metric("5XXError", "Average"),
            threshold=0.01,
            breaches=3,
            periods=5,
        ),
        # Of these numbers alone: Route 53 judges the metric by them itself, and knows of no "2 of 3".
        # https://docs.aws.amazon.com/Route53/latest/APIReference/API_CloudWatchAlarmConfiguration.html
        Alarm(
            API_FAILING,
            "More than half of the requests end with a 5xx",
            watched.api_metric("5XXError", "Average"),
            threshold=0.5,
            breaches=2,
            periods=2,
        ),
        Alarm(
            "api-latency",
            "The slowest 1 % of the requests take more than 3 seconds",
            watched.api_metric("Latency", "p99"),
            threshold=3_000,
            breaches=5,
            periods=5,
        ),
    ]


def _function_alarms(watched: Watched) -> list[Alarm]:
    return [
        Alarm(
            "function-errors",
            "The function crashed or timed out; errors that it knows it answers itself",
            watched.function_metric("Errors"),
            threshold=0,
        ),
        Alarm(
            "function-throttles",
            "Requests were refused because the reserved concurrency is used up",
            watched.function_metric("Throttles"),
            threshold=0,
        ),
        Alarm(
            "function-concurrency",
            "More than 80 % of the reserved concurrency is in use",
            watched.function_metric("ConcurrentExecutions", "Maximum"),
            threshold=0.8 * watched.trade_api_concurrency,
            breaches=3,
            periods=5,
        ),
        Alarm(
            "dead-letters",
            "An asynchronous invocation failed for good and waits in the dead-letter queue",
            watched.queue_metric("ApproximateNumberOfMessagesVisible"),
            threshold=0,
        ),
    ]


def _request_alarms(watched: Watched) -> list[Alarm]:
    return [
        Alarm(
            "database-unavailable",
            "Requests are answered 503 for want of the database",
            watched.request_metric("DatabaseUnavailable"),
            threshold=0,
            breaches=2,
            periods=3,
        ),
        Alarm(
            "database-retries",
            "Requests repeat their work more than once a second, after deadlocks or lost connections",
            watched.request_metric("DatabaseRetries"),
            threshold=60,
            breaches=3,
            periods=5,
        ),
        Alarm(
            "request-latency",
            "The slowest 1 % of the requests take more than one second",
            watched.request_metric("RequestLatency", "p99"),
            threshold=1_000,
            breaches=5,
            periods=5,
        ),
        Alarm(
            "database-latency",
            "The slowest 1 % of the requests wait more than half a second for the database",
            watched.request_metric("DatabaseLatency", "p99"),
            threshold=500,
            breaches=5,
            periods=5,
        ),
    ]


def _report_alarms(watched: Watched) -> list[Alarm]:
    """Of what is measured once a day."""
    return [
        Alarm(
            "blotter-missing",
            "The blotter of the day before was not written",
            watched.report_metric("TradesReported", "SampleCount"),
            threshold=1,
            breaches=HOURS_WITHOUT_BLOTTER,
            periods=HOURS_WITHOUT_BLOTTER,
            period_seconds=HOUR,
            below=True,
            silence="breaching",
        ),
        Alarm(
            "positions-differing",
            "A position is not the sum of its trades",
            watched.report_metric("PositionsDiffering", "Maximum"),
            threshold=0,
            silence="ignore",
        ),
    ]


def _database_alarms(watched: Watched) -> list[Alarm]:
    return [
        Alarm(
            "database-cpu",
            "A database instance is at more than 80 % CPU",
            watched.cluster_metric("CPUUtilization", "Maximum"),
            threshold=80,
            breaches=10,
            periods=15,
        ),
        Alarm(
            "database-replica-lag",
            "Reads are more than one second behind writes",
            watched.cluster_metric("AuroraReplicaLagMaximum", "Maximum"),
            threshold=1_000,
            breaches=3,
            periods=5,
        ),
        Alarm(
            "database-memory",
            "A database instance has less than 1 GiB of its 16 to spare",
            watched.cluster_metric("FreeableMemory", "Minimum"),
            threshold=GIBIBYTE,
            breaches=10,
            periods=15,
            below=True,
        ),
        Alarm(
            "database-connections",
            "A database instance has more than 800 of its 1,000 connections open",
            watched.cluster_metric("DatabaseConnections", "Maximum"),
            threshold=800,
            breaches=3,
            periods=5,
        ),
    ]


class Alarms(Construct):
    """The alarms, and the encrypted topic that tells who is on duty."""

    def __init__(
        self,
        stack: RegionalStack,
        alarms: Sequence[Alarm],
        *,
        kms_key_arn: str,
        email: str | None,
    ) -> None:
        super().__init__(stack, "alarms")
        self._stack = stack
        self.topic = self._topic(kms_key_arn)
        if email:
            SnsTopicSubscription(
                self, "email", topic_arn=self.topic.arn, protocol="email", endpoint=email
            )
        made = {alarm.name: self._alarm(alarm) for alarm in alarms}
        self.arns = [alarm.arn for alarm in made.values()]
        self.failing_name = made[API_FAILING].alarm_name

    def _topic(self, kms_key_arn: str) -> SnsTopic:
        name = self._stack.named("alarms")
        account_id = self._stack.account_id
        topic = SnsTopic(
            self, "topic", name=name, kms_master_key_id=kms_key_arn, tags={"Name": name}
        )
        own_alarms = f"arn:aws:cloudwatch:{self._stack.region}:{account_id}:alarm:*"
        SnsTopicPolicy(
            self,
            "topic-policy",
            arn=topic.arn,
            policy=policy(
                tls_only("sns:Publish", topic.arn),
                Statement(
                    sid="AlarmsOfThisAccountPublish",
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    principals={"Service": "cloudwatch.amazonaws.com"},
                    conditions={
                        "StringEquals": {"aws:SourceAccount": account_id},
                        "ArnLike": {"aws:SourceArn": own_alarms},
                    },
                ),
            ),
        )
        return topic

    def _alarm(self, alarm: Alarm) -> CloudwatchMetricAlarm:
        name = self._stack.named(alarm.name)
        return CloudwatchMetricAlarm(
            self,
            alarm.name,
            alarm_name=name,
            alarm_description=alarm.description,
            namespace=alarm.metric.namespace,
            metric_name=alarm.metric.name,
            dimensions=alarm.metric.dimensions,
            period=alarm.period_seconds,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.breaches,
            threshold=alarm.threshold,
            comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            treat_missing_data=alarm.silence,
            alarm_actions=[self.topic.arn],
            ok_actions=[self.topic.arn],
            tags={"Name": name},
            **_statistic(alarm.metric.statistic),
        )


def _statistic(statistic: str) -> dict[str, Any]:
    if not statistic.startswith("p"):
        return {"statistic": statistic}
    # A percentile of a handful of requests says nothing.
    return {"extended_statistic": statistic, "evaluate_low_sample_count_percentiles": "ignore"}
