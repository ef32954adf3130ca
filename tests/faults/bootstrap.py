"""The process that execution environments are forked from: it has imported the handler, and no more.

A fork instead of a cold start: it has no connection, no credentials and no client of AWS either, and costs a
hundredth of the processor's time. Run as a script, with the unpacked ZIP first on PYTHONPATH.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

LAMBDA_TIMEOUT_SECONDS = 30
CLOCK = struct.Struct("d")

_true_time = time.time


class _SteppedDatetime(datetime):
    """Makes ordinary datetimes, of the clock as it has been set."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return datetime(*arguments, **named)  # noqa: DTZ001 - as its caller says

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.fromtimestamp(time.time(), tz)


class _Context:
    """What Lambda passes as the second argument."""

    function_name = "trade-api-faults"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:trade-api-faults"
    aws_request_id = "1b1c6f7e-0000-4000-8000-000000000000"

    def __init__(self) -> None:
        self._deadline = time.monotonic() + LAMBDA_TIMEOUT_SECONDS

    def get_remaining_time_in_millis(self) -> int:
        return int((self._deadline - time.monotonic()) * 1000)


def main() -> None:
    """Arguments: the path of the socket to listen on, that of the clocks' file, the handler."""
    path, clocks, entry_point = sys.argv[1:]
    module, _, function = entry_point.rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    _load_sdk()
    # The kernel takes away those that were killed.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}-being-made")
        listener.listen(64)
        # Who sees it can connect to it.
        Path(f"{path}-being-made").rename(path)
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                # Whoever started this is gone, and the frozen cannot end by themselves.
                os.killpg(0, signal.SIGKILL)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                sys.stdin.close()
                _serve(connection, handler, clocks)
                os._exit(0)
            connection.close()


def _load_sdk() -> None:
    """What reading a secret imports, and the SDK's description of that service, which it then keeps."""
    import boto3  # noqa: PLC0415

    boto3.client("secretsmanager", region_name="us-east-1")


def _serve(connection: socket.socket, handler: Any, clocks: str) -> None:
    """Answer one request after the other; the first line tells which clock is this environment's."""
    with connection, connection.makefile("rw", encoding="utf-8") as stream:
        number = json.loads(stream.readline())
        _follow_clock(Path(clocks), number)
        _tell(stream, os.getpid())
        for line in stream:
            event = json.loads(line)
            try:
                answer = handler(event, _Context())
            except Exception as error:  # noqa: BLE001 - as Lambda does
                answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
            _tell(stream, answer)


def _tell(stream: Any, value: Any) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()


def _follow_clock(file: Path, number: int) -> None:
    """Let the time of day be as far off as the file says now, even within a request."""
    with file.open("rb") as opened:
        memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)

    def stepped() -> float:
        (offset,) = CLOCK.unpack_from(memory, number * CLOCK.size)
        return _true_time() + float(offset)

    time.time = stepped
    for name, module in list(sys.modules.items()):
        if name.startswith("trade_service.") and getattr(module, "datetime", None) is datetime:
            module.datetime = _SteppedDatetime  # type: ignore[attr-defined]  # a module that has it


if __name__ == "__main__":
    main()
