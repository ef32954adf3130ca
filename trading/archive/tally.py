"""Count and checksum every table through the RDS Data API, which needs no way into the VPC.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trading.archive.manifest import Tally
from trading.aws import client
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trading.archive.cluster import Cluster

# A statement is given up after 45 seconds; these take a second or two:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.calling.html
ROWS_AT_A_TIME = 200_000

# It takes the Data API so long to know that the endpoint is there.
_OPENING_SECONDS = 120
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class DataApi:
    """A database through its HTTP endpoint, as its master user."""

    rds_data: Any
    cluster_arn: str
    secret_arn: str
    database: str

    def rows(self, statement: str, **parameters: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """The rows that a statement answers, each field as the Data API tells it."""
        answer = self.rds_data.execute_statement(
            resourceArn=self.cluster_arn,
            secretArn=self.secret_arn,
            database=self.database,
            sql=statement,
            parameters=[{"name": name, "value": value} for name, value in parameters.items()],
        )
        return list(answer.get("records", []))


@contextmanager
def opened(cluster: Cluster, environment: Mapping[str, str], region: str) -> Iterator[DataApi]:
    """A cluster's Data API, which is open only as long as this.

    Raises OperatorError when it does not answer: the master user's secret is proven by it, too.
    """
    rds = client("rds", environment, region)
    api = DataApi(
        client("rds-data", environment, region),
        cluster.arn,
        cluster.require_secret(),
        cluster.require_database(),
    )
    rds.enable_http_endpoint(ResourceArn=cluster.arn)
    try:
        _wait_until_it_answers(api, cluster.identifier)
        yield api
    finally:
        rds.disable_http_endpoint(ResourceArn=cluster.arn)


def _wait_until_it_answers(api: DataApi, cluster: str) -> None:
    deadline = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            api.rows("SELECT 1")
        except api.rds_data.exceptions.ClientError as error:
            if time.monotonic() > deadline:
                raise OperatorError(
                    f"{cluster} does not answer through the Data API: {error}"
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return


def tally(api: DataApi, told: Callable[[str], None] = lambda _: None) -> dict[str, Tally]:
    """Every table of the database; `told` is given its name before each part of one, and may raise."""
    tables = api.rows(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
    )
    tallies = {}
    for [name] in tables:
        table = name["stringValue"]
        tallies[table] = _Table(api, table).tally(told)
    return tallies


class _Table:
    """One table, read in the order of the first column of its primary key."""

    def __init__(self, api: DataApi, name: str) -> None:
        self._api = api
        self._name, self._quoted = name, _quoted(name)
        columns = self._names(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = :name ORDER BY ordinal_position",
            name,
        )
        # A digest of each field, so that the row's own input never exceeds what a statement may hold.
        fields = ", ".join(f"COALESCE(SHA2({_quoted(one)}, 256), '')" for one in columns)
        # 64 bits of each row's digest. Their sum is changed by no order, and can be made in chunks; equal
        # rows, which a table without a key may have, would cancel each other out in an XOR.
        digest = f"CONV(LEFT(SHA2(CONCAT_WS('|', {fields}), 256), 16), 16, 10)"
        self._summary = f"COUNT(*), CAST(COALESCE(SUM(CAST({digest} AS UNSIGNED)), 0) AS CHAR)"
        keys = self._names(
            "SELECT column_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
            " AND table_name = :name AND index_name = 'PRIMARY' AND seq_in_index = 1",
            name,
        )
        self._key = _quoted(keys[0]) if keys else None

    def _names(self, statement: str, table: str) -> list[str]:
        rows = self._api.rows(statement, name={"stringValue": table})
        return [column["stringValue"] for [column] in rows]

    def tally(self, told: Callable[[str], None]) -> Tally:
        rows, checksum = 0, 0
        last: dict[str, Any] | None = None
        while True:
            told(self._name)
            end = self._end_of_chunk(last)
            counted, summed = self._summarize(last, end)
            rows, checksum = rows + counted, (checksum + summed) % 2**64
            if end is None:
                return Tally(rows=rows, checksum=f"{checksum:016x}")
            last = end

    def _end_of_chunk(self, last: dict[str, Any] | None) -> dict[str, Any] | None:
        """The key of the last row of a chunk; None for the last chunk, and where no key gives an order."""
        if self._key is None:
            return None
        after, parameters = self._after(last)
        found = self._api.rows(
            f"SELECT {self._key} FROM {self._quoted}{after}"
            f" ORDER BY {self._key} LIMIT 1 OFFSET {ROWS_AT_A_TIME - 1}",
            **parameters,
        )
        return found[0][0] if found else None

    def _summarize(
        self, last: dict[str, Any] | None, end: dict[str, Any] | None
    ) -> tuple[int, int]:
        where, parameters = self._after(last)
        if end is not None:
            where += f"{' AND' if where else ' WHERE'} {self._key} <= :end"
            parameters["end"] = end
        # A table's and its columns' names cannot be parameters; they are the database's own, quoted.
        [[count, summed]] = self._api.rows(
            f"SELECT {self._summary} FROM {self._quoted}{where}",
            **parameters,
        )
        return int(count["longValue"]), int(summed["stringValue"])

    def _after(self, last: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
        return (f" WHERE {self._key} > :last", {"last": last}) if last else ("", {})


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
