"""TCP and TLS to a server, where every wait ends when the exchange it belongs to must have ended."""

from __future__ import annotations

import socket
import ssl
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from trade_service import request_context

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

# On the monotonic clock: when the exchange under way must have ended.
_exchange_ends: ContextVar[float] = ContextVar("exchange_ends")


def exchange(seconds: float) -> AbstractContextManager[None]:
    """The context of an exchange with a server that may take so long; its time is the database's."""
    context = request_context.current()
    _exchange_ends.set(time.monotonic() + min(seconds, context.remaining))
    return context.database_time()


class _BoundedSocket(socket.socket):
    """A socket each of whose waits ends when the exchange that it belongs to must have ended.

    Not a timeout of the socket's own: that one begins again with every piece that arrives, and a server
    that trickles would be waited for without end.
    """

    def recv_into(self, *arguments: Any) -> int:
        self._limit()
        return super().recv_into(*arguments)

    def send(self, *arguments: Any) -> int:
        self._limit()
        return super().send(*arguments)

    def sendall(self, *arguments: Any) -> None:
        self._limit()
        super().sendall(*arguments)

    def _limit(self) -> None:
        self.settimeout(_left())


class _BoundedTlsSocket(_BoundedSocket, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self._limit()
        super().do_handshake(block)


def reach(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address that answers, of those the name has now.

    Raises:
        OSError: none answers, or there is none.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for others, (family, kind, protocol, _, address) in zip(
        reversed(range(len(addresses))), addresses, strict=True
    ):
        reached = _BoundedSocket(family, kind, protocol)
        try:
            reached.settimeout(_left() / (1 + others))
            reached.connect(address)
            reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            reached.close()
            if not others:
                raise
        else:
            return reached
    raise OSError(f"{host} has no address")


def tls_context(ca_bundle: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer, trusting only the bundle's authorities, checking the host's name.

    Built bare rather than by ``ssl.create_default_context``: from Python 3.13 that adds
    VERIFY_X509_STRICT, and the function must behave alike on every runtime.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_bundle)
    context.sslsocket_class = _BoundedTlsSocket
    return context


def _left() -> float:
    left = _exchange_ends.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
