"""What can be measured of a region: AWS's own metrics, and the service's."""

from __future__ import annotations

from dataclasses import dataclass

# As the functions emit them: src/lambda/trade_service/observability.py.
SERVICE_NAMESPACE = "TradingPlatform"


@dataclass(frozen=True)
class Metric:
    """One metric of one thing, as CloudWatch knows it. A percentile such as `p99` is a statistic too."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str


@dataclass(frozen=True)
class Watched:
    """The names by which CloudWatch knows what is watched."""

    trade_api: str
    trade_api_concurrency: int
    trade_reporter: str
    api: str
    stage: str
    dead_letter_queue: str
    cluster: str

    def function_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """A metric of the function that answers requests."""
        return Metric("AWS/Lambda", name, {"FunctionName": self.trade_api}, statistic)

    def api_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """A metric of the API's stage."""
        dimensions = {"ApiName": self.api, "Stage": self.stage}
        return Metric("AWS/ApiGateway", name, dimensions, statistic)

    def request_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """What the service says of the requests it answers."""
        return _service_metric(name, "trade-api", self.trade_api, statistic)

    def report_metric(self, name: str, statistic: str = "Sum") -> Metric:
        """What the service says of its daily reports."""
        return _service_metric(name, "trade-reporter", self.trade_reporter, statistic)

    def queue_metric(self, name: str, statistic: str = "Maximum") -> Metric:
        """A metric of the dead-letter queue."""
        return Metric("AWS/SQS", name, {"QueueName": self.dead_letter_queue}, statistic)

    def cluster_metric(self, name: str, statistic: str = "Average") -> Metric:
        """A metric over all instances of the Aurora cluster."""
        return Metric("AWS/RDS", name, {"DBClusterIdentifier": self.cluster}, statistic)


def _service_metric(name: str, service: str, function: str, statistic: str) -> Metric:
    dimensions = {"FunctionName": function, "service": service}
    return Metric(SERVICE_NAMESPACE, name, dimensions, statistic)
