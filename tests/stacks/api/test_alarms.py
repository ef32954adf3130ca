"""The alarms and graphs of what the service says of itself."""

from __future__ import annotations

import json
from typing import Any

from stacks.api.metrics import SERVICE_NAMESPACE
from tests.stacks.api.conftest import Resources, one

DAILY = {"blotter-missing", "positions-differing"}


def functions_of_service(api: Resources) -> dict[str, str]:
    """The service name that each function emits with, by the reference to the function's name."""
    return {
        f"${{aws_lambda_function.{address}.function_name}}": function["environment"]["variables"][
            "POWERTOOLS_SERVICE_NAME"
        ]
        for address, function in api["aws_lambda_function"].items()
    }


def service_alarms(api: Resources) -> dict[str, dict[str, Any]]:
    alarms = api["aws_cloudwatch_metric_alarm"].values()
    return {
        alarm["alarm_name"].rsplit("-", 1)[0]: alarm
        for alarm in alarms
        if alarm["namespace"] == SERVICE_NAMESPACE
    }


def test_the_service_is_watched_by_its_own_metrics(api: Resources) -> None:
    assert service_alarms(api).keys() == {
        "database-unavailable",
        "database-retries",
        "request-latency",
        "database-latency",
        *DAILY,
    }


def test_dimensions_are_those_that_the_watched_function_emits(api: Resources) -> None:
    emitted = functions_of_service(api)
    for name, alarm in service_alarms(api).items():
        function, service = alarm["dimensions"]["FunctionName"], alarm["dimensions"]["service"]
        assert emitted[function] == service
        assert (service == "trade-reporter") is (name in DAILY)
    widgets = json.loads(one(api["aws_cloudwatch_dashboard"])["dashboard_body"])["widgets"]
    graphed = [
        metric
        for widget in widgets
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == SERVICE_NAMESPACE
    ]
    for _, _, _, function, dimension, service, _ in graphed:
        assert (dimension, emitted[function]) == ("service", service)
    assert {metric[1] for metric in graphed} >= {
        "TradesAccepted",
        "TradesRepeated",
        "TradesCancelled",
        "RequestLatency",
        "DatabaseLatency",
    }


def test_a_day_without_a_blotter_alarms(api: Resources) -> None:
    missing = service_alarms(api)["blotter-missing"]
    # A blotter of no trades is a report too: what is counted is that it was written.
    assert (missing["metric_name"], missing["statistic"]) == ("TradesReported", "SampleCount")
    assert missing["treat_missing_data"] == "breaching"
    assert (missing["comparison_operator"], missing["threshold"]) == ("LessThanThreshold", 1)
    # Longer than a day, so that two that are hardly more than one apart leave no gap; all of it without one.
    hours = missing["evaluation_periods"]
    assert missing["period"] * hours > 24 * 3600
    assert missing["datapoints_to_alarm"] == hours
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert missing["period"] * hours <= 7 * 24 * 3600


def test_positions_that_differ_stay_alarming_until_a_report_finds_none(api: Resources) -> None:
    differing = service_alarms(api)["positions-differing"]
    assert (differing["threshold"], differing["statistic"]) == (0, "Maximum")
    assert differing["treat_missing_data"] == "ignore"
