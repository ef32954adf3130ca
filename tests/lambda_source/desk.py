"""A trading desk: trades at any time, the reporter, and the bucket that it writes to."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import services
from trade_service.handlers import trade_reporter
from trade_service.logic.blotter import latest_day

from tests.lambda_source.events import CONTEXT, REGION, trade_body
from tests.local_aws.conftest import Client, client, create_key, name, new_target, target

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer
    from trading.local.local_target import LocalTarget

__all__ = ["client", "name", "new_target", "target"]

DAY = datetime.now(UTC).date() - timedelta(days=3)
NAME = f"blotters/{DAY}/trades-{REGION}-{DAY}"


@dataclass(frozen=True)
class Desk:
    """Trades at any time, the reporter, and what it wrote."""

    api: Call
    server: MariaDbServer
    database_name: str
    s3: Any
    bucket: str

    def trade(self, moment: str | datetime, **changes: object) -> dict[str, Any]:
        """A trade that was accepted then."""
        posted = self.api("POST", "/trades", body=trade_body(**changes)).body
        self.change("created_at = %s", moment, posted["trade_id"])
        return self.api("GET", f"/trades/{posted['trade_id']}").body

    def cancel(self, trade: dict[str, Any], moment: str | datetime) -> None:
        assert self.api("POST", f"/trades/{trade['trade_id']}/cancel").status == 200
        self.change("cancelled_at = %s", moment, trade["trade_id"])

    def change(self, assignment: str, *values: object) -> None:
        with self.server.connect(self.database_name) as connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE trades SET {assignment} WHERE trade_id = %s", values)
            connection.commit()

    def report(self, day: date = DAY) -> dict[str, Any]:
        return dict(trade_reporter.handler({"date": str(day)}, CONTEXT))

    def report_latest(self) -> date:
        latest = latest_day(datetime.now(UTC))
        self.report(latest)
        return latest

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def rows(self, day: date = DAY) -> list[dict[str, str]]:
        text = gzip.decompress(self.read(f"blotters/{day}/trades-{REGION}-{day}.csv.gz")).decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def versions(self) -> dict[str, int]:
        listed = self.s3.list_object_versions(Bucket=self.bucket).get("Versions", [])
        keys = [version["Key"] for version in listed]
        return {key: keys.count(key) for key in keys}


@pytest.fixture
def desk(
    api: Call,
    environment: dict[str, str],
    server: MariaDbServer,
    client: Client,
    target: LocalTarget,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """The reporter as the user it has on AWS, and a bucket as the platform's."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": create_key(client)}
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", target.endpoint_url)
    monkeypatch.setenv("BLOTTERS_BUCKET", name)
    monkeypatch.setenv("DATABASE_USER", "trade_reporter")

    def call(*arguments: Any, **parts: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_USER", "trade_api")
            services.forget()
            answer = api(*arguments, **parts)
        services.forget()
        return answer

    services.forget()
    return Desk(call, server, environment["DATABASE_NAME"], s3, name)


def at(time: str, day: date = DAY) -> str:
    return f"{day} {time}"
