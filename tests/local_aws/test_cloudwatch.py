"""CloudWatch: alarms over the Query protocol, as Terraform's AWS provider reads them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from trading.local.local_target import LocalTarget

TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"


class QueryClient:
    """CloudWatch over the Query protocol: today's boto3 speaks another one."""

    def __init__(self, target: LocalTarget) -> None:
        self._url = target.endpoint_url

    def call(self, action: str, **parameters: str) -> ElementTree.Element:
        request = AWSRequest(
            "POST",
            self._url,
            data={"Action": action, "Version": "2010-08-01", **parameters},
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        SigV4Auth(Credentials("test", "test"), "monitoring", "us-east-1").add_auth(request)
        response = URLLib3Session().send(request.prepare())
        assert response.status_code == 200, response.text
        return ElementTree.fromstring(response.text)

    def alarm(self, name: str, kind: str = "MetricAlarm") -> ElementTree.Element:
        answer = self.call(
            "DescribeAlarms", **{"AlarmNames.member.1": name, "AlarmTypes.member.1": kind}
        )
        members = answer.findall(f".//{{*}}{kind}s/{{*}}member")
        assert len(members) == 1
        return members[0]


@pytest.fixture
def cloudwatch(target: LocalTarget) -> QueryClient:
    return QueryClient(target)


def text(element: ElementTree.Element, path: str) -> str | None:
    return element.findtext("/".join(f"{{*}}{part}" for part in path.split("/")))


def put_alarm(cloudwatch: QueryClient, name: str, **parameters: str) -> ElementTree.Element:
    settings = {
        "AlarmName": name,
        "EvaluationPeriods": "3",
        "Threshold": "0.5",
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch.call("PutMetricAlarm", **settings, **parameters)
    return cloudwatch.alarm(name)


def test_metric_alarm_is_told_in_full(cloudwatch: QueryClient, name: str) -> None:
    settings: dict[str, Any] = {
        "AlarmDescription": "Look at the <log>",
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "ExtendedStatistic": "p99",
        "EvaluateLowSampleCountPercentile": "ignore",
        "Period": "60",
        "DatapointsToAlarm": "2",
        "Unit": "Milliseconds",
        "TreatMissingData": "notBreaching",
    }
    alarm = put_alarm(
        cloudwatch,
        name,
        **settings,
        **{
            "ActionsEnabled": "false",
            "AlarmActions.member.1": TOPIC,
            "OKActions.member.1": TOPIC,
            "InsufficientDataActions.member.1": TOPIC,
            "Dimensions.member.1.Name": "FunctionName",
            "Dimensions.member.1.Value": "trade",
        },
    )
    assert {key: text(alarm, key) for key in settings} == settings
    assert text(alarm, "Statistic") is None
    assert text(alarm, "ActionsEnabled") == "false"
    for actions in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        assert text(alarm, f"{actions}/member") == TOPIC
    assert text(alarm, "Dimensions/member/Value") == "trade"


def test_metric_math_alarm_is_told_in_full(cloudwatch: QueryClient, name: str) -> None:
    metric = "Metrics.member.2.MetricStat"
    alarm = put_alarm(
        cloudwatch,
        name,
        **{
            "Metrics.member.1.Id": "rate",
            "Metrics.member.1.Expression": "100 * errors",
            "Metrics.member.1.ReturnData": "true",
            "Metrics.member.2.Id": "errors",
            f"{metric}.Metric.Namespace": "AWS/ApiGateway",
            f"{metric}.Metric.MetricName": "5XXError",
            f"{metric}.Metric.Dimensions.member.1.Name": "ApiName",
            f"{metric}.Metric.Dimensions.member.1.Value": "trades",
            f"{metric}.Period": "60",
            f"{metric}.Stat": "Sum",
        },
    )
    rate, errors = alarm.findall("{*}Metrics/{*}member")
    assert text(rate, "Expression") == "100 * errors"
    assert text(rate, "ReturnData") == "true"
    assert text(errors, "MetricStat/Metric/MetricName") == "5XXError"
    assert text(errors, "MetricStat/Metric/Dimensions/member/Value") == "trades"
    assert text(errors, "MetricStat/Period") == "60"
    assert text(alarm, "MetricName") is None
    assert text(alarm, "Period") is None


def test_composite_alarm_is_told_in_full(cloudwatch: QueryClient, name: str) -> None:
    put_alarm(cloudwatch, name, Namespace="AWS/Lambda", MetricName="Errors", Period="60")
    cloudwatch.call(
        "PutCompositeAlarm",
        **{
            "AlarmName": f"{name}-any",
            "AlarmRule": f"ALARM({name})",
            "AlarmDescription": "any",
            "AlarmActions.member.1": TOPIC,
        },
    )
    alarm = cloudwatch.alarm(f"{name}-any", "CompositeAlarm")
    assert text(alarm, "AlarmDescription") == "any"
    assert text(alarm, "ActionsEnabled") == "true"
    assert text(alarm, "AlarmActions/member") == TOPIC
