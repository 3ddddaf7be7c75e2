"""Whom the adversary asks: a manager of a name in this process, one at a URL, or a command that starts one."""

import http.client
import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from bench.verdicts import BenchFault, InputError
from managers.registry import UnknownManager, manager_named
from packbench.adversary.living import Manager, NoAnswer

PATIENCE = 10.0
"""s that a manager has to answer."""
LINES = 50
"""Lines of a process before it listens."""


@contextmanager
def opened(which: str) -> Iterator[Manager]:
    """Open a manager; raises `InputError` for one that there is not, and `BenchFault` where its process was killed."""
    if which.startswith(("http://", "https://")):
        with closing(Remote(which)) as remote:
            yield remote
    elif len(words := shlex.split(which)) > 1:
        with _started(words) as manager:
            yield manager
    else:
        try:
            manager = manager_named(which)
        except UnknownManager as error:
            raise InputError(f"{error} A URL http://… or a command with its arguments will do as well.") from error
        yield Here(manager)


class Here:
    """One in this process; what it raises is its own failure."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask it."""
        try:
            answer: dict[str, Any] = self._manager.decide(request)
        except Exception as error:
            raise NoAnswer(f"it raised {type(error).__name__}: {error}") from error
        return answer


class Remote:
    """One that answers HTTP; `process` is the one behind it, where it was started here."""

    def __init__(self, url: str, process: "subprocess.Popen[str] | None" = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise InputError(f"manager {url!r}: give http://HOST:PORT.")
        self._link = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=PATIENCE)
        self._process, self._url = process, url
        try:
            self._link.connect()
        except OSError as error:
            raise InputError(f"manager {url}: nobody answers there ({error}).") from error

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask it; raises `NoAnswer`, or `BenchFault` where somebody killed its process."""
        try:
            self._link.request("POST", "/decide", json.dumps(request), {"Content-Type": "application/json"})
            response = self._link.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._link.close()
            self._blame()
            raise NoAnswer(f"it did not answer ({type(error).__name__}).") from error
        if response.status != 200:
            raise NoAnswer(f"it answered {response.status}: {body[:120].decode('utf-8', 'replace')}")
        return _object(body)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _blame(self) -> None:
        """A process that ended by a signal was ended by somebody else than itself."""
        process = self._process
        if process is None:
            return
        try:
            status = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return
        if status < 0:
            raise BenchFault(f"The manager's process was killed by signal {-status}; nothing is known of the manager.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise NoAnswer(f"it answered {body[:60]!r}, which is no JSON.") from error
    if not isinstance(answer, Mapping):
        raise NoAnswer(f"it answered {body[:60]!r}, which is no object.")
    return dict(answer)


@contextmanager
def _started(words: list[str]) -> Iterator[Manager]:
    """Start a process that is a manager, and end it."""
    try:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the user's own command
    except OSError as error:
        raise InputError(f"manager {shlex.join(words)!r} cannot be started: {error.strerror}.") from error
    try:
        with closing(Remote(_address(process, words), process)) as remote:
            yield remote
    finally:
        process.terminate()
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: "subprocess.Popen[str]", words: list[str]) -> str:
    """What it says that it listens on."""
    for _ in range(LINES):
        line = process.stdout.readline() if process.stdout is not None else ""
        if line.startswith("listening on "):
            return line.removeprefix("listening on ").strip()
        if not line:
            break
    raise InputError(f"manager {shlex.join(words)!r} never printed: listening on http://HOST:PORT.")
