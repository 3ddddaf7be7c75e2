"""A manager as a process: answers HTTP on an address of its own, as docs/manager-contract.md says."""

import json
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from managers.contract import ContractError, Manager, parsed

LONGEST = 1_000_000
"""Bytes of a request."""
PATIENCE = 10.0
"""s that somebody has to send what he began to send."""


def serve(manager: Manager, port: int = 0, host: str = "127.0.0.1") -> None:
    """Answer until SIGTERM or Ctrl-C; port 0 is one that is free. Raises `OSError` where it cannot listen."""
    server = ThreadingHTTPServer((host, port), handler_of(manager))
    server.daemon_threads = True

    def end(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()  # it waits for the loop that it would stop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    sys.stdout.write(f"listening on http://{host}:{server.server_address[1]}\n")
    sys.stdout.flush()
    with server:
        server.serve_forever(poll_interval=0.05)


def failed(error: Exception) -> str:
    """Say why there is no decision; whose manager is wrong itself is shown where."""
    if isinstance(error, ValueError):
        return str(error)
    traceback.print_exception(error)
    return f"the manager itself failed: {type(error).__name__}: {error}"


def handler_of(manager: Manager) -> type[BaseHTTPRequestHandler]:
    """What answers for a manager: one decision at a time."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Say that it is there."""
            self._answer(200 if self.path == "/" else 404, {"contract": 1})

        def do_POST(self) -> None:
            """Decide."""
            try:
                content = parsed(self._body())
                if self.path != "/decide":
                    self._answer(404, {"error": f"There is no {self.path}; POST /decide."})
                    return
                with one_at_a_time:
                    answer = manager.decide(content)
            except Exception as error:  # noqa: BLE001 - whatever a rule of a user's own raises, who asked is told
                self._answer(400 if isinstance(error, ValueError) else 500, {"error": failed(error)})
                return
            self._answer(200, answer)

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length) > LONGEST:
                self.close_connection = True
                raise ContractError(f"Content-Length: {length!r}; give the number of bytes, at most {LONGEST}.")
            return self.rfile.read(int(length))

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            try:
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # who asked waits no longer: that is no fault to be told here
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
