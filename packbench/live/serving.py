"""The live page's server, on loopback unless told otherwise: one page, one stream of what is new, and two buttons.

Several browsers may look. Each is served by a thread of its own that sends what that browser has not had yet; one that
lags gets the newest and costs nobody else anything. Who wants to stop the test needs the token that the terminal shows.
"""

import json
import secrets
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from mimetypes import guess_type
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from bench.asking import Answer, write_answer
from packbench.live.telling import head, question, scenario, state, thinned
from packbench.live.watching import Watch

PERIOD = 1.0
"""s between two looks: a run is written about once a second."""
SILENCE = 10.0
"""s until a browser that takes nothing is let go."""
UNDER_WAY = 2**16
"""Bytes that the system may hold for a browser that does not take them: more would be old by the time it does."""
POINTS = 1500
"""Rows that a browser is sent when it comes."""
AT_ONCE = 200
"""Rows that are sent at once later: of a test that is faster than time, every so many of them."""


POLICY = "default-src 'self'; style-src 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:"
"""Nothing from elsewhere."""


class Control(Protocol):
    """What the buttons do; each returns a sentence."""

    def stop(self) -> str:
        """End the test in order, as Ctrl-C does."""
        ...

    def make_safe(self) -> str:
        """Outputs off at once, and the rest of the end left out."""
        ...


@dataclass
class Page:
    """What all browsers share: the run that is watched, and a bell that rings when there is something new."""

    watch: Watch
    control: Control
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    bell: threading.Condition = field(default_factory=threading.Condition)
    closed: bool = False
    asked: list[str] = field(default_factory=list)
    """What somebody asked for by a button, and what went wrong with the page itself, as sentences."""

    def look(self) -> None:
        """Read what is new, and tell whoever waits."""
        with self.bell:
            if self.watch.look():
                self.bell.notify_all()

    def stumbled(self, error: BaseException) -> None:
        """Say once what the page could not do: who sees an empty page must not take it for a quiet test."""
        said = f"This page made a mistake of its own ({type(error).__name__}: {error}); the test does not depend on it."
        with self.bell:
            if said in self.asked:
                return
            self.asked.append(said)
            self.bell.notify_all()
        traceback.print_exception(error)

    def close(self) -> None:
        """Let everybody go."""
        with self.bell:
            self.closed = True
            self.bell.notify_all()


def answered(page: Page, said: Mapping[str, str]) -> str:
    """Answer the question that is asked just now; returns a sentence."""
    run = page.watch.run
    asked = question(run) if run else None
    answer, who = said.get("answer", ""), said.get("who", "").strip() or "somebody at the page"
    if run is None or asked is None or str(asked["step"]) != said.get("step", ""):
        return "Nobody is asked that any more."
    if answer not in asked["answers"]:
        return f"{answer!r} is none of the answers: {', '.join(asked['answers'])}."
    try:
        write_answer(run.folder, int(asked["step"]), Answer(answer, who, "page"))
    except OSError as error:
        return f"The answer could not be written: {error.strerror or error}."
    return f"{who}: {answer}."


class _Sent:
    """What one browser has had."""

    def __init__(self) -> None:
        self._run, self._rows, self._events = "", 0, 0
        self._asked, self._turns, self._over = 0, 0, False

    def news(self, page: Page) -> dict[str, Any] | None:
        """What it has not had yet; None where there is nothing."""
        run = page.watch.run
        if run is None:
            return None
        message: dict[str, Any] = {}
        if run.name != self._run:
            self._run, self._rows, self._events, self._turns, self._over = run.name, 0, 0, 0, False
            message = {"head": head(run)}
        missing, events, turns = run.number - self._rows, run.told - self._events, run.turns - self._turns
        if not (message or missing or events or turns or len(page.asked) > self._asked or run.over != self._over):
            return None
        rows = list(run.rows)[-missing:] if missing else []
        message |= {
            "rows": thinned(rows, POINTS if "head" in message else AT_ONCE), "state": state(run),
            "events": list(run.events)[-events:] if events else [], "asked": page.asked[self._asked :],
        }  # fmt: skip
        if turns or run.over != self._over:
            message["scenario"] = scenario(run)
        self._turns = run.turns
        self._rows, self._events, self._asked, self._over = run.number, run.told, len(page.asked), run.over
        return message


