"""Writes the blotter of a day that is over; started by a schedule, or by an operator for a date."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trade_service import request_context, services
from trade_service.configuration import configuration
from trade_service.contract.kinds import KindError, Timestamp
from trade_service.data_access.objects import Objects
from trade_service.data_access.positions import PositionRepository
from trade_service.data_access.reads import Reads
from trade_service.errors import ConfigurationError, InvalidRequestError
from trade_service.logic.blotter import BlotterService, latest_day
from trade_service.logic.positions import PositionService
from trade_service.observability import Metric, emit, logger, traced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from trade_service.logic.blotter import Report
    from trade_service.request_context import RequestContext

# One statement sums up all trades there are.
STATEMENT_TIMEOUT_SECONDS = 100.0
# To close what is open, and to tell why.
_RESERVE_SECONDS = 5.0
_TIME = Timestamp("When the schedule was due.")


@logger.inject_lambda_context(clear_state=True)
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Write the blotter of a day, once: of the same trades it is the same, and left as it is.

    Args:
        event: EventBridge's, for the day before its ``time``, however late it comes, and once more for
            the day before that; or an operator's, for the ``date`` in it.
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
        context: the invocation.

    Returns:
        ``date``, ``key`` of the CSV, ``outcome`` (written, replaced or unchanged), ``events`` by kind, and
        ``positions_differing`` from the sum of their trades now.

    Raises:
        InvalidRequestError: the event names no day, or one that is not over.
        Exception: of any other kind, to have Lambda try again, and keep the event if that does not help.
    """
    remaining = context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
    with request_context.request(remaining) as measured, traced("trade-reporter"):
        latest = latest_day(datetime.now(UTC))
        day = _day(event)
        if day > latest:
            raise InvalidRequestError(f"{day} is not over: the latest day is {latest} (UTC)")
        with _services() as (blotters, positions):
            if "date" not in _given(event):
                # A host whose clock is behind stamps a trade with a day whose blotter is written.
                blotters.report(day - timedelta(days=1))
            report = blotters.report(day)
            if day == latest:
                # Of older ones too, it would hide that the latest is missing.
                emit({Metric.TRADES_REPORTED: sum(report.events.values())})
            differing = positions.differing()
        emit({Metric.POSITIONS_DIFFERING: differing})
        _log(report, differing, measured)
    return {
        "date": str(day),
        "key": report.key,
        "outcome": report.outcome,
        "events": report.events,
        "positions_differing": differing,
    }


@contextmanager
def _services() -> Iterator[tuple[BlotterService, PositionService]]:
    settings = configuration()
    if not settings.blotters_bucket:
        raise ConfigurationError("the environment variable BLOTTERS_BUCKET is not set")
    objects = Objects(settings.region, settings.blotters_bucket)
    with services.patient_endpoints(STATEMENT_TIMEOUT_SECONDS) as (writer, reader):
        positions = PositionRepository(writer, Reads(writer, reader))
        yield (
            BlotterService(settings.region, writer, reader, objects),
            PositionService(settings.region, positions),
        )


def _given(event: object) -> dict[str, Any]:
    return event if isinstance(event, dict) else {}


def _day(event: object) -> date:
    given = _given(event)
    if "date" in given:
        text = given["date"]
        try:
            # The pattern first: Python alone would take 20250131, too.
            if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                return date.fromisoformat(text)
        except (TypeError, ValueError):  # No string, or a day that the month does not have.
            pass
        raise InvalidRequestError("date must be a day, such as 2025-01-31")
    if "time" in given:
        try:
            return _TIME.parse(given["time"]).date() - timedelta(days=1)
        except KindError as error:
            raise InvalidRequestError(f"time {error}") from error
    raise InvalidRequestError('the event has neither date nor time: {"date": "2025-01-31"}')


def _log(report: Report, differing: int, measured: RequestContext) -> None:
    logger.info(
        "blotter",
        date=str(report.day),
        outcome=report.outcome,
        events=report.events,
        positions_differing=differing,
        total_ms=round(measured.elapsed * 1000, 2),
        database_ms=round(measured.database_seconds * 1000, 2),
        database_connections=measured.connections,
        database_retries=measured.retries,
    )
