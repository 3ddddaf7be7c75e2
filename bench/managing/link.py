"""The link to a manager: one that listens already, or a process that is started for the time of a step.

Whatever a manager does, it costs at most its patience: a late answer is none, and is not taken for the next one.
"""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from bench.managing.answer import NoAnswer, parsed
from bench.managing.links import Seen
from bench.managing.process import Process, blame, command_of, end, listening, start
from bench.verdicts import InputError

PATIENCE = 10.0
"""s of real time that a manager has to answer, to the last byte."""
LARGEST = 1 << 20
"""Bytes of an answer: a power, and a warning for each departure, are a few hundred."""


def _address(url: str) -> tuple[str, int]:
    """Host and port of a URL; raises `ValueError` where it is none of HTTP, and for a port that there is not."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(url)
    return parts.hostname, parts.port or http.client.HTTP_PORT


class Link:
    """Asks a manager: `which` is `http://HOST:PORT`, a command with its arguments, or the name of one that ships.

    Raises `InputError`, one sentence, where there is none. Close it: the process that was started ends then.
    """

    live, says = False, ""

    def __init__(self, which: str) -> None:
        self._process: Process | None = None
        self.which = which
        url = which if which.startswith(("http://", "https://")) else self._start(which)
        try:
            host, port = _address(url)
        except ValueError:
            self.close()
            raise InputError(f"manager {which!r}: give http://HOST:PORT, a command or a name.") from None
        self._link = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        try:
            self._link.connect()
        except OSError as error:
            self.close()
            raise InputError(f"manager {which}: nobody answers at {url} ({error}).") from error

    def decide(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Ask it; raises `NoAnswer`, or `BenchFault` where somebody killed its process."""
        try:
            with self._patience():
                status, body = self._asked(json.dumps(request))
        except (OSError, http.client.HTTPException) as error:
            # The connection goes with it: an answer that comes late finds nobody.
            self._link.close()
            blame(self.which, self._process)
            raise NoAnswer(f"it did not answer ({type(error).__name__}).") from error
        if len(body) > LARGEST:
            self._link.close()
            raise NoAnswer(f"it answered more than {LARGEST} bytes, and nobody read on.")
        if status != 200:
            raise NoAnswer(f"it answered {status}: {body[:120].decode('utf-8', 'replace')}")
        return parsed(body)

    def _asked(self, request: str) -> tuple[int, bytes]:
        """What it answers: its status, and its body as far as anybody reads one."""
        self._link.request("POST", "/decide", request, {"Content-Type": "application/json"})
        response = self._link.getresponse()
        return response.status, response.read(LARGEST + 1)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Cut the line when its time is up; raises `TimeoutError` then.

        The timeout of a socket is that of each byte: an answer that trickles in would keep the bench for ever.
        """
        if self._link.sock is None:
            self._link.connect()
        cut, line = threading.Event(), self._link.sock

        def end() -> None:
            cut.set()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(PATIENCE, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if cut.is_set():
                raise TimeoutError("its time is up")

    def follow(self, seen: Seen) -> None:
        """See `links.Link`: it is heard when it was asked, and only then."""

    def close(self) -> None:
        """Hang up, and end what was started; may be called again."""
        if hasattr(self, "_link"):
            self._link.close()
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
