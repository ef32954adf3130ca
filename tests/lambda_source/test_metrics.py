"""Every metric that an alarm or the dashboard names is one that the functions emit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from trade_service import observability, services
from trade_service.observability import METRICS_NAMESPACE

from stacks.api.alarms import alarms_of
from stacks.api.dashboard import graphs_of
from stacks.api.metrics import Metric, Watched
from tests.lambda_source.desk import Desk, client, desk, name, new_target, target
from tests.lambda_source.events import trade_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["client", "desk", "name", "new_target", "target"]

WATCHED = Watched(
    trade_api="trade-api-dev",
    trade_api_concurrency=10,
    trade_reporter="trade-reporter-dev",
    api="trade-api-dev",
    stage="dev",
    dead_letter_queue="dead-letters-dev",
    cluster="aurora-mysql-dev",
)


class Emitted(NamedTuple):
    """A metric by all that CloudWatch tells it apart by."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


def watched_metrics() -> set[Emitted]:
    """What the alarms and the dashboard ask of the service."""
    asked: list[Metric] = [alarm.metric for alarm in alarms_of(WATCHED)]
    asked += [metric for metrics in graphs_of(WATCHED).values() for metric in metrics]
    return {
        Emitted(metric.namespace, metric.name, frozenset(metric.dimensions.items()))
        for metric in asked
        if not metric.namespace.startswith("AWS/")
    }


def emitted_metrics(output: str) -> Iterator[Emitted]:
    """What CloudWatch makes of lines in the embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in output.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for metric in directive["Metrics"]:
                    assert document[metric["Name"]]
                    yield Emitted(directive["Namespace"], metric["Name"], dimensions)


@pytest.fixture
def begin_as(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Start as a new execution environment of a function does."""

    def forget() -> None:
        metrics = observability._metrics()
        # Powertools keeps them for all of a process.
        metrics.clear_default_dimensions()
        metrics.clear_metrics()
        observability._metrics.cache_clear()
        services.forget()

    def begin(function: str) -> None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", f"{function}-dev")
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", function)
        forget()

    yield begin
    forget()


def test_what_is_watched_is_emitted(
    desk: Desk, begin_as: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin_as("trade-api")
    capsys.readouterr()
    posted = [desk.api("POST", "/trades", body=trade_body()) for _ in range(2)]
    assert [answer.status for answer in posted] == [201, 200]
    desk.api("POST", f"/trades/{posted[0].body['trade_id']}/cancel")
    begin_as("trade-reporter")
    desk.report_latest()
    emitted = set(emitted_metrics(capsys.readouterr().out))
    watched = watched_metrics()
    assert {metric.namespace for metric in watched} == {METRICS_NAMESPACE}
    assert watched - emitted == set()
    # Both functions are looked after.
    assert len({metric.dimensions for metric in watched}) == 2
