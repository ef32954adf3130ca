"""What the health check says of a region, and how soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trade_service import services

from tests.lambda_source.faults import (
    assert_refused,
    call_within,
    frozen,
    use_second_as_reader,
)

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def test_health_reports_both_endpoints_and_the_region(api: Call) -> None:
    answer = api("GET", "/health")
    assert answer.status == 200
    assert answer.body == {
        "status": "ok",
        "region": "us-east-1",
        "database": {"writer": "ok", "reader": "ok"},
    }


def test_without_its_reader_a_region_is_degraded_and_healthy(
    api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_READER_HOST", "127.0.0.99")
    services.forget()
    answer = api("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "degraded"
    assert answer.body["database"] == {"writer": "ok", "reader": "database_unavailable"}


def test_without_its_writer_a_region_is_unhealthy(
    api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_WRITER_HOST", "127.0.0.99")
    services.forget()
    answer = api("GET", "/health")
    assert_refused(answer)
    assert answer.body["status"] == "unavailable"
    assert answer.body["region"] == "us-east-1"
    assert answer.body["database"] == {"writer": "database_unavailable", "reader": "ok"}


@pytest.mark.parametrize("warm", [False, True])
def test_health_answers_before_route_53_gives_up(
    api: Call,
    server: MariaDbServer,
    second_server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
    warm: bool,
) -> None:
    services.forget()
    if warm:
        assert api("GET", "/health").status == 200
    with frozen(server):
        timed = call_within(26, "GET", "/health")
    assert_refused(timed.answer)
    assert timed.seconds < 2

    use_second_as_reader(monkeypatch)
    if warm:
        assert api("GET", "/health").status == 200
    with frozen(second_server):
        timed = call_within(26, "GET", "/health")
    assert (timed.answer.status, timed.answer.body["status"]) == (200, "degraded")
    assert timed.seconds < 2
