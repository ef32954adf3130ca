"""A day's blotter: all that happened on it, once, the same for ever."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import services
from trade_service.configuration import configuration
from trade_service.data_access import blotter
from trade_service.errors import ConfigurationError, DatabaseUnavailableError, InvalidRequestError
from trade_service.handlers import trade_reporter
from trade_service.logic.blotter import latest_day

from tests.lambda_source import faults
from tests.lambda_source.desk import DAY, NAME, Desk, at, desk
from tests.lambda_source.events import CONTEXT, REGION, trade_body
from tests.local_aws.conftest import client, name, new_target, target

if TYPE_CHECKING:
    from tests.lambda_source.servers import MariaDbServer

__all__ = ["client", "desk", "name", "new_target", "target"]

UNCHANGING = (
    "client_order_id", "account", "symbol", "side", "quantity", "price", "currency", "trade_id",
    "region", "created_at",
)  # fmt: skip


def row(event: str, event_at: str, trade: dict[str, Any]) -> dict[str, str]:
    return {"event": event, "event_at": event_at, **{name: trade[name] for name in UNCHANGING}}


def rows_read(cursor: Any) -> int:
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
    return sum(int(one["Value"]) for one in cursor.fetchall())


def test_a_day_is_all_that_happened_on_it_in_its_order(desk: Desk) -> None:
    next_day, day_before = DAY + timedelta(days=1), DAY - timedelta(days=1)
    last = desk.trade(
        at("23:59:59.999999"), client_order_id="1", side="SELL", quantity="0.0000000001"
    )
    first = desk.trade(at("00:00:00"), client_order_id="2", price="123456789012345678.25")
    desk.trade(at("00:00:00", next_day), client_order_id="3")
    earlier = desk.trade(at("23:59:59.999999", day_before), client_order_id="4")
    desk.cancel(earlier, at("12:00:00"))
    desk.cancel(first, at("00:00:00", next_day))
    answer = desk.report()
    assert answer == {
        "date": str(DAY),
        "key": f"{NAME}.csv.gz",
        "outcome": "written",
        "events": {"ACCEPTED": 2, "CANCELLED": 1},
        "positions_differing": 0,
    }
    assert desk.rows() == [
        row("ACCEPTED", f"{DAY}T00:00:00.000000Z", first),
        row("CANCELLED", f"{DAY}T12:00:00.000000Z", earlier),
        row("ACCEPTED", f"{DAY}T23:59:59.999999Z", last),
    ]
    assert desk.rows()[0]["price"] == "123456789012345678.25"
    assert desk.rows()[2]["quantity"] == "0.0000000001"


def test_the_manifest_tells_what_to_check_by(desk: Desk) -> None:
    desk.trade(at("09:30:00"))
    desk.report()
    packed = desk.read(f"{NAME}.csv.gz")
    plain = gzip.decompress(packed)
    assert json.loads(desk.read(f"{NAME}.manifest.json")) == {
        "format": 1,
        "region": REGION,
        "date": str(DAY),
        "columns": plain.decode().splitlines()[0].split(","),
        "events": {"ACCEPTED": 1, "CANCELLED": 0},
        "csv": {"bytes": len(plain), "sha256": hashlib.sha256(plain).hexdigest()},
        "gzip": {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()},
    }


def test_objects_are_encrypted_by_the_key_and_checked_by_s3(desk: Desk) -> None:
    desk.report()
    encryption = desk.s3.get_bucket_encryption(Bucket=desk.bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    for key in (f"{NAME}.csv.gz", f"{NAME}.manifest.json"):
        head = desk.s3.head_object(Bucket=desk.bucket, Key=key, ChecksumMode="ENABLED")
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["SSEKMSKeyId"] == rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        assert head["ChecksumSHA256"]


def test_a_past_day_stays_the_same_whatever_happens_later(desk: Desk) -> None:
    trade = desk.trade(at("09:30:00"))
    assert desk.report()["outcome"] == "written"
    written = desk.read(f"{NAME}.csv.gz")
    assert desk.api("POST", f"/trades/{trade['trade_id']}/cancel").status == 200
    assert desk.report()["outcome"] == "unchanged"
    assert desk.read(f"{NAME}.csv.gz") == written
    assert desk.versions() == {f"{NAME}.csv.gz": 1, f"{NAME}.manifest.json": 1}


def test_nothing_of_when_or_where_it_was_written_is_in_it(desk: Desk) -> None:
    desk.report()
    # RFC 1952: the flags announce no name, and the time is none.
    assert desk.read(f"{NAME}.csv.gz")[3:8] == bytes(5)


def test_a_snapshot_is_of_one_moment_and_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.trade(at("09:30:00"))
    # Whom nothing but the transaction hinders from writing.
    monkeypatch.setenv("DATABASE_USER", "trade_api")
    services.forget()
    settings = configuration()
    database = services.database(settings.database_reader_host, settings.database_name)

    def work(cursor: Any) -> list[int]:
        counts = []
        for number in (2, 3):
            cursor.execute("SELECT COUNT(*) AS trades FROM trades")
            counts.append(cursor.fetchone()["trades"])
            desk.api("POST", "/trades", body=trade_body(client_order_id=f"order-{number}"))
        return counts

    assert database.snapshot(work) == [1, 1]
    assert database.snapshot(work) == [3, 3]
    with pytest.raises(DatabaseUnavailableError):
        database.snapshot(lambda cursor: cursor.execute("UPDATE trades SET version = 9"))
    database.close()


def test_a_blotter_without_its_manifest_is_completed(desk: Desk) -> None:
    desk.report()
    desk.s3.delete_object(Bucket=desk.bucket, Key=f"{NAME}.manifest.json")
    assert desk.report()["outcome"] == "written"
    assert desk.versions() == {f"{NAME}.csv.gz": 1, f"{NAME}.manifest.json": 2}


def test_a_past_day_that_did_change_is_replaced_and_told(desk: Desk, log: io.StringIO) -> None:
    desk.report()
    desk.trade(at("09:30:00"))
    assert desk.report()["outcome"] == "replaced"
    assert len(desk.rows()) == 1
    assert "the blotter of a past day was another one" in log.getvalue()


def test_pages_lose_and_repeat_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blotter, "PAGE_ROWS", 3)
    batch = [trade_body(client_order_id=f"order-{number}") for number in range(20)]
    results = desk.api("POST", "/trades/batch", body={"trades": batch}).body["results"]
    for number, result in enumerate(results):
        trade = result["trade"]
        # Several of one moment, so that pages end among them.
        moment = at(f"10:00:00.{number // 7:06}")
        desk.change("created_at = %s", moment, trade["trade_id"])
        if number % 2:
            desk.cancel(trade, moment)
    desk.report()
    order = [(one["event_at"], one["trade_id"], one["event"]) for one in desk.rows()]
    assert order == sorted(set(order))
    assert len(order) == 20 + 10


def test_every_page_costs_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    trades = [trade_body(client_order_id=f"order-{number}") for number in range(100)]
    for _ in range(3):
        for trade in trades:
            trade["client_order_id"] = f"{trade['client_order_id']}-again"
        desk.api("POST", "/trades/batch", body={"trades": trades})
    with desk.server.connect(desk.database_name) as connection, connection.cursor() as cursor:
        cursor.execute("SET @number = 0")
        cursor.execute(
            "UPDATE trades SET created_at = %s + INTERVAL (@number := @number + 1) SECOND",
            (at("09:00"),),
        )
        connection.commit()
        monkeypatch.setattr(blotter, "PAGE_ROWS", 10)
        before = rows_read(cursor)
        assert desk.report()["events"]["ACCEPTED"] == 300
        # Each row once for the blotter, once to be counted, and a few times for the positions.
        assert rows_read(cursor) - before < 300 * 8


@pytest.mark.parametrize("lag", ["lagging", "away"])
def test_a_reader_that_lags_or_is_away_costs_no_row(
    desk: Desk,
    second_server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    lag: str,
) -> None:
    trade = desk.trade(at("09:30:00"))
    if lag == "lagging":
        faults.use_second_as_reader(monkeypatch)
        monkeypatch.setenv("DATABASE_USER", "trade_reporter")
    else:
        monkeypatch.setenv("DATABASE_READER_HOST", "127.0.0.99")
    services.forget()
    desk.report()
    assert desk.rows() == [row("ACCEPTED", f"{DAY}T09:30:00.000000Z", trade)]
    told = "the reader lacks trades" if lag == "lagging" else "the database is unavailable"
    assert told in log.getvalue()


def test_the_schedule_has_the_day_before_its_time_written(desk: Desk) -> None:
    event = {"source": "aws.events", "time": f"{DAY + timedelta(days=1)}T00:15:00Z", "detail": {}}
    assert trade_reporter.handler(event, CONTEXT)["date"] == str(DAY)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "neither date nor time"),
        ("2026-01-01", "neither date nor time"),
        ({"date": "20260101"}, "must be a day"),
        ({"date": "2026-02-30"}, "must be a day"),
        ({"date": 20260101}, "must be a day"),
        ({"date": None}, "must be a day"),
        ({"time": "yesterday"}, "must be a moment in UTC"),
        ({"date": str(datetime.now(UTC).date())}, "is not over: the latest day is"),
        ({"date": "9999-12-31"}, "is not over: the latest day is"),
    ],
)
def test_an_event_without_a_day_that_is_over_is_refused(
    desk: Desk, event: object, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        trade_reporter.handler(event, CONTEXT)
    assert desk.versions() == {}


def test_a_reporter_without_a_bucket_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLOTTERS_BUCKET")
    services.forget()
    with pytest.raises(ConfigurationError, match="BLOTTERS_BUCKET is not set"):
        desk.report()


def test_a_position_that_differs_is_told_and_not_repaired(desk: Desk) -> None:
    desk.trade(at("09:30:00"))
    with desk.server.connect(desk.database_name) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE positions SET bought = bought + 1")
        connection.commit()
    assert desk.report()["positions_differing"] == 1
    assert desk.report()["positions_differing"] == 1


def test_only_the_latest_day_counts_as_reported(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.trade(at("09:30:00", latest_day(datetime.now(UTC))))
    capsys.readouterr()
    desk.report(DAY)
    assert "TradesReported" not in capsys.readouterr().out
    desk.report_latest()
    (reported,) = (
        json.loads(line)["TradesReported"]
        for line in capsys.readouterr().out.splitlines()
        if '"TradesReported"' in line
    )
    assert reported == [1.0]


def test_one_line_tells_of_a_report(desk: Desk, log: io.StringIO) -> None:
    desk.trade(at("09:30:00"))
    log.truncate(log.seek(0))
    desk.report()
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["message"], line["date"], line["outcome"]) == ("blotter", str(DAY), "written")
    assert line["events"] == {"ACCEPTED": 1, "CANCELLED": 0}
    assert 0 < line["database_ms"] < line["total_ms"]
    assert "ACC-1" not in log.getvalue()
