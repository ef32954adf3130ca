"""The region on one page: traffic first, then every alarm with its metric and threshold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cdktf_cdktf_provider_aws.cloudwatch_dashboard import CloudwatchDashboard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.api.metrics import Metric, Watched
    from stacks.base import RegionalStack

WIDTH, HEIGHT, COLUMNS = 8, 6, 24
Widget = dict[str, Any]


def dashboard(
    stack: RegionalStack, watched: Watched, alarm_arns: Sequence[str]
) -> CloudwatchDashboard:
    """The region's dashboard. CloudWatch shares their names between regions."""
    widgets = [
        *(_graph(stack.region, title, metrics) for title, metrics in graphs_of(watched).items()),
        *(_alarm(stack.region, arn) for arn in alarm_arns),
    ]
    return CloudwatchDashboard(
        stack,
        "dashboard",
        dashboard_name=stack.named_globally("trade-api"),
        dashboard_body=json.dumps({"widgets": _placed(widgets)}),
    )


def graphs_of(watched: Watched) -> dict[str, list[Metric]]:
    """The graphs by title."""
    return {
        "Requests": [
            watched.api_metric("Count"),
            watched.api_metric("4XXError"),
            watched.api_metric("5XXError"),
        ],
        "Latency": [
            watched.api_metric("Latency", statistic) for statistic in ("p50", "p90", "p99")
        ],
        "Database latency": [
            watched.cluster_metric("CommitLatency"),
            watched.cluster_metric("SelectLatency"),
        ],
        "Trades": [
            watched.request_metric(name)
            for name in ("TradesAccepted", "TradesRepeated", "TradesCancelled")
        ],
        "Where a request's time goes": [
            watched.request_metric(name, statistic)
            for name in ("RequestLatency", "DatabaseLatency")
            for statistic in ("p50", "p99")
        ],
        "Connections and retries": [
            watched.request_metric(name)
            for name in ("DatabaseConnections", "DatabaseRetries", "DatabaseUnavailable")
        ],
    }


def _graph(region: str, title: str, metrics: Sequence[Metric]) -> Widget:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
    return {
        "title": title,
        "region": region,
        "period": 60,
        "metrics": [
            [
                metric.namespace,
                metric.name,
                *(part for dimension in metric.dimensions.items() for part in dimension),
                {"stat": metric.statistic, "label": f"{metric.name} {metric.statistic}"},
            ]
            for metric in metrics
        ],
    }


def _alarm(region: str, arn: str) -> Widget:
    return {"region": region, "annotations": {"alarms": [arn]}}


def _placed(widgets: Sequence[Widget]) -> list[Widget]:
    per_row = COLUMNS // WIDTH
    return [
        {
            "type": "metric",
            "x": index % per_row * WIDTH,
            "y": index // per_row * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": properties,
        }
        for index, properties in enumerate(widgets)
    ]
