"""The link to a manager: one that listens already, or a process that is started for the time of a step.

Whatever a manager does, it costs at most its patience: a late answer is none, and is not taken for the next one. Each
question has a connection of its own: what is said on it belongs to that question and to no other, and no server has
grown tired of it in the quarter of an hour since the one before.
"""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from bench.managing.answer import NoAnswer, parsed
from bench.managing.links import Seen
from bench.managing.process import Process, blame, command_of, end, listening, start
from bench.plain import plain
from bench.verdicts import InputError

PATIENCE = 10.0
"""s of real time that a manager has to answer, to the last byte."""
LARGEST = 1 << 20
"""Bytes of an answer: a power, and a warning for each departure, are a few hundred."""


LOOK = 2.0
"""s of real time between two looks whether somebody still listens, where time is real."""


class Link:
    """Asks a manager: `which` is `http://HOST:PORT`, a command with its arguments, or the name of one that ships.

    Where time is real (`beside`) it is looked after between two questions, which are fifteen minutes apart.
    Raises `InputError`, one sentence, where there is none. Close it: the process that was started ends then.
    """

    live, says = False, ""

    def __init__(self, which: str, *, beside: bool = False) -> None:
        self._process: Process | None = None
        self.which, self._refused, self._over = which, False, threading.Event()
        self._questions = 0
        url = which if which.startswith(("http://", "https://")) else self._start(which)
        try:
            self._place = _place(which, url)
            with closing(self._connection()) as first:
                first.connect()
        except OSError as error:
            self.close()
            raise InputError(f"manager {which}: nobody answers at {url} ({error}).") from error
        except InputError:
            self.close()
            raise
        if beside:
            threading.Thread(target=self._look_after, name="manager looked after", daemon=True).start()

    @property
    def lost(self) -> bool:
        """Whether nobody is there any more who could be asked: its process has ended, or nothing answers."""
        return self._refused or (self._process is not None and self._process.is_over)

    def _look_after(self) -> None:
        while not self._over.wait(LOOK):
            before = self._questions
            there = self._is_there()
            # Who can do one thing at a time has our question to answer first; what becomes of that is told there.
            if there or (before == self._questions and not before % 2):
                self._refused = not there

    def _is_there(self) -> bool:
        """Whether it answers anything at all: one that hangs still has a system that takes calls for it."""
        try:
            with _patience(self._connection()) as connection:
                connection.request("GET", "/", headers={"Connection": "close"})
                connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Ask it; raises `NoAnswer`, or `BenchFault` where somebody killed its process."""
        try:
            with self._questioned(), _patience(self._connection()) as connection:
                status, body = _asked(connection, json.dumps(request, allow_nan=False))
        except (OSError, http.client.HTTPException) as error:
            blame(self.which, self._process)
            raise NoAnswer(f"it did not answer ({type(error).__name__}).") from error
        if len(body) > LARGEST:
            raise NoAnswer(f"it answered more than {LARGEST} bytes, and nobody read on.")
        if status != 200:
            raise NoAnswer(f"it answered {status}: {plain(body[:120].decode('utf-8', 'replace'))}")
        return parsed(body)

    @contextmanager
    def _questioned(self) -> Iterator[None]:
        """Meanwhile the number of questions begun and ended is odd."""
        self._questions += 1
        try:
            yield
        finally:
            self._questions += 1

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._place, timeout=PATIENCE)

    def follow(self, seen: Seen) -> None:
        """See `links.Link`: it is heard when it was asked, and only then."""

    def close(self) -> None:
        """End what was started; may be called again."""
        self._over.set()
        process, self._process = self._process, None
        end(process)

    def _start(self, which: str) -> str:
        self._process = start(which, command_of(which))
        found = listening(self._process)
        if found:
            return found
        self.close()
        raise InputError(
            f"manager {which!r} never said `listening on http://HOST:PORT`: give the name of one that ships "
            "(`python -m managers` lists them), a command that starts one, or its address."
        )


def _place(which: str, url: str) -> tuple[str, int]:
    """Host and port of a URL; raises `InputError` for one that is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "http" or parts.path.strip("/") or parts.query:
        raise InputError(f"manager {which!r}: give http://HOST:PORT, a command or a name.")
    return host, port


def _asked(connection: http.client.HTTPConnection, request: str) -> tuple[int, bytes]:
    """What is answered: a status, and a body as far as anybody reads one."""
    connection.request("POST", "/decide", request, {"Content-Type": "application/json", "Connection": "close"})
    response = connection.getresponse()
    return response.status, response.read(LARGEST + 1)


@contextmanager
def _patience(connection: http.client.HTTPConnection) -> Iterator[http.client.HTTPConnection]:
    """Connect, and hang up at the end; cut the line when its time is up; raises `TimeoutError` then.

    The timeout of a socket is that of each byte: an answer that trickles in would keep the bench for ever.
    """
    with closing(connection):
        connection.connect()
        cut, line = threading.Event(), connection.sock

        def end() -> None:
            cut.set()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(PATIENCE, end)
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            if cut.is_set():
                raise TimeoutError("its time is up")
