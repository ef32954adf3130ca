"""Requests to a real HTTP server: signed, repeated where that helps, and told apart when they fail."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from trading.errors import OperatorError
from trading.local.trade_client import TradeClient

if TYPE_CHECKING:
    from collections.abc import Iterator

CREDENTIALS = ReadOnlyCredentials("AKIDEXAMPLE", "secret", None)


@dataclass
class Api:
    """Answers what it is told to, and keeps what it was asked."""

    url: str
    answers: list[tuple[int, str]]
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def client(self) -> TradeClient:
        return TradeClient(f"{self.url}/dev", "us-east-2", CREDENTIALS)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr("trading.local.trade_client.time.sleep", lambda seconds: None)
    # A proxy that nobody answers at: requests to this machine must not go there.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.requests.append((self.command, self.path, dict(self.headers), body))
            status, text = served.answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Api(f"http://127.0.0.1:{server.server_port}", [])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield served
    server.shutdown()
    server.server_close()


def test_a_trade_is_posted_signed_for_its_region(api: Api) -> None:
    api.answers = [(201, '{"trade_id": "us-east-2-1"}')]
    answer = api.client.post_trade({"symbol": "ACME"})
    assert (answer.status, answer.body) == (201, {"trade_id": "us-east-2-1"})
    [(method, path, headers, body)] = api.requests
    assert (method, path, json.loads(body)) == ("POST", "/dev/trades", {"symbol": "ACME"})
    assert "AKIDEXAMPLE/" in headers["Authorization"]
    assert "/us-east-2/execute-api/aws4_request" in headers["Authorization"]


def test_a_trade_id_cannot_leave_its_path(api: Api) -> None:
    api.answers = [(404, '{"error": {"code": "trade_not_found"}}')]
    assert api.client.get_trade("../health?x").status == 404
    assert api.requests[0][1] == "/dev/trades/..%2Fhealth%3Fx"


def test_an_unavailable_region_is_asked_again(api: Api) -> None:
    api.answers = [(503, "{}"), (504, "{}"), (200, "{}")]
    assert api.client.get_trade("1").status == 200
    assert len(api.requests) == 3


def test_an_unavailable_region_is_not_asked_for_ever(api: Api) -> None:
    api.answers = [(503, '{"error": {}}')] * 9
    assert api.client.get_trade("1").status == 503
    assert len(api.requests) == 3


def test_an_answer_that_is_no_json_is_shown(api: Api) -> None:
    api.answers = [(502, "<html>bad gateway</html>")]
    assert api.client.get_trade("1").body == {"message": "<html>bad gateway</html>"}


def test_no_answer_names_the_region_and_url() -> None:
    client = TradeClient("http://127.0.0.1:9/dev", "us-west-2", CREDENTIALS)
    with pytest.raises(OperatorError, match=r"the API of us-west-2 does not answer at http://127"):
        client.get_trade("1")
