"""Lines of text over a TCP connection, one instrument behind any number of connections."""

import asyncio
from contextlib import suppress


class Lines:
    """Answers each line; `idle` s without one closes the connection from this side, as some instruments do."""

    end = "\n"
    reply_end = "\n"
    encoding = "latin-1"

    def __init__(self) -> None:
        self.idle: float | None = None
        self.delay = 0.0
        """s that every answer takes."""
        self.mute = False
        """Takes everything, answers nothing."""
        self.sleepy = False
        """Loses the first message of each connection, as what is behind a serial port that must wake up does."""
        self.heard: list[str] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def answer(self, line: str) -> str | None:
        """What the instrument says to a line; None: nothing."""
        raise AssertionError(f"{type(self).__name__} has no dialect for {line!r}")

    def hang_up(self) -> None:
        """Close every connection; new ones are taken."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if self.sleepy:
                    await reader.readuntil(self.end.encode())
                while True:
                    raw = await asyncio.wait_for(reader.readuntil(self.end.encode()), self.idle)
                    await self._reply_to(raw.decode(self.encoding).rstrip("\r\n"), writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply_to(self, line: str, writer: asyncio.StreamWriter) -> None:
        self.heard.append(line)
        reply = self.answer(line)
        if self.delay and reply is not None:
            await asyncio.sleep(self.delay)
        if reply is not None and not self.mute:
            writer.write((reply + self.reply_end).encode(self.encoding))
            await writer.drain()
