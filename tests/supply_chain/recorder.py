"""A proxy before the local AWS that notes the rights which every request to it would need on AWS."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.supply_chain.iam_actions import Request

_OF_THE_CONNECTION = {
    "connection",
    "content-length",
    "date",
    "expect",
    "server",
    "transfer-encoding",
}

Rights = set[tuple[str, str]]


@contextmanager
def recording(endpoint: str) -> Iterator[tuple[str, Rights]]:
    """Where to send requests meant for `endpoint`, and the rights that those sent there need."""
    rights: Rights = set()
    place = urlsplit(endpoint)
    assert place.hostname
    handler = type(
        "Handler", (_Handler,), {"place": (place.hostname, place.port), "rights": rights}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", rights
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    place: tuple[str, int]
    rights: Rights

    def _forward(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request.parse(self.command, self.path, headers, body)
        if request:
            self.rights.update(request.rights())
        passed = {name: value for name, value in headers.items() if name not in _OF_THE_CONNECTION}
        upstream = http.client.HTTPConnection(*self.place)
        try:
            upstream.request(self.command, self.path, body, passed)
            self._answer(upstream.getresponse())
        finally:
            upstream.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, response: http.client.HTTPResponse) -> None:
        body = response.read()
        length = response.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_response(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - its base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Nothing: what counts is noted."""
