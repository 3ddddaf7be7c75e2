"""A manager of a few lines on a real socket, which says what a test wants said."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

Says = Callable[[dict[str, Any]], bytes | dict[str, Any] | Iterator[bytes] | None]
"""What it answers: an object, bytes as they are, pieces of a body as they come, or None to hang up without a word."""


@contextmanager
def manager(says: Says, port: int = 0, *, one_at_a_time: bool = False) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            said = says(asked[-1])
            if said is None:
                self.close_connection = True
                return
            if isinstance(said, Iterator):
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                with suppress(OSError):  # whoever asked may have hung up
                    for piece in said:
                        self.wfile.write(piece)
                return
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    kind = HTTPServer if one_at_a_time else ThreadingHTTPServer
    server = kind(("127.0.0.1", port), Handler)
    if isinstance(server, ThreadingHTTPServer):
        server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
