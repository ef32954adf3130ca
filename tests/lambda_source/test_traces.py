"""The trace of a request, where X-Ray samples it; and nothing of it anywhere else."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.lambda_source.events import PRIVATE, proxy_event, trade_body
from tests.lambda_source.new_process import answer_in_new_process
from tests.lambda_source.servers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lambda_source.conftest import Call


class XRayDaemon:
    """Listens as the daemon beside every function does.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.5)
        self.address = f"{HOST}:{self._socket.getsockname()[1]}"

    def received(self) -> Iterator[dict[str, Any]]:
        try:
            while True:
                header, _, document = self._socket.recv(65536).decode().partition("\n")
                assert json.loads(header) == {"format": "json", "version": 1}
                yield json.loads(document)
        except TimeoutError:
            self._socket.close()


def with_nested(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        yield document
        yield from with_nested(document.get("subsegments", []))


TRACE_ID, PARENT_ID = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"


@pytest.mark.parametrize("sampled", [True, False])
def test_a_request_is_traced_when_x_ray_samples_it(
    api: Call, tmp_path: Path, sampled: bool
) -> None:
    daemon = XRayDaemon()
    body = trade_body(**PRIVATE)
    output = answer_in_new_process(
        *[proxy_event("POST", "/trades", body=body)] * 2,
        AWS_XRAY_DAEMON_ADDRESS=daemon.address,
        LAMBDA_TASK_ROOT=str(tmp_path),
        _X_AMZN_TRACE_ID=f"Root={TRACE_ID};Parent={PARENT_ID};Sampled={int(sampled)}",
    )
    documents = list(daemon.received())
    assert [line["status"] for line in output.lines] == [201, 200]
    assert ("aws_xray_sdk" in output.modules) is sampled
    if not sampled:
        assert documents == []
        return
    for line in output.lines:
        assert line["xray_trace_id"] == TRACE_ID
    handlers = [document for document in documents if document["name"] == "trade-api"]
    assert len(handlers) == 2
    for document in handlers:
        assert (document["type"], document["trace_id"]) == ("subsegment", TRACE_ID)
        assert document["parent_id"] == PARENT_ID
        assert document["start_time"] < document["end_time"]
    parts = list(with_nested(documents))
    database = [part for part in parts if part["name"] == "database"]
    # The key refuses the second trade.
    assert [part.get("fault", False) for part in database[:3]] == [False, True, False]
    ids = {document["id"] for document in handlers}
    assert all(part.get("parent_id") in {None, *ids} for part in database)
    for value in PRIVATE.values():
        assert value not in json.dumps(documents)
