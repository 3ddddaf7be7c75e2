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
from reports import generator, results, site

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


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def of_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def with_fields(**fields: Any) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")

    return edit


ILL_RESULTS = {
    "cut": cut_off, "no text": no_text, "a folder": of_a_folder, "a list": lambda path: path.write_text("[]"),
    "empty": lambda path: path.write_text("{}"), "labels": with_fields(labels=None), "stop": with_fields(stop=None),
    "attachments": with_fields(attachments=None), "no source": with_fields(attachments=[{"name": "run.json"}]),
    "elsewhere": with_fields(attachments=[{"name": "run.json", "source": "../runs/session.json"}]),
}  # fmt: skip
ILL_MANIFESTS = {
    "cut": cut_off, "no text": no_text, "gone": Path.unlink, "a list": lambda path: path.write_text("[]"),
    **{name: with_fields(**{name: None}) for name in (
        "station", "pack", "test", "clock", "versions", "instruments", "measurements", "run_id",
    )},
    "duration": with_fields(duration="x"), "started": with_fields(started="2026-13-45T99:99"),
}  # fmt: skip


def result_of(tmp_path: Path) -> tuple[Path, Path]:
    """The only result, and the manifest that it shows."""
    (path,) = (tmp_path / "results").glob("*-result.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    (name,) = (entry["source"] for entry in result["attachments"] if entry["name"] == "run.json")
    return path, path.with_name(name)


def test_nothing_that_is_not_whole_is_taken_for_a_result(build: Night, write_run: Writer, tmp_path: Path) -> None:
    build(write_run("test_0", interval=60.0))
    path, manifest = result_of(tmp_path)
    whole = {each: each.read_bytes() for each in (path, manifest)}
    for harmed, harms in ((path, ILL_RESULTS), (manifest, ILL_MANIFESTS)):
        for name, harm in harms.items():
            harm(harmed)
            assert results.read_result(path) is None, name
            if harmed.is_dir():
                harmed.rmdir()
            harmed.write_bytes(whole[harmed])
            assert results.read_result(path) is not None, f"after {name}"


def test_a_label_without_a_value_is_one_of_a_test_in_the_root_folder(
    build: Night, write_run: Writer, tmp_path: Path
) -> None:
    """Allure leaves out what is empty, as the package of such a test."""
    build(write_run("test_0", interval=60.0))
    path, _ = result_of(tmp_path)
    labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    with_fields(labels=[{"name": "package"}, {"name": "requirement"}, {"name": "nodeid"}, *labels])(path)
    found = results.read_result(path)
    assert found is not None
    assert results.label(found, "package") == ""


@pytest.mark.parametrize("gone", [False, True], ids=["its run is there", "its run is gone"])
@pytest.mark.parametrize(("place", "harm"), [(0, cut_off), (1, cut_off)], ids=["result", "manifest"])
def test_a_result_that_is_not_whole_is_told_from_its_run_or_passes_nothing(
    build: Night, write_run: Writer, tmp_path: Path, place: int, harm: Callable[[Path], Any], gone: bool
) -> None:
    run = write_run("test_0", interval=60.0)
    assert "The pack passed the only test." in build(run)
    harm(result_of(tmp_path)[place])
    if gone:
        shutil.rmtree(run)
    page = words(build(run))
    if gone:
        assert "1 inconclusive" in page
        assert "its run are gone: nobody can say any more that it passed" in page
    else:
        assert "The pack passed the only test." in page
        assert "lfp" in page, "told from its run"


def test_a_name_of_a_file_that_is_no_text_costs_nobody_the_report(build: Night) -> None:
    page = build("2026-11-22/194501-gone", title="It \udcff", cause="\udcff", verdict="FAIL")
    assert "It \\udcff" in page
    assert "The pack failed 1 of 1 tests." in page


def test_a_name_of_a_pack_that_is_no_text_costs_nobody_the_report(
    build: Night, write_run: Writer, tmp_path: Path
) -> None:
    build(write_run("test_0"))
    _, manifest = result_of(tmp_path)
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["pack"]["name"] = "pack-\udcff\nPython=2"
    manifest.write_text(json.dumps(told), encoding="utf-8")
    results.write_environment(tmp_path / "results")
    lines = (tmp_path / "results" / "environment.properties").read_text(encoding="utf-8").splitlines()
    assert "Pack=pack-\\udcff Python=2" in lines, "of one line"


def test_what_was_meant_to_run_and_cannot_be_read_is_nobody(build: Night, write_run: Writer, tmp_path: Path) -> None:
    run = write_run("test_0", interval=60.0)
    (tmp_path / "results").mkdir()
    for text in ("{", '{"tests": [{"x": 1}]}', "[]"):
        (tmp_path / "results" / "packbench-session.json").write_text(text, encoding="utf-8")
        assert "The pack passed the only test." in build(run)


def test_a_session_without_a_test_says_nothing_of_the_pack(build: Night) -> None:
    page = words(build())
    assert "No test was run: nothing is known of the pack." in page
    assert "passed 0 of 0" not in page


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
