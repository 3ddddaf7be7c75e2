"""Whatever is wrong with what a session left: the report is built, says what is missing, passes and obeys nothing."""

import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bench.recording.session_log import ENDED, VANISHED, Session, TestEnd
from bench.verdicts import Measurement
from reports import generator, site

Writer = Callable[..., Path]
Night = Callable[..., str]
NODE = "t.py::test_{}"


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    """Build the report of a session whose tests left these runs; returns its front page."""

    def missing(*_: object) -> None:
        raise generator.GeneratorUnavailable("there is no Node")

    monkeypatch.setattr(generator, "generate", missing)

    def built(*runs: Path | str, verdict: str = "PASS", cause: str = "", title: str = "It") -> str:
        names = [run if isinstance(run, str) else run.relative_to(tmp_path / "runs").as_posix() for run in runs]
        ends = [TestEnd(NODE.format(place), verdict, title, cause, run=name) for place, name in enumerate(names)]
        session = Session("2026-11-22T200000.000000-1", "2026-11-22T20:00:00.000Z", state=ENDED)
        session.tests = {end.nodeid: end for end in ends}
        (tmp_path / "results").mkdir(exist_ok=True)
        report = site.build(tmp_path / "results", tmp_path / "report", tmp_path / "runs", session, site.Past("all"))
        return report.index.read_text(encoding="utf-8")

    return built


def words(page: str) -> str:
    unstyled = re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", unstyled)))


def minute(tmp_path: Path) -> str:
    (page,) = (tmp_path / "report" / "figures").glob("*.minute.html")
    return words(page.read_text(encoding="utf-8"))


def test_a_result_that_was_cut_off_is_told_from_its_run(build: Night, write_run: Writer, tmp_path: Path) -> None:
    run = write_run("test_0", weak_cell=0.35, soc=0.5, interval=10.0)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "1-result.json").write_text('{"uuid": "1", "status": "passed", "na', encoding="utf-8")
    page = words(build(run, verdict="FAIL"))
    assert "The pack failed 1 of 1 tests." in page
    assert "cell under-voltage" in page


def test_a_run_without_a_manifest_is_told_and_passes_nothing(build: Night, write_run: Writer, tmp_path: Path) -> None:
    run = write_run("test_0", interval=20.0)
    (run / "run.json").unlink()
    page = words(build(run))
    assert "The pack passed 0 of 1 tests and failed none." in page
    assert "it holds no run.json" in page
    assert "it holds no run.json" in minute(tmp_path)


@pytest.mark.parametrize("left", [0, 4, 3000])
def test_a_table_that_was_cut_off_is_told_and_passes_nothing(
    build: Night, write_run: Writer, tmp_path: Path, left: int
) -> None:
    run = write_run("test_0", interval=20.0)
    table = run / "samples.parquet"
    table.write_bytes(table.read_bytes()[:left])
    page = words(build(run))
    assert "The pack passed 0 of 1 tests and failed none." in page
    assert "samples.parquet" in page
    assert "1 inconclusive" in page


def test_a_run_of_which_nothing_is_left_is_told_by_the_session_alone(build: Night, tmp_path: Path) -> None:
    page = words(build("2026-11-22/194501-gone", verdict="BENCH FAULT", cause=VANISHED))
    assert VANISHED in page
    assert "0 passed" in page


def test_a_history_with_a_broken_night_is_read_without_it_and_counted(
    build: Night, write_run: Writer, tmp_path: Path
) -> None:
    run = write_run("test_0", interval=20.0)
    build(run)
    (night,) = (tmp_path / "runs" / "history").rglob("*.json")
    for name, text in (("2026-01-01T0", '{"schema": 1, "started"'), ("2026-01-02T0", "[]"), ("2026-01-03T0", "\x00")):
        (night.parent / f"{name}.json").write_text(text, encoding="utf-8")
    page = words(build(run))
    assert "3 files of the history hold no night and were passed over." in page


def test_two_tests_of_one_run_are_both_shown_and_that_is_said(build: Night, write_run: Writer, tmp_path: Path) -> None:
    run = write_run("test_0", interval=20.0)
    again = Path(shutil.copytree(run, run.with_name("another")))
    page = build(run, again)
    assert page.count("<details") == 2
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))["run_id"]
    assert f"More than one test is told from the same run: {told} (2 tests)." in page
    anchors = re.findall(r'<div id="(t\w+)"', page)
    assert len(set(anchors)) == 2, "a click leads to the right one"


def test_a_figure_that_was_never_measured_has_no_value_and_does_not_pass(build: Night, write_run: Writer) -> None:
    never = Measurement("dc resistance 10 s", float("nan"), "Ω", at_most=0.02, step="pulse")
    run = write_run("test_0", interval=20.0, verdict="INCONCLUSIVE")
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    manifest["measurements"] = [{**never.as_dict(), "value": None}]
    (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    page = build(run, verdict="INCONCLUSIVE", cause="it was never measured")
    row = words(page.split("dc resistance 10 s", 1)[1].split("</tr>", 1)[0])
    assert "not measured" in row
    assert "passed" not in row
    assert "nan" not in row.split()


BAD = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">'


def test_names_that_are_scripts_are_shown_and_none_is_executed(
    build: Night, write_run: Writer, tmp_path: Path, browser: Any
) -> None:
    """In whatever a run names: test, station, pack, instruments, causes, operator, what its wire said."""
    run = write_run("test_0", interval=20.0, verdict="FAIL", title=BAD, cause={"blame": "pack", "text": BAD})
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for part in ("station", "pack"):
        manifest[part]["name"] = BAD
    manifest["instruments"][0] |= {"name": BAD, "model": BAD, "serial_number": BAD}
    manifest |= {"operator": BAD, "links": {BAD: {BAD: 1}}, "causes": [{"text": BAD}]}
    (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (run / "transcript.log").write_text(f"{manifest['duration']:12.3f} x > {BAD}\n", encoding="utf-8")
    page = build(run, verdict="FAIL", cause=BAD, title=BAD)
    assert "<script" not in page
    for path in [tmp_path / "report" / "index.html", *(tmp_path / "report" / "figures").glob("*.html")]:
        tab = browser.new_page()
        tab.goto(path.as_uri())
        tab.wait_for_timeout(300)
        assert tab.evaluate("window.hacked") is None, path.name
        tab.close()
