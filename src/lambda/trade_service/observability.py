"""Logs, metrics and traces by Powertools: lines of JSON on standard output, and X-Ray where it samples."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from trade_service import lazy_imports

# 60 of Powertools' 100 milliseconds are for what only its decorators' JMESPath arguments need.
lazy_imports.defer("aws_lambda_powertools.utilities.jmespath_utils")

from aws_lambda_powertools.logging import Logger  # noqa: E402
from aws_lambda_powertools.metrics import Metrics, MetricUnit  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from aws_lambda_powertools.tracing import Tracer

METRICS_NAMESPACE = "TradingPlatform"

# The level and the service name come from POWERTOOLS_LOG_LEVEL and POWERTOOLS_SERVICE_NAME.
# One traceback in text is enough; the structured copy of it would double every error's line.
logger = Logger(utc=True, serialize_stacktrace=False)


class Metric(StrEnum):
    """The service's own metrics. The alarms and the dashboard know them by these names."""

    TRADES_ACCEPTED = "TradesAccepted"
    TRADES_REPEATED = "TradesRepeated"
    TRADES_CANCELLED = "TradesCancelled"
    REQUEST_LATENCY = "RequestLatency"
    DATABASE_LATENCY = "DatabaseLatency"
    DATABASE_RETRIES = "DatabaseRetries"
    DATABASE_CONNECTIONS = "DatabaseConnections"
    DATABASE_UNAVAILABLE = "DatabaseUnavailable"
    COLD_STARTS = "ColdStarts"
    POSITIONS_DIFFERING = "PositionsDiffering"
    TRADES_REPORTED = "TradesReported"

    @property
    def unit(self) -> MetricUnit:
        """What it is counted in."""
        return MetricUnit.Milliseconds if self.name.endswith("LATENCY") else MetricUnit.Count


def emit(values: Mapping[Metric, float]) -> None:
    """Give metrics to CloudWatch, in the embedded metric format: no API call, no permission needed.

    The function's name is a dimension because environments may share an account.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    cold = not _metrics.cache_info().currsize
    metrics = _metrics()
    if cold:
        values = {**values, Metric.COLD_STARTS: 1}
    for metric, value in values.items():
        metrics.add_metric(name=metric.value, unit=metric.unit, value=value)
    metrics.flush_metrics()


def traced(name: str) -> AbstractContextManager[Any]:
    """A part of the trace of this request, when X-Ray samples it.

    Its SDK would add half to what all else takes to import, so it waits for the first sampled request.
    https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
    """
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", ""):
        return nullcontext()
    return _subsegment(name)


@contextmanager
def _subsegment(name: str) -> Iterator[None]:
    recorder: Any = _tracer().provider
    subsegment = recorder.begin_subsegment(name)
    try:
        yield
    except BaseException:
        # Not the exception itself: the message of a refused row quotes the row.
        if subsegment is not None:
            subsegment.add_fault_flag()
        raise
    finally:
        recorder.end_subsegment()


@cache
def _metrics() -> Metrics:
    metrics = Metrics(namespace=METRICS_NAMESPACE)
    metrics.set_default_dimensions(
        FunctionName=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown")
    )
    return metrics


@cache
def _tracer() -> Tracer:
    from aws_lambda_powertools.tracing import Tracer  # noqa: PLC0415

    # The libraries are not patched: the only calls worth a line are ours to the database.
    return Tracer(auto_patch=False)
