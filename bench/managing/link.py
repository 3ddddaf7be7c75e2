"""The link to a manager: one that listens already, or a process that is started for the time of a step.

Whatever a manager does, it costs at most its patience: a late answer is none, and is not taken for the next one.
"""

import http.client
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from bench.managing.answer import NoAnswer, parsed
from bench.managing.orphans import Watch
from bench.verdicts import BenchFault, InputError

PATIENCE = 10.0
"""s of real time that a manager has to answer, to the last byte."""
LARGEST = 1 << 20
"""Bytes of an answer: a power, and a warning for each departure, are a few hundred."""
BEGINS = 30.0
"""s of real time that a process has until it listens."""
_FROM_ELSEWHERE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
KILLED = frozenset(getattr(signal, name) for name in _FROM_ELSEWHERE if hasattr(signal, name))
"""Signals that come from elsewhere: an operator, a session that ends, a system that has no memory left."""
LINES = 50
"""Lines of a process before it listens."""


class Link:
    """Asks a manager: `which` is `http://HOST:PORT`, a command with its arguments, or the name of one that ships.

    Raises `InputError`, one sentence, where there is none. Close it: the process that was started ends then.
    """

    def __init__(self, which: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._watch: Watch | None = None
        self.which = which
        url = which if which.startswith(("http://", "https://")) else self._start(which)
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            self.close()
            raise InputError(f"manager {which!r}: give http://HOST:PORT, a command or a name.")
        self._link = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=PATIENCE)
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
            self._blame()
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

    def close(self) -> None:
        """Hang up, and end what was started; may be called again."""
        if hasattr(self, "_link"):
            self._link.close()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._dismiss()
        if process.stdout is not None:
            process.stdout.close()

    def _start(self, which: str) -> str:
        words = shlex.split(which)
        command = words if len(words) > 1 else [sys.executable, "-m", "managers", *words]
        try:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the user's own
        except OSError as error:
            raise InputError(f"manager {which!r} cannot be started: {error.strerror}.") from error
        self._watch = Watch(self._process.pid)
        found = self._listening(self._process)
        if found:
            return found
        self.close()
        raise InputError(
            f"manager {which!r} never said `listening on http://HOST:PORT`: give the name of one that ships "
            "(`python -m managers` lists them), a command that starts one, or its address."
        )

    @staticmethod
    def _listening(process: "subprocess.Popen[str]") -> str:
        """What it says that it listens on; empty where it ends, or says nothing in time."""
        found: list[str] = []

        def read(lines: Sequence[int]) -> None:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            for _ in lines:
                line = process.stdout.readline()
                if line.startswith("listening on "):
                    found.append(line.removeprefix("listening on ").strip())
                if found or not line:
                    return

        reader = threading.Thread(target=read, args=(range(LINES),), daemon=True)
        reader.start()
        reader.join(BEGINS)
        return found[0] if found else ""

    def _dismiss(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.dismiss()

    def _blame(self) -> None:
        """A process that ended by such a signal was ended by somebody else than itself; one that crashed was not."""
        process = self._process
        if process is None:
            return
        try:
            status = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return
        self._dismiss()
        if -status in KILLED:
            raise BenchFault(
                f"The manager {self.which} was killed by signal {-status}: nothing is known of how it would have "
                "managed; run it again.",
                "manager-killed",
            )