class Server(ThreadingHTTPServer):
    """Serves one page until it is closed."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        super().__init__(address, _Handler)
        self.page = page

    @property
    def url(self) -> str:
        """Where it is, with the token that its buttons ask for."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/?token={self.page.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes is no error; anything else is one of ours, and is said."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.page.stumbled(error)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = SILENCE
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """A browser that lags gets the newest, and not what has queued up for it."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNDER_WAY)
        super().setup()

    def do_GET(self) -> None:
        """The page, what it is drawn with, and what is new."""
        if not self._is_meant():
            return
        places: Mapping[str, Callable[[], None]] = {
            "/": self._page,
            "/uplot.js": self._uplot,
            "/stream": self._stream,
            "/photo": self._photo,
        }
        places.get(urlsplit(self.path).path, self._nothing)()

    def do_POST(self) -> None:
        """The buttons."""
        if not self._is_meant():
            return
        page = self.server.page
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        buttons: Mapping[str, Callable[[], str]] = {
            "/stop": page.control.stop, "/safe": page.control.make_safe, "/answer": lambda: answered(page, asked),
        }  # fmt: skip
        pressed = buttons.get(urlsplit(self.path).path)
        given = asked.get("token", "")
        if pressed is None:
            self._nothing()
        elif not secrets.compare_digest(given.encode(), page.token.encode()):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"This needs the token that the terminal shows.")
        else:
            self._pressed(page, pressed)

    def _pressed(self, page: Page, button: Callable[[], str]) -> None:
        said = button()
        with page.bell:
            page.asked.append(said)
            page.bell.notify_all()
        self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", said.encode())

    def _is_meant(self) -> bool:
        """Whether the page was asked for by its own address: a name that leads here from elsewhere is not."""
        host, port = self.server.server_address[:2]
        named = self.headers.get("Host", "")
        if named in (f"{host!s}:{port}", f"localhost:{port}", f"127.0.0.1:{port}") or host in ("0.0.0.0", "::"):  # noqa: S104
            return True
        self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"Ask for this page by its own address.")
        return False

    def _page(self) -> None:
        content = files(__package__).joinpath("page.html").read_bytes()
        style = files("reports").joinpath("vendor/uplot/uPlot.min.css").read_bytes()
        self._answer(HTTPStatus.OK, "text/html; charset=utf-8", content.replace(b"/* uplot.css */", style))

    def _uplot(self) -> None:
        content = files("reports").joinpath("vendor/uplot/uPlot.iife.min.js").read_bytes()
        self._answer(HTTPStatus.OK, "text/javascript", content)

    def _photo(self) -> None:
        """The picture of the question that is asked just now: no other file of the run."""
        run = self.server.page.watch.run
        asked = question(run) if run else None
        path = run.folder / str(asked["photo"]) if run and asked and asked["photo"] else None
        if path is None or path.parent != (run.folder if run else None) or not path.is_file():
            self._nothing()
        else:
            self._answer(HTTPStatus.OK, guess_type(path.name)[0] or "application/octet-stream", path.read_bytes())

    def _nothing(self) -> None:
        self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is nothing here: see /.")

    def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            self._tell()

    def _tell(self) -> None:
        """Send what is new as it comes; a browser that is gone, or takes nothing, raises OSError."""
        page, sent = self.server.page, _Sent()
        while not page.closed:
            with page.bell:
                message = sent.news(page)
                if message is None:
                    page.bell.wait(SILENCE / 2)
                    message = sent.news(page)
            if page.closed:
                return
            text = ": still here\n\n" if message is None else f"data: {json.dumps(message)}\n\n"
            self.wfile.write(text.encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Nobody reads a log of a page's requests."""


def follow(page: Page, stop: threading.Event, period: float = PERIOD) -> None:
    """Look again and again until `stop` is set."""
    while not stop.wait(period):
        try:
            page.look()
        except Exception as error:  # noqa: BLE001 - what one look meets, the next may not: a page must not stand still
            page.stumbled(error)
    page.close()
