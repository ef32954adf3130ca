"""A proxy between the function and its database, where connections break as networks break them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from tests.lambda_source.servers import HOST


class TcpProxy:
    """Stands between the function and a server; what goes through it can be cut, held and slowed."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        # Of what the server sends on one connection, so much gets through; the rest is kept back.
        self.answer_limit: int | None = None
        self.seconds_per_byte = 0.0
        self.connections = 0
        self._closed = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection, at the client's end alone: the server goes on with what it was asked."""
        for client in self._open:
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Not by its number alone: the forwarding thread still waits on it.
                client.shutdown(socket.SHUT_RD)
                client.close()
        self._open.clear()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                try:
                    server = socket.create_connection(self.target, timeout=5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                for forward in (self._forward_requests, self._forward_answers):
                    threading.Thread(target=forward, args=(client, server), daemon=True).start()

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)

    def _forward_answers(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                limit = self.answer_limit
                now = data if limit is None else data[: max(0, limit - sent)]
                self._pass_on(client, now)
                while len(now) < len(data) and self.answer_limit is not None:
                    if self._closed.wait(0.01):
                        return
                self._pass_on(client, data[len(now) :])
                sent += len(data)
            client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, data: bytes) -> None:
        if not self.seconds_per_byte:
            client.sendall(data)
            return
        for byte in data:
            client.sendall(bytes([byte]))
            if self._closed.wait(self.seconds_per_byte):
                return
