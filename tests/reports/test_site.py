"""The report as its reader gets it: built from results, opened in a browser, from a disk."""

import errno
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bench.verdicts import InputError
from reports import generator, site
from reports.front.head import headline
from reports.front.sections.faults import culprit
from reports.front.sections.matrix import scenario
from reports.markup import sparkline
from reports.nights.store import FOLDER
from reports.outcome import Outcome, outcomes
from reports.single import single_file
from tests.browsing import CHROMIUM

Suite = Any  # the `SampleSuite` of conftest.py, which test modules cannot import
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=10000",
)  # fmt: skip


@pytest.fixture(scope="module")
def no_generator() -> Iterator[None]:
    """A machine without Node: what the front page must be worth on its own."""

    def missing(*_: object) -> None:
        raise generator.GeneratorUnavailable("there is no Node; install the report extra")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "generate", missing)
        yield


@pytest.fixture(scope="module")
def project(finished_suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished session, to build into."""
    return Path(shutil.copytree(finished_suite.root, tmp_path_factory.mktemp("site") / "project"))


@pytest.fixture(scope="module")
def built(project: Path, no_generator: None) -> site.BuiltReport:
    return site.build(project / "allure-results", project / "allure-report", project / "runs")


@pytest.fixture(scope="module")
def page(built: site.BuiltReport) -> str:
    return built.index.read_text(encoding="utf-8")


def in_browser(path: Path, profile: Path, place: str = "") -> str:
    assert CHROMIUM
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", f"{path.resolve().as_uri()}{place}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_every_verdict_is_counted_and_none_is_mixed(built: site.BuiltReport) -> None:
    assert dict(built.verdicts) == {
        "PASS": 2, "FAIL": 1, "BENCH FAULT": 2, "INCONCLUSIVE": 1, "ABORTED": 1, "NOT RUN": 1,
    }  # fmt: skip
    assert built.tests == 8


def test_without_a_generator_the_page_is_built_and_says_what_is_missing(built: site.BuiltReport, page: str) -> None:
    assert built.allure is None
    assert built.problem is not None
    assert "there is no Node; install the report extra" in built.problem
    assert "`packbench report` builds them later" in page
    assert "allure.html" not in page


def test_the_first_line_tells_pack_from_bench(page: str) -> None:
    assert "<h1>The pack failed 1 of 8 tests; 4 ended without a verdict on the pack.</h1>" in page


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"PASS": 3}, "The pack passed all 3 tests."),
        ({"PASS": 1}, "The pack passed the only test."),
        ({"PASS": 3, "FAIL": 1}, "The pack failed 1 of 4 tests."),
        (
            {"PASS": 1, "BENCH FAULT": 2},
            "The pack passed 1 of 3 tests and failed none; 2 ended without a verdict on the pack.",
        ),
        ({"PASS": 1, "INCONCLUSIVE": 1}, "The pack passed 1 of 2 tests and failed none."),
        (
            {"NOT RUN": 1},
            "The pack passed 0 of 1 tests and failed none; 1 ended without a verdict on the pack.",
        ),
    ],
)
def test_the_headline_never_hides_a_missing_verdict(counts: dict[str, int], sentence: str) -> None:
    assert headline(counts) == sentence


def section(page: str, title: str) -> str:
    return page.split(f"<h2>{title}", 1)[1].split("</section>", 1)[0]


def test_a_pack_failure_shows_value_limit_margin_requirement_step_and_time(page: str) -> None:
    failures = section(page, "Pack failures")
    for text in (
        "Capacity with a weak cell, 25 °C",
        "PB-DIS-02",
        "cell under-voltage",
        "≥ 2.4 V",
        "step discharge",
    ):
        assert text in failures
    assert "2 h 44 min".replace(" ", "\N{NO-BREAK SPACE}") in failures
    assert "mV" in failures  # the margin
    assert "chamber" not in failures


def test_what_ended_a_run_is_named_by_its_id_in_the_fault_catalogue(page: str) -> None:
    assert "<code>cell-under-voltage</code>" in section(page, "Pack failures")
    assert "<code>interrupted</code>" in section(page, "Bench faults and missing tests")


def test_bench_faults_name_the_instrument_and_how_to_repeat(page: str) -> None:
    faults = section(page, "Bench faults and missing tests")
    assert "Weiss LabEvent T/110, serial SN-chamber" in faults
    assert "pytest test_cases/test_discharge.py::test_cold_chamber" in faults
    assert "weak_cell" not in faults


def test_the_matrix_shows_the_margin_by_scenario_and_temperature(page: str) -> None:
    matrix = section(page, "Margin to the tightest limit")
    assert matrix.index("0 °C") < matrix.index("25 °C")
    assert matrix.count(">Capacity and energy at 1C</th>") == 1
    assert matrix.count("+2.8 %") == 2


def test_an_expired_calibration_is_marked(page: str) -> None:
    traceability = section(page, "Traceability")
    assert '<b class="expired">2025-01-31, expired</b>' in traceability
    assert ">2027-06-30</td>" in traceability


def test_links_lead_to_files_that_are_there(built: site.BuiltReport, page: str) -> None:
    folder = built.index.parent
    targets = {part.split('"', 1)[0] for part in page.split('href="')[1:] + page.split('src="')[1:]}
    files = {target for target in targets if not target.startswith(("#", "data:"))}
    assert len(files) >= 15  # a picture, an interactive figure and a run for each of five
    assert [target for target in files if not (folder / target.partition("#")[0]).exists()] == []
    assert all(f'id="{target[1:]}"' in page for target in targets - files if target[0] == "#")


def test_from_the_last_minute_there_is_a_way_back_to_its_test(built: site.BuiltReport) -> None:
    minutes = list((built.index.parent / "figures").glob("*.minute.html"))
    assert minutes
    for minute in minutes:
        back = re.search(r'<nav id="back"><a href="\.\./index\.html#(t\w+)">', minute.read_text(encoding="utf-8"))
        assert back is not None
        assert minute.name.startswith(back[1][1:])


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert len(page) < 60_000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
class TestInABrowser:
    def test_the_front_page_opens_from_a_disk(self, built: site.BuiltReport, tmp_path: Path) -> None:
        seen = in_browser(built.index, tmp_path)
        assert "The pack failed 1 of 8 tests" in seen
        assert seen.count("<details") == 8

    def test_the_interactive_figure_draws_every_panel(self, built: site.BuiltReport, tmp_path: Path) -> None:
        pages = (built.index.parent / "figures").glob("*.html")
        figure = next(page for page in pages if not page.name.endswith(".minute.html"))
        seen = in_browser(figure, tmp_path, "#at=90")
        assert 'data-drawn="5"' in seen
        assert 'data-at="90"' in seen
        assert seen.count("<canvas") == 5
        assert "Drag to zoom all panels" in seen


class TestOutputFolder:
    def test_an_earlier_report_is_replaced_as_a_whole(self, project: Path, no_generator: None) -> None:
        output = project / "again"
        for _ in range(2):
            site.build(project / "allure-results", output, project / "runs")
            assert not (output / "old.html").exists()
            (output / "old.html").touch()

    def test_a_folder_of_somebody_else_is_never_touched(self, project: Path, no_generator: None) -> None:
        output = project / "thesis"
        output.mkdir()
        (output / "chapter1.txt").write_text("years of work")
        with pytest.raises(InputError, match="holds files that are no report"):
            site.build(project / "allure-results", output, project / "runs")
        assert (output / "chapter1.txt").read_text() == "years of work"

    def test_a_file_in_its_place_is_refused(self, project: Path, no_generator: None) -> None:
        (project / "file").touch()
        with pytest.raises(InputError, match="it is a file; name a folder"):
            site.build(project / "allure-results", project / "file", project / "runs")

    def test_no_results_is_an_input_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no results in .*: run `pytest test_cases` first"):
            site.build(tmp_path, tmp_path / "out", tmp_path)


def test_one_file_has_its_pictures_in_it_and_leads_nowhere_else(built: site.BuiltReport, tmp_path: Path) -> None:
    page = single_file(built.index)
    assert "data:image/png;base64," in page
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []
    (tmp_path / "mail.html").write_text(page, encoding="utf-8")
    if CHROMIUM:
        assert "data:image/png" in in_browser(tmp_path / "mail.html", tmp_path / "profile")
    for test in outcomes(built.index.parents[1] / "allure-results"):
        assert test.title in page


class TestHistory:
    def test_building_twice_adds_nothing(self, built: site.BuiltReport, project: Path) -> None:
        kept = {path: path.read_bytes() for path in (project / "runs" / FOLDER).rglob("*.json")}
        site.build(project / "allure-results", project / "again", project / "runs")
        assert {path: path.read_bytes() for path in (project / "runs" / FOLDER).rglob("*.json")} == kept
        assert len(kept) == 1

    def test_a_night_with_seeded_defects_or_local_changes_is_none_to_compare_with_unless_asked_for(
        self, project: Path, no_generator: None, tmp_path: Path
    ) -> None:
        results = Path(shutil.copytree(project / "allure-results", tmp_path / "results"))
        for path in results.glob("*-attachment.json"):
            told = path.read_text(encoding="utf-8")
            path.write_text(told.replace('"git_dirty": false', '"git_dirty": true'), encoding="utf-8")
        output = tmp_path / "report"
        page = site.build(results, output, tmp_path / "runs").index.read_text(encoding="utf-8")
        assert "does not count for later ones: revision abc1234 had local changes" in page
        assert not (tmp_path / "runs" / FOLDER).exists()
        page = site.build(results, output, tmp_path / "runs", past=site.Past("all")).index.read_text(encoding="utf-8")
        assert "does not count" not in page
        assert len(list((tmp_path / "runs" / FOLDER).rglob("*.json"))) == 1
        site.build(project / "allure-results", output, tmp_path / "none", past=site.Past("none"))
        assert not (tmp_path / "none" / FOLDER).exists()

    def test_a_sparkline_needs_two_points_and_stays_flat_under_noise(self) -> None:
        def heights(line: str) -> list[float]:
            points = line.split('points="')[1].split('"', maxsplit=1)[0].split()
            return [float(point.split(",")[1]) for point in points]

        assert not sparkline([1.0])
        noise, trend = heights(sparkline([2.0, 2.000001])), heights(sparkline([2.0, 2.2]))
        assert abs(noise[0] - noise[1]) < 0.2
        assert trend[0] - trend[1] > 10  # upwards is up


@pytest.mark.parametrize(
    ("title", "name", "temperature"),
    [
        ("Capacity at 1C and -10 °C", "Capacity at 1C", -10.0),
        ("Fast recharge of nmc811-24s from 10 to 80 % at 25 °C", "Fast recharge of nmc811-24s from 10 to 80 %", 25.0),
        ("Capacity and energy, 2.5 °C", "Capacity and energy", 2.5),
        ("Self-discharge", "Self-discharge", None),
    ],
)
def test_a_scenario_is_named_without_its_temperature(title: str, name: str, temperature: float | None) -> None:
    test = Outcome("PASS", title, "t", "id", "", ())
    assert (scenario(test), test.temperature) == (name, temperature)


class TestOutcomes:
    def test_the_worst_comes_first(self, project: Path) -> None:
        verdicts = [outcome.verdict for outcome in outcomes(project / "allure-results")]
        assert verdicts[0] == "FAIL"
        assert verdicts[-1] == "PASS"

    def test_of_a_repeated_test_the_last_one_counts(self, tmp_path: Path) -> None:
        for stop, status in ((1, "broken"), (2, "passed")):
            result = {"uuid": f"u{stop}", "name": "t", "status": status, "stop": stop,
                      "labels": [{"name": "nodeid", "value": "t"}]}  # fmt: skip
            (tmp_path / f"{stop}-result.json").write_text(json.dumps(result))
        (only,) = outcomes(tmp_path)
        assert only.verdict == "PASS"

    @pytest.mark.parametrize("status", ["skipped", "unknown", None])
    def test_a_test_that_did_not_run_is_not_passed(self, tmp_path: Path, status: str | None) -> None:
        result = {"uuid": "u", "name": "t", "status": status}
        (tmp_path / "a-result.json").write_text(json.dumps(result))
        assert outcomes(tmp_path)[0].verdict == "NOT RUN"

    def test_the_verdict_is_the_worse_of_result_and_run(self, project: Path, tmp_path: Path) -> None:
        results = Path(shutil.copytree(project / "allure-results", tmp_path / "results"))
        for path in results.glob("*-result.json"):
            result = json.loads(path.read_text())
            path.write_text(json.dumps({**result, "status": "passed", "statusDetails": {}}))
        verdicts = {found.nodeid.split("::")[1]: found.verdict for found in outcomes(results)}
        assert verdicts["test_weak_cell"] == "FAIL"
        assert verdicts["test_stopped"] == "ABORTED"

    def test_the_reason_is_a_plain_sentence(self, project: Path) -> None:
        found = outcomes(project / "allure-results")
        reasons = {outcome.nodeid.split("::")[1]: outcome.reason for outcome in found}
        assert reasons["test_cold_chamber"].startswith("chamber: set 25.0 degC")
        assert reasons["test_hangs"].startswith("the test hung")

    def test_only_instruments_that_are_named_are_blamed(self, project: Path) -> None:
        (some, *_) = [outcome for outcome in outcomes(project / "allure-results") if outcome.manifest]
        devices = some.manifest["instruments"]
        (named,) = culprit({}, "Supply: no answer", devices)
        assert "SN-supply" in named
        assert culprit({}, "supplying nothing", devices) == ()

    def test_the_instrument_that_a_cause_means_is_blamed_and_not_the_one_that_its_sentence_names(
        self, project: Path
    ) -> None:
        (some, *_) = [outcome for outcome in outcomes(project / "allure-results") if outcome.manifest]
        told = "The supply and the chamber disagree."
        (named,) = culprit({"instrument": "chamber"}, told, some.manifest["instruments"])
        assert "SN-chamber" in named


# --- a disk that takes nothing ------------------------------------------------------------------------------------


@pytest.fixture
def another(project: Path, no_generator: None, tmp_path: Path) -> Path:
    """A copy of the project, with a report, that may be spoilt."""
    there = Path(shutil.copytree(project, tmp_path / "project", ignore=shutil.ignore_patterns("allure-report")))
    rebuilt(there)
    return there


def rebuilt(project: Path) -> site.BuiltReport:
    return site.build(project / "allure-results", project / "allure-report", project / "runs", past=site.Past("all"))


def pages(project: Path) -> dict[str, bytes]:
    found = (path for path in (project / "allure-report").rglob("*") if path.is_file() and path.stat().st_size)
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in found}


def test_a_report_that_cannot_be_finished_costs_nobody_the_one_before(
    another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pages(another)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(site.covered, "as_csv", full)
    with pytest.raises(InputError, match=r"cannot be written to .*allure-report \(No space left on device\); name"):
        rebuilt(another)
    assert pages(another) == before


def test_pages_of_the_report_before_do_not_survive_among_new_ones(another: Path) -> None:
    left = another / "allure-report" / "tests" / "old.html"
    left.parent.mkdir(exist_ok=True)
    left.write_text("old", encoding="utf-8")
    built = rebuilt(another)
    assert built.index.is_file()
    assert not left.exists()
    assert {path.name for path in (another / "allure-report").iterdir()} >= {"figures", "index.html"}
    assert not {".new", ".old"} & {path.name for path in (another / "allure-report").iterdir()}


def test_who_builds_into_the_same_folder_is_waited_for_and_then_named(
    another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "PATIENCE", 0.05)
    before = pages(another)
    with (
        FileLock(another / "allure-report" / ".packbench-report.lock"),
        pytest.raises(InputError, match="another `packbench report` has been at it"),
    ):
        rebuilt(another)
    assert pages(another) == before


def test_where_the_history_takes_nothing_the_report_is_built_and_says_so(another: Path) -> None:
    shutil.rmtree(another / "runs" / FOLDER)
    (another / "runs" / FOLDER).write_text("", encoding="utf-8")
    built = rebuilt(another)
    assert re.search(
        r"Later sessions are not compared with this one: .*history cannot be written \(", built.problem or ""
    )
    assert "does not count for later ones: " in built.index.read_text(encoding="utf-8")


def test_where_the_results_take_nothing_the_report_is_built_from_a_copy(another: Path) -> None:
    categories = another / "allure-results" / "categories.json"
    categories.unlink(missing_ok=True)
    categories.mkdir()
    assert rebuilt(another).tests == 8
