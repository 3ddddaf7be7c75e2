"""The far end of a driver's wire: a socket that expects messages in an order, and answers them."""

import socket
import threading
from contextlib import suppress

from packbench import InstrumentLink, LinkContext

from insulation_bench.driver import KeysightB2985

Exchange = tuple[str, str | None]


class Script:
    """An instrument on a loopback socket that knows what it will be sent: pairs of a message and its answer."""

    def __init__(self, *exchanges: Exchange) -> None:
        self._left, self._wrong = list(exchanges), ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def driver(self, **options: object) -> KeysightB2985:
        """A driver at the other end."""
        link = InstrumentLink(f"TCPIP0::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET")
        context = LinkContext("@py", now=lambda: 0.0, sleep=lambda _seconds: None)
        return KeysightB2985.open(link, context, "tester", options)

    def finished(self) -> None:
        """Raise where something else was sent, or not everything."""
        self._thread.join(5)
        self._listener.close()
        assert not self._wrong, self._wrong
        assert self._left == []

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rw", encoding="ascii", newline="\n") as wire, suppress(OSError):
            for line in wire:
                expected, answer = self._left.pop(0) if self._left else ("nothing more", None)
                if line.rstrip("\n") != expected:
                    self._wrong = f"{line!r} was sent, expected was {expected!r}"
                    return
                if answer is not None:
                    wire.write(f"{answer}\n")
                    wire.flush()
