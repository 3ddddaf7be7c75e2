"""The pages around the front page: one for each pack and station, of many tests one for each; and the matrix."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.recording.session_log import Session
from bench.verdicts import Measurement
from reports import front_page
from reports.front_page import EVERYTHING, FEW, INDEX, LISTED, write
from reports.nights.changes import Changed, changed
from reports.nights.night import Night, Told
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.single import single_file
from tests.reports.nights.nights import capacity, night, told
from tests.reports.test_front_page import LINKS, outcome, page_of, section

PACKS = ("lfp-24s", "nmc811-24s")
CYCLE = ("PASS", "PASS", "FAIL", "PASS", "BENCH FAULT", "PASS", "NOT RUN", "INCONCLUSIVE", "PASS", "PASS")
NOTHING = Since(Changed())


def made(number: int, verdict: str = "PASS", pack: str = PACKS[0], station: str = "s") -> Outcome:
    """One of many tests: ten temperatures for each scenario."""
    value = 1.9 if verdict == "FAIL" else 2.3
    measured = Measurement("capacity", value, "Ah", at_least=2.2, step="discharge")
    temperature = 5.0 * (number % 10) - 10
    found = outcome(verdict, measured, pack={"name": pack}, station={"name": station})
    found.manifest["test"]["parameters"]["temperature"] = temperature  # type: ignore[index]
    title = f"Scenario {number // 10} of the suite, {temperature:g} °C"
    return replace(found, nodeid=f"t.py::test_{number}", allure_id=f"{number:032d}"[::-1], title=title)


def many(count: int, packs: Sequence[str] = PACKS) -> list[Outcome]:
    return [made(each, CYCLE[each // 7 % 10], packs[each * len(packs) // count]) for each in range(count)]


def text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", page.partition("<body>")[2])))


def broken_links(folder: Path) -> list[tuple[str, str]]:
    found = []
    for page in folder.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        for target in re.findall(r'(?:href|src)="([^"]+)"', html):
            file, _, place = target.partition("#")
            if file.endswith((".csv", ".png")) or file in {"allure.html", "data:,"}:
                continue
            there = page if not file else page.parent / file
            if not there.is_file() or (place and f'id="{place}"' not in there.read_text(encoding="utf-8")):
                found.append((page.name, target))
    return found


# --- the matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "told_so"),
    [
        ("PASS", "passed +4.5 %"), ("FAIL", "pack failed -13.6 %"), ("BENCH FAULT", "bench failed"),
        ("NOT RUN", "not run"), ("ABORTED", "aborted"), ("TEST ERROR", "test error"),
    ],
)  # fmt: skip
def test_a_field_says_its_verdict_in_words_and_a_margin_only_of_what_was_judged(verdict: str, told_so: str) -> None:
    matrix = section(page_of(made(0, verdict)), "Margin to the tightest limit")
    assert text("<body>" + matrix.partition("</h2>")[2]).strip().endswith(f"-10 °C Scenario 0 of the suite {told_so}")


def test_a_field_follows_the_worst_of_what_was_measured() -> None:
    rows = [Measurement(f"figure {number}", value, "Ah", at_least=2.0) for number, value in enumerate((2.6, 2.1, 4.0))]
    matrix = section(page_of(outcome("PASS", *rows)), "Margin to the tightest limit")
    assert "+5.0 %" in matrix
    assert "figure 1" in matrix
    assert "figure 0" not in matrix


def test_a_test_of_no_temperature_has_a_field_as_well() -> None:
    loose = outcome("NOT RUN")
    del loose.manifest["test"]["parameters"]["temperature"]  # type: ignore[attr-defined]
    matrix = section(page_of(replace(loose, title="Self-discharge")), "Margin to the tightest limit")
    assert text("<body>" + matrix.partition("</h2>")[2]).split() == ["any", "Self-discharge", "not", "run"]


def test_a_field_that_is_worse_than_last_night_is_marked() -> None:
    node = made(0).nodeid
    nights = [night(number, told("PASS", capacity(2.3 - 0.05 * number), nodeid=node)) for number in range(2)]
    since = Since(changed(nights[1], [nights[0]]))
    marked = section(front_page.render([made(0), made(10)], LINKS, since), "Margin to the tightest limit")
    assert marked.count("▼") == 2, "the field of one test, and the note that explains it"
    assert 'aria-label="margin fell">▼' in marked


# --- pages ------------------------------------------------------------------------------------------------------------


def test_one_pack_on_one_station_has_one_page(tmp_path: Path) -> None:
    write(tmp_path, many(20, PACKS[:1]), LINKS, NOTHING, None, None)
    assert [path.name for path in tmp_path.iterdir()] == [INDEX]


@pytest.mark.parametrize("count", [20, 400])
def test_every_pack_has_a_page_of_its_own_tests_alone(tmp_path: Path, count: int) -> None:
    tests = many(count)
    index = write(tmp_path, tests, LINKS, NOTHING, None, Session.new({}))
    overview = section(index.read_text(encoding="utf-8"), "Packs and stations")
    links = dict.fromkeys(re.findall(r'href="(packs/[^"]+)"', overview))
    assert len(links) == 2
    for pack, link in zip(PACKS, links, strict=True):
        own = [test for test in tests if test.manifest["pack"]["name"] == pack]
        page = (tmp_path / link).read_text(encoding="utf-8")
        failed = Counter(test.verdict for test in own)["FAIL"]
        assert f"{len(own)} tests: " in page
        assert f"<b>{failed}</b> pack failed" in page
        assert page.count('class="cell ') == len(own), "a field for each of them"
        assert "Packs and stations" not in page
    assert broken_links(tmp_path) == []


def test_a_pack_on_two_stations_has_a_page_for_each(tmp_path: Path) -> None:
    tests = [made(number, station=f"bench {number % 2}") for number in range(6)]
    index = write(tmp_path, tests, LINKS, NOTHING, None, None)
    assert "bench 0" in section(index.read_text(encoding="utf-8"), "Packs and stations")
    assert len(list((tmp_path / "packs").iterdir())) == 2


def test_the_overview_shows_the_worst_of_each_temperature(tmp_path: Path) -> None:
    tests = [made(0), made(10, "FAIL"), made(20, "BENCH FAULT"), made(1), made(11), made(30, pack=PACKS[1])]
    index = write(tmp_path, tests, LINKS, NOTHING, None, None)
    overview = section(index.read_text(encoding="utf-8"), "Packs and stations").partition("</h2>")[2]
    told_so = "-10 °C -5 °C lfp-24s 1 of 3 pack failed -13.6 % 2 of 2 passed +4.5 % nmc811-24s 1 of 1 passed +4.5 %"
    assert text("<body>" + overview).strip() == told_so


@pytest.mark.parametrize("packs", [PACKS, PACKS[:1]])
def test_with_a_thousand_tests_the_front_page_stays_small_and_everything_is_a_click_away(
    tmp_path: Path, packs: Sequence[str]
) -> None:
    tests = many(1000, packs)
    index = write(tmp_path, tests, LINKS, NOTHING, None, None)
    page = index.read_text(encoding="utf-8")
    assert len(page.encode()) < 200_000
    assert "<script" not in page
    assert section(page, "Pack failures").count("<tr>") == 1 + LISTED
    everything = (tmp_path / EVERYTHING).read_text(encoding="utf-8")
    failed = sum(test.verdict == "FAIL" for test in tests)
    assert f"and {failed - LISTED} more" in page
    assert section(everything, "Pack failures").count("<tr>") == 1 + failed
    assert section(everything, "All tests").count("<tr>") == 1 + len(tests)
    assert len(list((tmp_path / "tests").iterdir())) == len(tests)
    assert broken_links(tmp_path) == []


def rich(number: int) -> Outcome:
    """One of a nightly: six figures with a limit that has a long source, and thirty that nothing is asked of."""
    source = "A data sheet that says " * 5
    asked = [
        Measurement(f"asked {each}", 2.3 + each, "Ah", at_least=2.2, step="charge", source=source) for each in range(6)
    ]
    kpis = [{"name": f"beside {each}", "value": 1.0 + each, "unit": "V", "step": "charge"} for each in range(30)]
    found = outcome("PASS", *asked, kpis=kpis)
    return replace(found, nodeid=f"t.py::test_{number}", allure_id=f"{number:032d}"[::-1], title=f"Scenario {number}")


def of_a_month(tests: Sequence[Outcome]) -> Since:
    """Thirty nights before this one, each figure with a scatter of its own."""
    draw = Random(1)
    tonight = Night.of(tests, None)
    assert tonight is not None

    def scattered(test: Told) -> Told:
        return replace(test, figures=[replace(each, value=each.value + draw.gauss(0, 0.01)) for each in test.figures])

    before = [replace(tonight, name=str(each), tests=list(map(scattered, tonight.tests))) for each in range(30)]
    return Since(changed(tonight, before))


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front page of as many tests as it tells itself, after a month of nights."""
    tests = [rich(number) for number in range(FEW)]
    links = replace(LINKS, figure=lambda test: f"figures/{test.allure_id}.png")
    return write(tmp_path_factory.mktemp("nightly"), tests, links, of_a_month(tests), None, None)


