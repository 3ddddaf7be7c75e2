"""`packbench live`: a page with the run in progress, for as many browsers as look."""

import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bench.verdicts import InputError
from packbench.commands.arguments import DEFAULT_RUNS, Runs
from packbench.console import say

if TYPE_CHECKING:
    from packbench.live.serving import Server


LINGER = 2.0
"""s in which browsers get how the last run ended, once the session that started this is over."""


def live(
    folder: Runs = DEFAULT_RUNS,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP port; 0: a free one.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; another than loopback is said so.")] = (
        "127.0.0.1"
    ),
    with_input: Annotated[bool, typer.Option("--until-input-ends", hidden=True)] = False,
) -> None:
    """Show the run in progress in a browser; ending this ends the page, not the test."""
    from bench.serving import refuse_host_of_others
    from packbench.live.control import SessionControl
    from packbench.live.serving import Page, Server, follow
    from packbench.live.watching import Watch

    refuse_host_of_others(host)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot hold recordings ({error.strerror}); name another folder.") from error
    page = Page(Watch(folder), SessionControl(folder))
    try:
        server = Server((host, port), page)
    except OSError as error:
        raise InputError(
            f"The live page cannot listen at {host}:{port}: {error.strerror or error}; take another --port, or 0."
        ) from error
    if host not in ("127.0.0.1", "localhost", "::1"):
        say(f"This page can be seen by everybody who reaches {host}.")
    say(f"Live at {server.url}")
    sys.stdout.flush()
    ended = threading.Event()
    threading.Thread(target=follow, args=(page, ended), daemon=True).start()
    if with_input:
        threading.Thread(target=_until_input_ends, args=(server,), daemon=True).start()
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        ended.set()
        server.server_close()


def _until_input_ends(server: "Server") -> None:
    """Whoever started this has gone when there is nothing more to read; how it ended is shown before."""
    sys.stdin.read()
    server.page.look()
    time.sleep(LINGER)
    server.shutdown()
