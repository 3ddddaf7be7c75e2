"""The front page in a real browser: readable for everybody, in both lights, on a telephone and on paper."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts import Measurement
from reports.front.shown import Links
from reports.front_page import render
from reports.nights.changes import changed
from reports.nights.section import Since
from tests.reports.nights.nights import capacity, night, told
from tests.reports.test_front_page import GOOD, LEFT, outcome, page_of

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pypdf = pytest.importorskip("pypdf")
NAMES = [f"t.py::test_{number}" for number in range(4)]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with something in every section, and an alarm."""
    ends = {
        "PASS": ("", "verified safe"), "FAIL": ("", "verified safe"), "INCONCLUSIVE": ("", "verified safe"),
        "BENCH FAULT": (LEFT, "not verified safe"), "TEST ERROR": ("", ""), "ABORTED": ("", ""), "NOT RUN": ("", ""),
    }  # fmt: skip
    tests = [
        replace(outcome(verdict, GOOD, left=left, bench=bench), nodeid=f"t.py::{number}", allure_id=f"{number}" * 32)
        for number, (verdict, (left, bench)) in enumerate(ends.items())
    ]
    nights = [
        night(number, *(told("PASS", capacity(2.3 - 0.05 * number), nodeid=name) for name in NAMES))
        for number in range(3)
    ]
    since = Since(changed(nights[-1], reversed(nights[:-1])))
    links = Links("allure.html", lambda _: None, lambda _: "figure.html", lambda _: "run/")
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(tests, links, since), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1250, 390])
def test_it_can_be_read_by_everybody(browser: Any, page_file: Path, scheme: str, width: int) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the window"
    sideways = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText.slice(0, 80))"
    assert page.locator(".wide").evaluate_all(sideways) == [], "and nothing has to be moved to be read"
    assert [url for url in asked if not url.startswith("file:")] == []
    page.close()


def test_on_paper_no_page_is_empty(browser: Any, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    texts = [each.extract_text().strip() for each in printed.pages]
    assert texts
    assert [number for number, text in enumerate(texts, 1) if len(text) < 40] == []
    page.close()


def test_a_click_in_the_matrix_opens_its_test(browser: Any, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    cell = page.locator(".matrix a.cell").first
    place = cell.get_attribute("href")
    cell.click()
    assert page.url.endswith(place)
    assert page.locator(place).is_visible(), "what it leads to is open"
    page.close()


@pytest.mark.parametrize(("title", "columns"), [
    ("Pack failures", ["What", "Measured", "Allowed", "Margin", "Where"]),
    ("Bench faults and missing tests", ["What happened", "Where"]),
])  # fmt: skip
def test_on_a_telephone_what_failed_is_read_downwards_and_every_number_names_its_column(
    browser: Any, tmp_path: Path, title: str, columns: list[str]
) -> None:
    missed = Measurement("capacity of this specimen", 1.9, "Ah", at_least=2.0, step="discharge")
    silent = {"text": "load did not answer", "step": "discharge"}
    tests = [outcome("FAIL", missed), outcome("BENCH FAULT", cause=silent)]
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(page_of(*tests))
    part = page.locator("section", has=page.locator("h2", has_text=title))
    assert part.locator(".wide").evaluate("each => each.scrollWidth <= each.clientWidth"), "the margin is in sight"
    contents = "all => all.map(each => getComputedStyle(each, '::before').content)"
    names = part.locator("td[data-at]").evaluate_all(contents)
    assert [each.strip('": ') for each in names] == columns
    page.close()


def test_a_long_title_moves_no_field_of_the_matrix_out_of_sight(browser: Any, tmp_path: Path) -> None:
    long = "A hostile night in which nothing goes as it was foretold, neither the sun nor the prices, " * 3
    tests = [replace(outcome("PASS", GOOD), title=long, nodeid="t.py::long", allure_id="a" * 32)]
    links = Links(None, *[lambda _test: None] * 3)
    path = tmp_path / "index.html"
    path.write_text(render(tests, links, Since(changed(night(1), []))), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1250, "height": 900})
    page.goto(path.as_uri())
    field = page.locator(".matrix a.cell").first.bounding_box()
    around = page.locator(".wide:has(.matrix)").first.bounding_box()
    assert field["x"] + field["width"] <= around["x"] + around["width"]
    page.close()
