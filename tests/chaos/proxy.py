"""A TCP proxy whose line can be cut or slowed while it is in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 65_536


class Line:
    """The line between a client and a server.

    Attributes:
        delay: Seconds every piece of data takes longer.
    """

    def __init__(self, host: str, port: int) -> None:
        self.delay = 0.0
        self._host, self._port = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = asyncio.Event()
        self._whole.set()

    def cut(self) -> None:
        """Break every connection, and let new ones hang until the line is mended."""
        self._whole.clear()
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Let everything through again, at full speed."""
        self.delay = 0.0
        self._whole.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self._open.add(writer)
        try:
            await self._whole.wait()
            there, back = await asyncio.open_connection(self._host, self._port)
            self._open.add(back)
            try:
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
            finally:
                self._open.discard(back)
                back.close()
        except OSError:
            return  # the server is away, which is what a client sees of it
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)  # the fault itself
                writer.write(piece)
                await writer.drain()
            writer.write_eof()


@asynccontextmanager
async def line_to(host: str, port: int, at: int) -> AsyncIterator[Line]:
    """Listen on a port of this machine and pass everything on."""
    line = Line(host, port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", at)
    try:
        yield line
    finally:
        server.close()
        line.cut()
