"""What a request leaves behind: one line, and one set of metrics."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from trade_service.observability import METRICS_NAMESPACE, Metric

from tests.lambda_source.events import (
    PRIVATE,
    REQUEST_ID,
    InvocationContext,
    proxy_event,
    trade_body,
)
from tests.lambda_source.faults import query
from tests.lambda_source.new_process import answer_in_new_process

if TYPE_CHECKING:
    import io

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def test_a_request_leaves_one_line(api: Call, log: io.StringIO) -> None:
    began = time.monotonic()
    written = api("POST", "/trades", body=trade_body())
    milliseconds = (time.monotonic() - began) * 1000
    (line,) = map(json.loads, log.getvalue().splitlines())
    total, database = line.pop("total_ms"), line.pop("database_ms")
    assert 0 < database < total < milliseconds
    wanted = {
        "level": "INFO",
        "message": "request",
        "correlation_id": REQUEST_ID,
        "function_request_id": InvocationContext().aws_request_id,
        "trade_id": written.body["trade_id"],
        "method": "POST",
        "route": "/trades",
        "status": 201,
        "database_connections": 1,
        "database_retries": 0,
    }
    assert {name: line.get(name) for name in wanted} == wanted
    assert {"timestamp", "service", "cold_start", "function_name"} <= line.keys()


@pytest.mark.parametrize(
    ("method", "path", "parts", "status", "code"),
    [
        ("GET", "/trades/x", {}, 400, "invalid_trade_id"),
        ("GET", "/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", {}, 404, "trade_not_found"),
        ("POST", "/trades", {"raw_body": "{"}, 400, "invalid_request"),
        ("GET", "/elsewhere", {}, 404, "route_not_found"),
    ],
)
def test_a_refusal_leaves_one_line_with_its_code(
    api: Call,
    log: io.StringIO,
    method: str,
    path: str,
    parts: dict[str, Any],
    status: int,
    code: str,
) -> None:
    assert api(method, path, **parts).status == status
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["level"], line["status"], line["code"]) == ("INFO", status, code)


def test_a_line_says_nothing_of_another_request(api: Call, log: io.StringIO) -> None:
    api("POST", "/trades", body=trade_body())
    api("GET", "/trades/x")
    api("GET", "/health")
    first, second, third = map(json.loads, log.getvalue().splitlines())
    assert "trade_id" in first
    assert "trade_id" not in second
    assert "code" not in third


def test_nothing_says_what_was_traded(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not even what the server says of a row that it refuses."""
    body = trade_body(**PRIVATE)
    written = api("POST", "/trades", body=body)
    assert written.status == 201
    assert api("POST", "/trades", body=body).status == 200
    assert api("POST", "/trades", body={**body, "price": "645342.5"}).status == 409
    assert api("POST", "/trades", body={**body, "side": "SECRET"}).status == 400
    assert api("POST", "/trades/batch", body={"trades": [body]}).status == 200
    assert api("GET", "/trades", query={"account": PRIVATE["account"]}).status == 200
    assert api("GET", f"/positions/{PRIVATE['account']}").status == 200
    query(
        server,
        "CREATE TRIGGER refuse BEFORE UPDATE ON trades FOR EACH ROW "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = OLD.account",
        environment["DATABASE_NAME"],
    )
    assert api("POST", f"/trades/{written.body['trade_id']}/cancel").status == 503
    query(server, "DROP TABLE positions", environment["DATABASE_NAME"])
    assert api("POST", "/trades", body={**body, "client_order_id": "SECRET-2"}).status == 503
    captured = capfd.readouterr()
    text = log.getvalue() + captured.out + captured.err
    assert "OperationalError 1644" in text
    for value in ("SECRET", "918273", "645342", "XTS"):
        assert value not in text


def test_metrics_are_in_the_embedded_format(api: Call, capfd: pytest.CaptureFixture[str]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    capfd.readouterr()
    api("POST", "/trades", body=trade_body())
    (document,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert abs(document["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == METRICS_NAMESPACE
    (dimensions,) = directive["Dimensions"]
    assert set(dimensions) == {"FunctionName", "service"}
    assert all(document[dimension] for dimension in dimensions)
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {Metric(name): Metric(name).unit.value for name in units}
    assert {"RequestLatency", "DatabaseLatency", "TradesAccepted"} <= units.keys()
    assert units["RequestLatency"] == "Milliseconds"
    assert units["TradesAccepted"] == "Count"
    for name in units:
        (value,) = document[name]
        assert isinstance(value, float)
        assert value >= 0
    assert document["TradesAccepted"] == [1.0]
    assert document["DatabaseLatency"][0] < document["RequestLatency"][0]


def test_a_cold_start_is_told_once(api: Call) -> None:
    output = answer_in_new_process(*[proxy_event("POST", "/trades", body=trade_body())] * 2)
    requests = [line for line in output.lines if line["message"] == "request"]
    assert [line["cold_start"] for line in requests] == [True, False]
    assert [document.get("ColdStarts") for document in output.metrics] == [[1.0], None]
    assert output.lines[0]["service"] == "trade-api"
