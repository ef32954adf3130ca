"""A TCP proxy between the functions and one database endpoint, which does to connections what networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from tests.lambda_source.servers import HOST

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")

# A little more than a statement may take.
HELD_UP_SECONDS = 5.3
_RESET = struct.pack("ii", 1, 0)


class Harm(StrEnum):
    """What happens to a connection.

    After `STALL` both ends see it open, and nothing arrives any more. After `HOLD_UP` all arrives, when
    the client has given it up: a COMMIT, too, or the answer to another statement.
    """

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"
    HOLD_UP = "hold up"
    HALF_CLOSE_CLIENT = "half-close towards the client"
    HALF_CLOSE_SERVER = "half-close towards the server"


@dataclass
class Trap:
    """Harm for the first connection that moves now, when this many more pieces have passed, either way.

    Five pieces back and forth, a transaction is before its COMMIT; one more, and the COMMIT has been
    done but the answer to it does not arrive.
    """

    harm: Harm
    after_pieces: int
    victim: Link | None = None


class Link:
    """A client's connection, and the one made for it to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        # Nothing is passed on to these any more.
        self.unheard: set[asyncio.StreamWriter] = set()
        self.moves = asyncio.Event()
        self.moves.set()

    def suffer(self, harm: Harm) -> None:
        """Do this harm to the connection."""
        match harm:
            case Harm.CUT:
                self.client.close()
                self.server.close()
            case Harm.RESET:
                self.reset()
            case Harm.STALL:
                self.unheard |= {self.client, self.server}
            case Harm.HOLD_UP:
                self.moves.clear()
                asyncio.get_running_loop().call_later(HELD_UP_SECONDS, self.moves.set)
            case Harm.HALF_CLOSE_CLIENT:
                self._half_close(self.client)
            case Harm.HALF_CLOSE_SERVER:
                self._half_close(self.server)

    def reset(self) -> None:
        """End it both ways at once, as a restarted middle box does."""
        for side in (self.client, self.server):
            with suppress(OSError):
                side.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET
                )
            side.transport.abort()

    def _half_close(self, side: asyncio.StreamWriter) -> None:
        self.unheard.add(side)
        with suppress(OSError):
            side.write_eof()


class Proxy:
    """Passes on what comes to an address to another port of this machine, in a thread of its own."""

    def __init__(self, host: str, port: int, target: int) -> None:
        self.host, self._target = host, target
        self._loop = asyncio.new_event_loop()
        self._links: set[Link] = set()
        self._trap: tuple[Trap, asyncio.Future[None]] | None = None
        self._delay = 0.0
        self._refusing = False
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._server = self._do(asyncio.start_server(self._accept, host, port))

    def strike(self, harm: Harm, after_pieces: int, patience: float) -> bool:
        """Set a trap, and wait until something goes into it; whether it did."""
        return self._do(self._strike(Trap(harm, after_pieces), patience))

    def refuse(self, refusing: bool) -> None:
        """Reset what is there and what comes; or let it come again."""
        self._do(self._refuse(refusing))

    def slow_down(self, seconds: float) -> None:
        """Let every piece take so much longer."""
        self._delay = seconds

    @property
    def open_links(self) -> int:
        """How many clients are connected, as far as they know."""
        return len(self._links)

    def close(self) -> None:
        """Stop at once."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _do(self, work: Coroutine[None, None, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _strike(self, trap: Trap, patience: float) -> bool:
        sprung: asyncio.Future[None] = self._loop.create_future()
        self._trap = (trap, sprung)
        try:
            await asyncio.wait_for(sprung, patience)
        except TimeoutError:
            return False
        finally:
            self._trap = None
        return True

    async def _refuse(self, refusing: bool) -> None:
        self._refusing = refusing
        for link in self._links if refusing else ():
            link.reset()

    async def _stop(self) -> None:
        self._server.close()
        await self._refuse(True)
        while self._links:
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._refusing:
                raise ConnectionError
            server_reader, server_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pass_on(link, reader, server_writer),
                self._pass_on(link, server_reader, writer),
            )
        finally:
            self._links.discard(link)
            writer.close()
            server_writer.close()

    async def _pass_on(
        self, link: Link, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                self._spring(link)
                if self._delay:
                    await asyncio.sleep(self._delay)
                await link.moves.wait()
                if target not in link.unheard:
                    target.write(piece)
                    await target.drain()
        # Also of a stalled connection: the kernel of a client that gave it up says so sooner or later.
        target.close()

    def _spring(self, link: Link) -> None:
        if self._trap is None or self._trap[1].done():
            return
        trap, sprung = self._trap
        trap.victim = trap.victim or link
        if trap.victim is not link:
            return
        if trap.after_pieces > 0:
            trap.after_pieces -= 1
            return
        link.suffer(trap.harm)
        sprung.set_result(None)
