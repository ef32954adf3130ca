"""Structured logs and business metrics, both written to standard output as JSON."""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

METRICS_NAMESPACE = "TradingPlatform"

# The level and the service name come from POWERTOOLS_LOG_LEVEL and POWERTOOLS_SERVICE_NAME.
# One traceback in text is enough; the structured copy of it would double every error's line.
logger = Logger(utc=True, serialize_stacktrace=False)


def count(metric: str) -> None:
    """Add one to a metric in the embedded metric format: no API call, no permission needed.

    The function's name is a dimension because environments may share an account.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    with single_metric(
        name=metric, unit=MetricUnit.Count, value=1, namespace=METRICS_NAMESPACE
    ) as entry:
        entry.add_dimension("FunctionName", os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"))
