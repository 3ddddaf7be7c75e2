"""A run that is written as a bench does, and the live page's server that looks at it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from packbench.live.serving import Page, Server
from packbench.live.watching import Watch
from tests.packbench.live.test_watching import Run


class Buttons:
    """Counts what was pressed."""

    def __init__(self) -> None:
        self.pressed: list[str] = []

    def stop(self) -> str:
        self.pressed.append("stop")
        return "asked to stop"

    def make_safe(self) -> str:
        self.pressed.append("safe")
        return "asked to be safe"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    begun = Run(tmp_path)
    yield begun
    begun.recorder.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    serving_one = Server(("127.0.0.1", 0), Page(Watch(tmp_path), Buttons()))
    thread = threading.Thread(target=serving_one.serve_forever, args=(0.05,))
    thread.start()
    yield serving_one
    serving_one.page.close()
    serving_one.shutdown()
    thread.join()
    serving_one.server_close()
