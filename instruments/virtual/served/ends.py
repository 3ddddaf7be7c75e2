"""The far ends of real wires, as the serving process holds them: a TCP connection, a pseudo-terminal, a pipe.

They move bytes without ever blocking, and know what the operating system must be told for that; nothing of what the
bytes mean.
"""

import os
import socket
import sys
from errno import EBADF
from typing import Protocol

if sys.platform != "win32":
    import tty


class End(Protocol):
    """A wire's end. `recv` and `send` raise BlockingIOError when they would have to wait, OSError when it is dead."""

    name: str

    def fileno(self) -> int:
        """Descriptor to wait on."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Take up to `size` bytes; none means that the other side has closed."""
        ...

    def send(self, data: bytes, /) -> int:
        """Send what fits now; the number of bytes taken."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class TcpEnd:
    """An accepted connection, tuned for short messages each way.

    A client whose Nagle algorithm is on waits, between a write and a query, for the acknowledgement that a delayed-ACK
    kernel holds back for 40 ms. QUICKACK, which Linux forgets after each packet, takes that away even from clients that
    nobody can change.
    """

    def __init__(self, connection: socket.socket, name: str) -> None:
        self.name = name
        self._socket = connection
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge_at_once()

    def _acknowledge_at_once(self) -> None:
        if sys.platform == "linux":
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def fileno(self) -> int:
        """See `End.fileno`."""
        return self._socket.fileno()

    def recv(self, size: int, /) -> bytes:
        """See `End.recv`."""
        data = self._socket.recv(size)
        self._acknowledge_at_once()
        return data

    def send(self, data: bytes, /) -> int:
        """See `End.send`."""
        return self._socket.send(data)

    def close(self) -> None:
        """See `End.close`."""
        self._socket.close()


class PtyEnd:
    """The instrument's end of a pseudo-terminal; clients open `name` as a serial port. POSIX only.

    The terminal's own end stays open here as well: a client may come and go as at a real serial port, where nobody
    notices a pulled cable either.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise OSError("this platform has no pseudo-terminals: give the instrument a TCP address instead")
        self._instrument, self._terminal = os.openpty()
        tty.setraw(self._terminal)
        os.set_blocking(self._instrument, False)
        self.name = os.ttyname(self._terminal)

    def fileno(self) -> int:
        """See `End.fileno`."""
        return self._instrument

    def recv(self, size: int, /) -> bytes:
        """See `End.recv`."""
        return os.read(self._instrument, size)

    def send(self, data: bytes, /) -> int:
        """See `End.send`."""
        return os.write(self._instrument, data)

    def close(self) -> None:
        """See `End.close`."""
        os.close(self._instrument)
        os.close(self._terminal)


class PipeEnd:
    """What another process writes to this one: a pipe or a terminal that only speaks. POSIX only.

    It stays as it is, blocking, because a terminal is shared with a shell: whoever reads it does so once it is ready.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor

    def fileno(self) -> int:
        """See `End.fileno`."""
        return self._descriptor

    def recv(self, size: int, /) -> bytes:
        """See `End.recv`."""
        return os.read(self._descriptor, size)

    def send(self, _data: bytes, /) -> int:
        """Nothing can be said here; raises OSError."""
        raise OSError(EBADF, f"{self.name} cannot be written to")

    def close(self) -> None:
        """See `End.close`; the descriptor belongs to the process."""
