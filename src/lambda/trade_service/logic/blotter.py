"""A day's blotter: what happened to trades, as a compressed CSV and a manifest to check it by.

A log of events: one row for each trade accepted on the day, and one for each cancelled, whenever it was
accepted. What happens later changes neither, so a past day's blotter stays the same, byte for byte.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from trade_service.contract.documents import model_fields
from trade_service.contract.kinds import Timestamp
from trade_service.data_access.blotter import Period, count_events, read_events
from trade_service.data_access.objects import Outcome
from trade_service.errors import DatabaseUnavailableError
from trade_service.models import Status, Trade
from trade_service.observability import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trade_service.data_access.blotter import TradeEvent
    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.database import Database
    from trade_service.data_access.objects import Objects

FOLDER = "blotters"
# Of the files: raise it when a column or the manifest changes its meaning.
FORMAT = 1
# A request that was stamped just before midnight commits within half a minute of it.
SETTLING = timedelta(minutes=5)

# The rest of a trade never changes.
_CHANGING = {"status", "cancelled_at"}
_FIELDS = tuple(field for field in model_fields(Trade) if field.name not in _CHANGING)
_EVENT_AT = Timestamp("When it happened.")
COLUMNS = ("event", "event_at", *(field.key for field in _FIELDS))


class Writable(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> int: ...


class Digest(io.BufferedIOBase):
    """Passes bytes on, and knows how many there were, and their SHA-256."""

    def __init__(self, target: Writable) -> None:
        super().__init__()
        self.bytes = 0
        self._target = target
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> bytes:
        """Of all that was written."""
        return self._sha256.digest()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """All of it."""
        self.bytes += len(data)
        self._sha256.update(data)
        return self._target.write(data)

    def as_json(self) -> dict[str, Any]:
        """As the manifest shows it."""
        return {"bytes": self.bytes, "sha256": self.sha256.hex()}


@dataclass(frozen=True)
class Content:
    """What is in a blotter, and what it can be checked by."""

    events: dict[Status, int]
    csv: Digest
    compressed: Digest


@dataclass(frozen=True)
class Report:
    """What became of a day's blotter."""

    day: date
    key: str
    events: dict[Status, int]
    outcome: Outcome


def latest_day(now: datetime) -> date:
    """The last day that is over, so that nothing is added to its blotter."""
    return (now - SETTLING).date() - timedelta(days=1)


class BlotterService:
    """The blotters of one region."""

    def __init__(self, region: str, writer: Database, reader: Database, objects: Objects) -> None:
        self._region = region
        self._writer = writer
        self._reader = reader
        self._objects = objects

    def report(self, day: date) -> Report:
        """Write a day's blotter, and then its manifest, where they are not there already.

        Raises:
            DatabaseUnavailableError: the writer does not answer.
            botocore.exceptions.BotoCoreError, ClientError: S3 cannot be reached, or refuses.
        """
        name = f"{FOLDER}/{day}/trades-{self._region}-{day}"
        with tempfile.TemporaryFile() as file:
            content = self._collect(file, _whole(day))
            outcome = self._objects.put(
                f"{name}.csv.gz", file, content.compressed.sha256, "application/gzip"
            )
        manifest = self._manifest(day, content)
        # Last: where it is, what it describes is whole.
        manifest_outcome = self._objects.put(
            f"{name}.manifest.json",
            io.BytesIO(manifest),
            hashlib.sha256(manifest).digest(),
            "application/json",
        )
        if Outcome.REPLACED in {outcome, manifest_outcome}:
            logger.warning("the blotter of a past day was another one", date=str(day))
        if outcome is Outcome.UNCHANGED:
            outcome = manifest_outcome
        return Report(day, f"{name}.csv.gz", content.events, outcome)

    def _collect(self, file: BinaryIO, period: Period) -> Content:
        """From a reader, if it has all that the writer has; a replica may lag, or be away."""

        def work(cursor: TimedCursor) -> Content:
            return write_blotter(file, read_events(cursor, period))

        expected = self._writer.run(lambda cursor: count_events(cursor, period))
        try:
            content = self._reader.snapshot(work)
        except DatabaseUnavailableError:
            pass  # Told in the log.
        else:
            if content.events == expected:
                return content
            logger.warning("the reader lacks trades that the writer has")
        return self._writer.snapshot(work)

    def _manifest(self, day: date, content: Content) -> bytes:
        manifest = {
            "format": FORMAT,
            "region": self._region,
            "date": str(day),
            "columns": COLUMNS,
            "events": content.events,
            "csv": content.csv.as_json(),
            "gzip": content.compressed.as_json(),
        }
        return f"{json.dumps(manifest, indent=2)}\n".encode()


def write_blotter(file: BinaryIO, events: Iterable[TradeEvent]) -> Content:
    """Write a compressed CSV into a file, anew. The same events give the same bytes."""
    file.seek(0)
    file.truncate()
    counts = Counter(dict.fromkeys(Status, 0))
    compressed = Digest(file)
    # The header would hold the file's name and the time.
    with gzip.GzipFile("", "wb", fileobj=compressed, mtime=0) as compressor:
        plain = Digest(compressor)
        # Nobody asks for the name that it lacks.
        with io.TextIOWrapper(plain, "utf-8", newline="") as text:  # type: ignore[type-var]
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(COLUMNS)
            for event in events:
                rows.writerow(_row(event))
                counts[event.event] += 1
    return Content(dict(counts), plain, compressed)


def _row(event: TradeEvent) -> list[Any]:
    trade = event.trade
    return [
        event.event.value,
        _EVENT_AT.format(event.moment),
        *(field.format(getattr(trade, field.name)) for field in _FIELDS),
    ]


def _whole(day: date) -> Period:
    start = datetime.combine(day, time(), UTC)
    return Period(start, start + timedelta(days=1))
