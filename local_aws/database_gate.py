"""What stands before a database: a user of ``AWSAuthenticationPlugin`` passes with an IAM token only.

Aurora asks such a user for the password as it is, over TLS, and takes a token signed with
credentials that may connect as the user. MariaDB has no such plugin. So all clients come through a
gate, which ends TLS, looks who is there, and hands everybody else's login to the server as it is.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import select
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING

import pymysql
from pymysql._auth import scramble_native_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Authorize = Callable[[str, str], bool]

PORT = 3306
SERVER_PORT = 3307
SOCKET = "mariadbd.sock"
_LOGIN_SECONDS = 10
_CHUNK = 65536
# A TLS request is a login that ends before the user's name.
_BEFORE_NAME = 32
_ASK_FOR_TOKEN = b"\xfemysql_clear_password\0"
_AURORAS_PLUGIN = re.compile(rb"IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'", re.IGNORECASE)


class DatabaseGate:
    """The gate at an address, before the server whose socket is in ``data``.

    ``authorize`` is asked whether a token lets a user in. To the server, all such users have the
    ``password``, which the gate alone knows.
    """

    def __init__(self, address: str, data: Path, password: str, authorize: Authorize) -> None:
        self._address = address
        self._data = data
        self._password = password
        self._authorize = authorize
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._listener: socket.socket | None = None

    def claim(self) -> None:
        """Take the address; clients wait.

        :raises OSError: it is taken already, or this machine does not have it.
        """
        self.close()
        self._listener = socket.create_server((self._address, PORT), backlog=128)

    def open(self, certificate: Path, key: Path) -> None:
        """Let clients in from now on."""
        self._tls.load_cert_chain(certificate, key)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more; who is within stays as long as the server does."""
        if self._listener is not None:
            # Wakes the thread that waits for clients, which would keep the address.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # What either side closes, breaks or garbles ends the connection, and nothing else.
        with client, contextlib.suppress(OSError, EOFError, ValueError, pymysql.MySQLError):
            client.settimeout(_LOGIN_SECONDS)
            # Not by the server's socket file, where it takes the administrator's word for who he is.
            with socket.create_connection((self._address, SERVER_PORT), _LOGIN_SECONDS) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connect(client, server)

    def _connect(self, client: socket.socket, server: socket.socket) -> None:
        number, greeting = _receive(server)
        _send(client, number, greeting)
        number, request = _receive(client)
        if len(request) != _BEFORE_NAME:
            message = "Connections using insecure transport are prohibited"
            _send(client, number + 1, _error(3159, "HY000", message))
            return
        _send(server, number, request)
        with (
            self._tls.wrap_socket(client, server_side=True) as safe_client,
            _tls_to_server().wrap_socket(server) as safe_server,
        ):
            self._log_in(safe_client, safe_server, _challenge(greeting))
            safe_client.settimeout(None)
            safe_server.settimeout(None)
            self._relay(safe_client, safe_server)

    def _log_in(self, client: ssl.SSLSocket, server: ssl.SSLSocket, challenge: bytes) -> None:
        number, login = _receive(client)
        end = login.index(b"\0", _BEFORE_NAME)
        user = login[_BEFORE_NAME:end].decode()
        if not self._needs_token(user):
            _send(server, number, login)
            return
        _send(client, number + 1, _ASK_FOR_TOKEN)
        asked, token = _receive(client)
        if not self._authorize(user, token.removesuffix(b"\0").decode()):
            message = f"Access denied for user '{user}'@'{client.getpeername()[0]}'"
            _send(client, asked + 1, _error(1045, "28000", message))
            raise EOFError
        proof = scramble_native_password(self._password.encode(), challenge)
        after_proof = end + 2 + login[end + 1]
        _send(server, number, login[: end + 1] + bytes([len(proof)]) + proof + login[after_proof:])
        _send(client, asked + 1, _receive(server)[1])

    def _needs_token(self, user: str) -> bool:
        with (
            socket_path(self._data) as path,
            pymysql.connect(
                unix_socket=path, user=getpass.getuser(), ssl_disabled=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT 1 FROM mysql.user WHERE user = %s AND authentication_string = PASSWORD(%s)",
                (user, self._password),
            )
            return cursor.fetchone() is not None

    def _relay(self, client: ssl.SSLSocket, server: ssl.SSLSocket) -> None:
        poll = select.poll()
        ways = {client.fileno(): (client, server), server.fileno(): (server, client)}
        for descriptor in ways:
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                source, target = ways[descriptor]
                data = source.recv(_CHUNK)
                while source.pending():
                    data += source.recv(_CHUNK)
                if not data:
                    return
                target.sendall(self._translated(data) if source is client else data)

    def _translated(self, data: bytes) -> bytes:
        """A statement that makes a user of Aurora's plugin, as MariaDB can take it; else as it is."""
        if not _AURORAS_PLUGIN.search(data):
            return data
        known_to_gate = f"IDENTIFIED BY '{self._password}'".encode()
        statement = _AURORAS_PLUGIN.sub(known_to_gate, data[4:])
        return struct.pack("<I", len(statement))[:3] + data[3:4] + statement


@contextlib.contextmanager
def socket_path(data: Path) -> Iterator[str]:
    """The path of a server's socket, for one connection.

    Through its folder's descriptor: a socket's whole path may have 107 characters only.
    """
    folder = os.open(data, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


def _tls_to_server() -> ssl.SSLContext:
    """The server wants TLS of a user with ``REQUIRE SSL``, here too; there is nobody to be wary of."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # In TLS 1.3 a server sends tickets on its own account: there would be something to receive, but
    # nothing to read.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _challenge(greeting: bytes) -> bytes:
    """What the server wants the password to be mixed with: two parts, after version and thread."""
    first = greeting.index(b"\0") + 5
    return greeting[first : first + 8] + greeting[first + 27 : first + 39]


def _error(code: int, state: str, message: str) -> bytes:
    return b"\xff" + struct.pack("<H", code) + f"#{state}{message}".encode()


def _send(peer: socket.socket, number: int, payload: bytes) -> None:
    peer.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)


def _receive(peer: socket.socket) -> tuple[int, bytes]:
    head = _exactly(peer, 4)
    return head[3], _exactly(peer, int.from_bytes(head[:3], "little"))


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
