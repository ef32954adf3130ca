"""CloudWatch: alarms over the Query protocol, which Terraform's AWS provider speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, unescape

from ministack.services import cloudwatch

from local_aws.registry import Function, corrects

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_aws.corrections.shapes import Parameters, Record, Response

_ALARM_TEXTS = ("AlarmName", "AlarmArn", "AlarmDescription", "StateValue", "StateReason")
_COMPOSITE_ALARM_TEXTS = (*_ALARM_TEXTS, "AlarmRule")
_METRIC_ALARM_TEXTS = (
    *_ALARM_TEXTS,
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ThresholdMetricId",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
)


@corrects("services.cloudwatch", "_put_metric_alarm")
def alarm_settings_are_kept(
    original: Function,
    parameters: Parameters,
    decoded: Record,
    is_cbor: bool,
    is_json: bool = False,
) -> Response:
    """PutMetricAlarm keeps metric math, percentiles and every list of actions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    response: Response = original(parameters, decoded, is_cbor, is_json)
    if is_cbor or is_json or response[0] != 200:
        return response
    alarm = cloudwatch._alarms[_text(parameters, "AlarmName")]
    for name in ("ThresholdMetricId", "EvaluateLowSampleCountPercentile"):
        alarm[name] = _text(parameters, name)
    alarm["InsufficientDataActions"] = _texts(parameters, "InsufficientDataActions")
    alarm["ActionsEnabled"] = _text(parameters, "ActionsEnabled") != "false"
    alarm["Unit"] = _text(parameters, "Unit")
    alarm["Metrics"] = _metrics(parameters)
    if alarm["Metrics"]:
        # Each metric of the expression has its own.
        alarm.update(MetricName=None, Namespace=None, Statistic=None, Period=None)
    if alarm["ExtendedStatistic"]:
        alarm["Statistic"] = None
    return response


@corrects("services.cloudwatch", "_describe_alarms")
def alarm_settings_are_told(
    original: Function,
    parameters: Parameters,
    decoded: Record,
    is_cbor: bool,
    is_json: bool = False,
) -> Response:
    """DescribeAlarms tells all of an alarm.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
    """
    status, headers, body = original(parameters, decoded, is_cbor, is_json)
    if is_cbor or is_json or status != 200:
        return status, headers, body

    told = _replace_members(body.decode(), "MetricAlarms", cloudwatch._alarms, _metric_alarm)
    told = _replace_members(told, "CompositeAlarms", cloudwatch._composite_alarms, _composite_alarm)
    return status, headers, told.encode()


def _replace_members(
    body: str, group: str, alarms: dict[str, Record], write: Callable[[Record], str]
) -> str:
    """Write the alarms that an answer has in a group anew, from what is kept of them."""

    def members(match: re.Match[str]) -> str:
        names = re.findall(r"<member><AlarmName>([^<]*)</AlarmName>", match.group(1))
        content = "".join(write(alarms[unescape(name)]) for name in names)
        return f"<{group}>{content}</{group}>"

    return re.sub(f"<{group}>(.*?)</{group}>", members, body, flags=re.DOTALL)


def _text(parameters: Parameters, name: str) -> str:
    return str(cloudwatch._p(parameters, name) or "")


def _texts(parameters: Parameters, name: str) -> list[str]:
    texts: list[str] = []
    while text := _text(parameters, f"{name}.member.{len(texts) + 1}"):
        texts.append(text)
    return texts


def _dimensions(parameters: Parameters, prefix: str) -> list[Record]:
    dimensions: list[Record] = []
    while name := _text(parameters, f"{prefix}.member.{len(dimensions) + 1}.Name"):
        value = _text(parameters, f"{prefix}.member.{len(dimensions) + 1}.Value")
        dimensions.append({"Name": name, "Value": value})
    return dimensions


def _metrics(parameters: Parameters) -> list[Record]:
    """The queries of metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html"""
    metrics: list[Record] = []
    while identifier := _text(parameters, f"Metrics.member.{len(metrics) + 1}.Id"):
        prefix = f"Metrics.member.{len(metrics) + 1}"
        metric: Record = {"Id": identifier}
        for name in ("Expression", "Label", "ReturnData", "Period", "AccountId"):
            metric[name] = _text(parameters, f"{prefix}.{name}")
        if name := _text(parameters, f"{prefix}.MetricStat.Metric.MetricName"):
            metric["MetricStat"] = {
                "Metric": {
                    "MetricName": name,
                    "Namespace": _text(parameters, f"{prefix}.MetricStat.Metric.Namespace"),
                    "Dimensions": _dimensions(parameters, f"{prefix}.MetricStat.Metric.Dimensions"),
                },
                "Period": _text(parameters, f"{prefix}.MetricStat.Period"),
                "Stat": _text(parameters, f"{prefix}.MetricStat.Stat"),
                "Unit": _text(parameters, f"{prefix}.MetricStat.Unit"),
            }
        metrics.append(metric)
    return metrics


def _metric_alarm(alarm: Record) -> str:
    texts = "".join(_element(name, alarm.get(name)) for name in _METRIC_ALARM_TEXTS)
    metrics = _element("Metrics", alarm.get("Metrics"))
    dimensions = _element("Dimensions", alarm.get("Dimensions") or [])
    return f"<member>{texts}{_actions(alarm)}{dimensions}{metrics}</member>"


def _composite_alarm(alarm: Record) -> str:
    texts = "".join(_element(name, alarm.get(name)) for name in _COMPOSITE_ALARM_TEXTS)
    return f"<member>{texts}{_actions(alarm)}</member>"


def _actions(alarm: Record) -> str:
    enabled = str(bool(alarm.get("ActionsEnabled", True))).lower()
    return _element("ActionsEnabled", enabled) + "".join(
        _element(name, alarm.get(name) or [])
        for name in ("AlarmActions", "OKActions", "InsufficientDataActions")
    )


def _element(name: str, value: Any) -> str:
    """XML of a value as the Query protocol writes it; nothing for what is not set."""
    if value is None or value == "":
        return ""
    if isinstance(value, dict):
        content = "".join(_element(key, member) for key, member in value.items())
    elif isinstance(value, list):
        content = "".join(_element("member", member) for member in value)
    else:
        content = escape(str(value))
    return f"<{name}>{content}</{name}>"