def test_a_front_page_of_few_tests_with_many_figures_stays_small_and_leads_to_all_of_them(nightly: Path) -> None:
    page, everything = (each.read_text(encoding="utf-8") for each in (nightly, nightly.with_name(EVERYTHING)))
    assert len(page.encode()) < 200_000
    assert page.count("<details") == FEW
    assert page.count(">asked 5<") == FEW
    assert "beside 29" not in page
    assert everything.count(">beside 29<") == FEW
    assert f'<a href="{EVERYTHING}#t{rich(3).allure_id[:12]}">All 36 figures</a>' in page
    assert broken_links(nightly.parent) == []


def test_of_a_month_of_nights_the_front_page_draws_the_tightest_and_what_is_not_steady(nightly: Path) -> None:
    page, everything = (each.read_text(encoding="utf-8") for each in (nightly, nightly.with_name(EVERYTHING)))
    drawn, steady = section(page, "All tests").count("<svg"), page.count("steady, 30 nights")
    assert FEW <= drawn < 2 * FEW
    assert drawn + steady == 6 * FEW
    assert section(everything, "All tests").count("<svg") == 36 * FEW


def test_a_mail_of_few_tests_has_all_of_their_figures_and_no_way_back(nightly: Path) -> None:
    mail = single_file(nightly)
    assert mail.count(">beside 29<") == FEW
    assert "front page" not in text(mail)


