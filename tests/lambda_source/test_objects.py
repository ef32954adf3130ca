"""What S3 refuses: the local one lets everybody list every bucket, and AWS does not."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError
from trade_service.data_access.objects import Objects, Outcome

from tests.lambda_source.servers import HOST

CONTENT = b"event,event_at\n"
SHA256 = hashlib.sha256(CONTENT).digest()


@dataclass
class Refusing:
    """Answers as S3 does to a role that lacks a right: by method, with a status."""

    statuses: dict[str, int] = field(default_factory=dict)
    stored: list[bytes] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        refusing = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer()

            def do_PUT(self) -> None:
                refusing.stored.append(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer()

            def _answer(self) -> None:
                self.send_response(refusing.statuses[self.command])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    refusing = Refusing()
    server = ThreadingHTTPServer((HOST, 0), refusing.handler())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{HOST}:{server.server_address[1]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield refusing
    server.shutdown()
    server.server_close()


def put() -> Outcome:
    return Objects("us-east-1", "bucket").put("key", io.BytesIO(CONTENT), SHA256, "text/csv")


def test_what_is_not_there_is_refused_to_who_may_not_list_and_yet_written(s3: Refusing) -> None:
    s3.statuses = {"HEAD": 403, "PUT": 200}
    assert put() is Outcome.WRITTEN
    assert s3.stored == [CONTENT]


def test_a_refused_write_fails(s3: Refusing) -> None:
    s3.statuses = {"HEAD": 403, "PUT": 403}
    with pytest.raises(ClientError, match="PutObject"):
        put()


def test_what_cannot_be_looked_at_for_another_reason_is_not_written(s3: Refusing) -> None:
    s3.statuses = {"HEAD": 400}
    with pytest.raises(ClientError, match="HeadObject"):
        put()
    assert s3.stored == []
