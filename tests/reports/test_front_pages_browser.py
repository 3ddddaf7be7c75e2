"""The front page and all around it in a real browser, from a folder and from a web server: read, clicked through."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reports.front.shown import Links, anchor
from reports.front_page import EVERYTHING, FEW, INDEX, PARTS, TESTS, write
from tests.reports.test_front_pages import CYCLE, NOTHING, many

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
PAGES = (INDEX, EVERYTHING, PARTS, *(f"{TESTS} {verdict}" for verdict in dict.fromkeys(CYCLE)))

COUNT = FEW + 30
"""So many that each has a page, and every verdict is among them."""
HERE = ("file:", "http://127.0.0.1:", "data:")


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps no log of it."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Nobody reads it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of so many tests that each has a page, of two packs."""
    made = tmp_path_factory.mktemp("report")
    links = Links("allure.html", lambda _: None, lambda _: "figure.html", lambda _: "run/")
    write(made, many(COUNT), links, NOTHING, None, None)
    return made


@pytest.fixture(scope="module", params=["file", "http"])
def address(request: Any, folder: Path) -> Iterator[str]:
    """Where the report is, with a slash behind it."""
    if request.param == "file":
        yield f"{folder.as_uri()}/"
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that asks for nothing from elsewhere, and complains of nothing."""
    opened = browser.new_page(viewport={"width": 1250, "height": 900})
    wrong: list[str] = []
    opened.on("request", lambda asked: None if asked.url.startswith(HERE) else wrong.append(asked.url))
    opened.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    opened.close()
    assert wrong == []


def file_of(folder: Path, which: str) -> Path:
    """The file that is meant by a word of `PAGES`: of tests, the first one with that verdict."""
    kind, _, verdict = which.partition(" ")
    if kind in (INDEX, EVERYTHING):
        return folder / kind
    meant = next((anchor(test) for test in many(COUNT) if test.verdict == verdict), "*")
    return next((folder / kind).glob(f"{meant}.html"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1250), ("dark", 390)])
@pytest.mark.parametrize("which", PAGES)
def test_every_page_of_a_report_can_be_read_by_everybody(
    page: Any, folder: Path, which: str, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(file_of(folder, which).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:300]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the window"


def test_from_the_front_page_over_a_pack_to_a_test_and_back(page: Any, address: str) -> None:
    page.goto(address + INDEX)
    page.locator(f'a[href^="{PARTS}/"]').first.click()
    page.wait_for_url(f"{address}{PARTS}/*")
    page.locator(".matrix a.cell").first.click()
    page.wait_for_url(f"{address}{TESTS}/*")
    assert page.locator("h1").is_visible()
    page.locator(f'a[href$="{INDEX}"]').first.click()
    page.wait_for_url(f"{address}{INDEX}*")
