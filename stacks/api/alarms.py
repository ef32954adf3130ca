"""What wakes someone up: every alarm of the region as data, and the topic that they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription
from constructs import Construct

from stacks.policies import Statement, policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import RegionalStack

MINUTE = 60
GIBIBYTE = 1024**3


@dataclass(frozen=True)
class Metric:
    """One metric of one thing, as CloudWatch knows it. A percentile such as `p99` is a statistic too."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str


@dataclass(frozen=True)
class Alarm:
    """A metric and the bound that it passes in `breaches` of `minutes` minutes when it alarms.

    `threshold` is in the metric's own unit: a count, a share of 1, percent, milliseconds or bytes.
    """

    name: str
    description: str
    metric: Metric
    threshold: float
    breaches: int = 1
    minutes: int = 1
    below: bool = False


@dataclass(frozen=True)
class Watched:
    """The names by which CloudWatch knows what is watched."""

    function: str
    function_concurrency: int
    api: str
    stage: str
    dead_letter_queue: str
    cluster: str

    def function_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """A metric of the function that answers requests."""
        return Metric("AWS/Lambda", name, {"FunctionName": self.function}, statistic)

    def api_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """A metric of the API's stage."""
        dimensions = {"ApiName": self.api, "Stage": self.stage}
        return Metric("AWS/ApiGateway", name, dimensions, statistic)

    def queue_metric(self, name: str, statistic: str = "Maximum") -> Metric:
        """A metric of the dead-letter queue."""
        return Metric("AWS/SQS", name, {"QueueName": self.dead_letter_queue}, statistic)

    def cluster_metric(self, name: str, statistic: str = "Average") -> Metric:
        """A metric over all instances of the Aurora cluster."""
        return Metric("AWS/RDS", name, {"DBClusterIdentifier": self.cluster}, statistic)


def alarms_of(watched: Watched) -> list[Alarm]:
    """Every alarm of the region, the nearest to the client first."""
    return [*_api_alarms(watched), *_function_alarms(watched), *_database_alarms(watched)]


def _api_alarms(watched: Watched) -> list[Alarm]:
    return [
        Alarm(
            "api-server-errors",
            "More than 1 % of the requests end with a 5xx",
            watched.api_metric("5XXError", "Average"),
            threshold=0.01,
            breaches=3,
            minutes=5,
        ),
        Alarm(
            "api-latency",
            "The slowest 1 % of the requests take more than 3 seconds",
            watched.api_metric("Latency", "p99"),
            threshold=3_000,
            breaches=5,
            minutes=5,
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
            threshold=0.8 * watched.function_concurrency,
            breaches=3,
            minutes=5,
        ),
        Alarm(
            "dead-letters",
            "An asynchronous invocation failed for good and waits in the dead-letter queue",
            watched.queue_metric("ApproximateNumberOfMessagesVisible"),
            threshold=0,
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
            minutes=15,
        ),
        Alarm(
            "database-replica-lag",
            "Reads are more than one second behind writes",
            watched.cluster_metric("AuroraReplicaLagMaximum", "Maximum"),
            threshold=1_000,
            breaches=3,
            minutes=5,
        ),
        Alarm(
            "database-memory",
            "A database instance has less than 1 GiB of its 16 to spare",
            watched.cluster_metric("FreeableMemory", "Minimum"),
            threshold=GIBIBYTE,
            breaches=10,
            minutes=15,
            below=True,
        ),
        Alarm(
            "database-connections",
            "A database instance has more than 800 of its 1,000 connections open",
            watched.cluster_metric("DatabaseConnections", "Maximum"),
            threshold=800,
            breaches=3,
            minutes=5,
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
        self.arns = [self._alarm(alarm).arn for alarm in alarms]

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
                Statement(
                    sid="AlarmsOfThisAccountPublish",
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    principals={"Service": "cloudwatch.amazonaws.com"},
                    conditions={
                        "StringEquals": {"aws:SourceAccount": account_id},
                        "ArnLike": {"aws:SourceArn": own_alarms},
                    },
                )
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
            period=MINUTE,
            evaluation_periods=alarm.minutes,
            datapoints_to_alarm=alarm.breaches,
            threshold=alarm.threshold,
            comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            # No request is no data, and no fault.
            treat_missing_data="notBreaching",
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
