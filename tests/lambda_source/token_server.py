"""A server that speaks MySQL as far as authentication goes, and asks for the password as it is.

Aurora does so for a user of AWSAuthenticationPlugin; no server that can be had here does.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING

from pymysql.constants import CLIENT

from tests.lambda_source.servers import HOST

if TYPE_CHECKING:
    from pathlib import Path

_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_ASK_FOR_PASSWORD = b"\xfemysql_clear_password\0"
_REFUSED = (
    b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user 'trade_api'@'10.0.0.1'"
)


class TokenServer:
    """Keeps what it is told: before TLS (`in_the_clear`) and as passwords within it (`passwords`)."""

    def __init__(self, certificate: Path, key: Path, *, tls: bool = True) -> None:
        self.passwords: list[str] = []
        self.users: list[str] = []
        self.in_the_clear = b""
        self.accepts = True
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate, key)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            _send(client, 0, self._greeting())
            number, request = _receive(client)
            self.in_the_clear += request
            if self._tls is None:
                # As a thief would: asks for the password where anybody could read it.
                _send(client, number + 1, _ASK_FOR_PASSWORD)
                self.in_the_clear += _receive(client)[1]
                return
            self._authenticate(self._tls.wrap_socket(client, server_side=True))

    def _authenticate(self, client: socket.socket) -> None:
        number, response = _receive(client)
        # Capabilities, largest packet, character set, filler; then the name.
        self.users.append(response[32:].split(b"\0")[0].decode())
        _send(client, number + 1, _ASK_FOR_PASSWORD)
        number, password = _receive(client)
        self.passwords.append(password.removesuffix(b"\0").decode())
        if not self.accepts:
            _send(client, number + 1, _REFUSED)
            return
        _send(client, number + 1, _OK)
        while True:
            _receive(client)
            _send(client, 1, _OK)

    def _greeting(self) -> bytes:
        offered = CLIENT.CAPABILITIES | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_WITH_DB
        capabilities = offered | CLIENT.SSL if self._tls else offered & ~CLIENT.SSL
        return (
            b"\x0a8.0.39\0"
            + struct.pack("<I", 1)
            + b"saltsalt\0"
            + struct.pack("<HBHHB", capabilities & 0xFFFF, 45, 2, capabilities >> 16, 21)
            + bytes(10)
            + b"saltsaltsalt\0mysql_native_password\0"
        )


def _send(client: socket.socket, number: int, payload: bytes) -> None:
    client.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)


def _receive(client: socket.socket) -> tuple[int, bytes]:
    head = _exactly(client, 4)
    return head[3], _exactly(client, int.from_bytes(head[:3], "little"))


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