def test_in_a_browser_all_figures_of_a_test_are_one_click_away_and_open(browser: Any, nightly: Path) -> None:
    page = browser.new_page()
    page.goto(f"{nightly.as_uri()}#t{rich(3).allure_id[:12]}")
    page.locator("details[open]").get_by_role("link", name="All 36 figures").click()
    assert page.url.partition("#")[0].endswith(EVERYTHING)
    opened = page.locator("details[open]")
    opened.get_by_text("beside 29").wait_for()
    assert opened.count() == 1
    page.get_by_role("link", name="The front page").click()
    assert page.url == nightly.as_uri()
    page.close()


def test_a_page_of_one_test_tells_all_of_it_and_leads_back(tmp_path: Path) -> None:
    (first, *_) = tests = many(FEW + 1)
    links = replace(LINKS, figure=lambda _: "figures/1.png", interactive=lambda _: "figures/1.html")
    write(tmp_path, tests, links, NOTHING, None, None)
    page = (tmp_path / "tests" / f"t{first.allure_id[:12]}.html").read_text(encoding="utf-8")
    for told_so in (first.title, "2.3 Ah", "≥ 2.2 Ah", 'src="../figures/1.png"', 'href="../index.html"'):
        assert told_so in page


def test_one_file_for_a_mail_leads_nowhere_also_with_many_tests(tmp_path: Path) -> None:
    page = single_file(write(tmp_path, many(200), LINKS, NOTHING, None, None))
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[12, 80], ids=["few", "many"])
def report(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("report"), many(request.param), LINKS, NOTHING, None, None)


@pytest.mark.parametrize("width", [1280, 390])
def test_from_a_pack_to_its_matrix_to_its_test_is_three_clicks(browser: Any, report: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    page.locator('.matrix a[href^="packs/"]').first.click()
    assert "The whole session" in page.inner_text("header")
    cell = page.locator(".matrix a.cell.fail, .matrix a.cell.pass").first
    wanted = cell.evaluate("each => each.closest('tr').querySelector('th').innerText")
    cell.click()
    assert page.locator("details[open] summary", has_text=wanted).first.is_visible()
    page.get_by_role("link", name="The whole session").click()
    assert page.url == report.as_uri()
    page.close()


@pytest.mark.parametrize("place", ["index", "pack", "test"])
def test_on_a_telephone_nothing_is_wider_than_the_window_and_every_field_names_its_column(
    browser: Any, report: Path, place: str
) -> None:
    found = sorted(report.parent.glob({"index": INDEX, "pack": "packs/*", "test": "tests/*"}[place]))
    if not found:
        pytest.skip("few tests have no pages of their own")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(found[0].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    widths = page.eval_on_selector_all(".matrix td a", "all => all.map(each => each.getBoundingClientRect().right)")
    assert all(right <= 390 for right in widths), "no field has to be scrolled for"
    named = page.eval_on_selector_all(
        ".matrix td[data-at]", "all => all.map(each => getComputedStyle(each, '::before').content)"
    )
    assert all("°C" in each for each in named)
    page.close()


def test_bench_faults_and_tests_that_did_not_run_are_hatched_and_what_was_judged_is_not(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(
        page_of(*(made(number, verdict) for number, verdict in enumerate(("PASS", "FAIL", "INCONCLUSIVE"))))
    )
    images = "all => all.map(each => getComputedStyle(each).backgroundImage)"
    assert set(page.eval_on_selector_all(".cell", images)) == {"none"}
    page.set_content(
        page_of(*(made(number, verdict) for number, verdict in enumerate(("BENCH FAULT", "NOT RUN", "ABORTED"))))
    )
    assert all("gradient" in each for each in page.eval_on_selector_all(".cell", images))
    page.close()


def test_nothing_of_a_title_is_executed_on_any_page(browser: Any, tmp_path: Path) -> None:
    evil = '<script>document.title="evil"</script>'
    tests = [replace(test, title=f"{evil}, 5 °C") for test in many(FEW + 1, (evil, "other"))]
    index = write(tmp_path, tests, LINKS, NOTHING, None, None)
    page = browser.new_page()
    for file in (index, tmp_path / EVERYTHING, *tmp_path.glob("packs/*"), next(tmp_path.glob("tests/*"))):
        page.goto(file.as_uri())
        assert page.title() != "evil"
    page.close()
