"""The live page and the page of a map, by axe in a real browser: in both lights, on a screen and on a telephone."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packbench.live.serving import Page, Server, follow
from packbench.live.watching import Watch
from packbench.mapping.page import render
from tests.packbench.live.test_serving import Buttons
from tests.packbench.live.test_watching import Run
from tests.packbench.mapping.test_page import EVERY, shown

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [
    pytest.mark.parametrize("scheme", ["light", "dark"]),
    pytest.mark.parametrize("width", [1280, 390]),
]
HERE = ("http://127.0.0.1:", "file:", "data:", "blob:")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[str]:
    """The page of a run that has steps, stopped, present and to come, cells and limits; its address."""
    run = Run(tmp_path)
    run.event(time=0.0, type="scenario planned", steps=[{"index": 3, "name": "rest", "expected_duration": None}])
    run.event(time=0.0, type="set point", instrument="chamber", quantity="temperature", value=25.0, unit="°C")
    run.event(
        time=0.0, type="step started", index=1, name="charge", kind="Charge", expected_duration=100.0, until=["time"]
    )
    run.event(time=0.0, type="step ended", index=1, duration=0.0, verdict="FAIL")
    run.event(time=0.0, type="step started", index=2, name="rest", kind="Rest", expected_duration=None)
    run.event(time=1.0, type="message", level="warning", text="Something was seen.")
    run.rows(*map(float, range(30)))
    server = Server(("127.0.0.1", 0), Page(Watch(tmp_path), Buttons()))
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.05,)),
        threading.Thread(target=follow, args=(server.page, stop, 0.05)),
    ]
    for thread in threads:
        thread.start()
    yield server.url
    stop.set()
    server.page.close()
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()
    run.recorder.close()


def looked_at(browser: Any, url: str, scheme: str, width: int, ready: str) -> None:
    """Wait for `ready`, then nothing is wrong with it, nothing comes from elsewhere, and nobody complains."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url, wait_until="domcontentloaded")
    page.locator(ready).first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the window"
    sideways = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText.slice(0, 80))"
    assert page.locator(".wide").evaluate_all(sideways) == [], "and nothing has to be moved to be read"
    assert [each for each in asked if not each.startswith(HERE)] == []
    assert said == []
    page.close()


def test_the_live_page(browser: Any, live: str, scheme: str, width: int) -> None:
    looked_at(browser, live, scheme, width, "canvas")


def test_the_page_of_a_map(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """With a field of each kind, and one that nobody has measured yet."""
    page = tmp_path / "index.html"
    page.write_text(render(shown(*EVERY, planned=len(EVERY) + 2)), encoding="utf-8")
    looked_at(browser, page.as_uri(), scheme, width, "main")
