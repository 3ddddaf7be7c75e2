"""`packbench join`: what several jobs of a CI left as one session, for one report, one gate and one night."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bench.recording.aftermath import NOT_VERIFIED, VERIFIED
from bench.recording.manifest import read_manifest
from bench.recording.session_log import ENDED, RUNNING, Session, SessionLog, TestEnd, last_session
from reports import generator
from reports.nights.store import FOLDER
from tests.bench.cli_support import edit, packbench_here, record, recorded_as
from tests.packbench.test_cli_gate import NODEID, night

TEST = "test_cases/test_discharge.py::test_capacity[{}]"


def job(
    place: Path, name: str = "C/3-25", value: float = 2.0, *, pack: str = "lfp-24s", second: str = "",
    ran_in: str = "", end: dict[str, Any] | None = None, state: str = ENDED, **facts: Any,
) -> Path:  # fmt: skip
    """A folder in which pytest ran one test, and left no Allure results; `second` is when the run began."""
    runs = place / "runs"
    run = record(runs, recorded_as(value), name=f"test_capacity[{name}]")
    if second:
        run = run.rename(run.with_name(second))
    run_id, nodeid = f"{run.parent.name}/{run.name}", TEST.format(name)
    log = SessionLog(runs, Session.new({"station": "virtual-module", "pack": pack, **facts}))
    made_of = read_manifest(run)
    edit(run, session=log.session.id, run_id=run_id, pack={**made_of["pack"], "name": pack})
    told = {"verdict": "PASS" if value >= 1.9 else "FAIL", "bench": VERIFIED, **(end or {})}
    log.session.collected[nodeid] = f"Capacity, {name}"
    log.session.begun.append(nodeid)
    log.session.note(TestEnd(nodeid, title=f"Capacity, {name}", run=run_id, **told))
    log.begin()
    if state == ENDED:
        log.end(log.session.status(0))
    return place


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder, and without Allure's own pages, which nobody looks at here."""

    def missing(*_: object) -> None:
        raise generator.GeneratorUnavailable("not asked for")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(generator, "generate", missing)


def joined(folder: Path) -> Session:
    session = last_session(folder / "runs")
    assert session is not None
    return session


def text_of(page: Path) -> str:
    plain = re.sub("<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", plain)))


def test_a_job_for_each_temperature_is_one_report_one_gate_and_one_night(tmp_path: Path) -> None:
    """Twice: the second night is compared with the first as a whole."""
    for cold, number in ((2.0, 1), (1.5, 2)):
        jobs = [
            job(tmp_path / f"jobs{number}" / "cold", "C/3-0", cold),
            job(tmp_path / f"jobs{number}" / "warm", "C/3-25"),
        ]
        results = f"results{number}"
        status = 0 if cold > 1.9 else 1
        answer = packbench_here("join", *jobs, "--results", results)
        assert answer.status == status, answer.err
        assert "Joined 2 of 2 jobs in runs" in answer.out
        built = packbench_here("report", "--results", results, "--history=all")
        assert built.status == status, built.err
        gate = packbench_here("gate", "--results", results)
        assert gate.status == status, gate.out
        nights = list((tmp_path / "runs" / FOLDER).glob("*/*.json"))
        assert len(nights) == number, "one entry for all jobs of a night"
        told = json.loads(max(nights).read_text(encoding="utf-8"))["tests"]
        assert {test["nodeid"] for test in told} == {TEST.format("C/3-0"), TEST.format("C/3-25")}
        assert all(test["figures"] for test in told), "told from the runs, which left no results"
    page = text_of(tmp_path / "allure-report" / "index.html")
    assert "The pack failed 1 of 2 tests." in page
    assert "regressed" in page
    assert "not run any more" not in page


def test_the_same_test_on_two_packs_is_two_tests_and_a_failure_hides_behind_no_pass(tmp_path: Path) -> None:
    bad = job(tmp_path / "lfp", value=1.5, second="020000-test_capacity", command=["--pack=lfp-24s", "test_cases"])
    good = job(tmp_path / "nmc", pack="nmc811-24s", second="020000-test_capacity", folder="/bench")
    assert packbench_here("join", bad, good).status == 1
    name = TEST.format("C/3-25")
    session = joined(tmp_path)
    assert {end.nodeid: end.verdict for end in session.tests.values()} == {
        f"{name} (lfp)": "FAIL",
        f"{name} (nmc)": "PASS",
    }
    folders = {end.run: read_manifest(tmp_path / "runs" / end.run) for end in session.tests.values()}
    assert len(folders) == 2, "begun in the same second, and kept apart"
    assert {run: told["run_id"] for run, told in folders.items()} == {run: run for run in folders}
    assert {told["pack"]["name"] for told in folders.values()} == {"lfp-24s", "nmc811-24s"}
    for run in folders:
        assert packbench_here("judge", run).status in {0, 1}, "the record is whole"
    packbench_here("report")
    page = text_of(tmp_path / "allure-report" / "index.html")
    assert "The pack failed 1 of 2 tests." in page
    assert "Capacity, C/3-25, lfp" in page
    assert "Capacity, C/3-25, nmc" in page
    assert "1 of 1 pack failed" in page, "a row for each pack"


def test_what_failed_is_repeated_as_its_own_job_ran_it(tmp_path: Path) -> None:
    silent = {"verdict": "BENCH FAULT", "cause": "supply did not answer"}
    for name in ("lfp", "nmc"):
        job(
            tmp_path / name,
            end=silent,
            command=[f"--pack={name}", "test_cases"],
            chosen=["test_cases"],
            folder=f"/{name}",
        )
    assert packbench_here("join", "lfp", "nmc").status == 3
    packbench_here("report")
    page = text_of(tmp_path / "allure-report" / "index.html")
    for name in ("lfp", "nmc"):
        assert f"cd /{name} && pytest --pack={name} '{TEST.format('C/3-25')}'" in page


def test_results_of_jobs_are_those_of_the_joined_session(tmp_path: Path) -> None:
    for name, verdict in (("one", "PASS"), ("two", "FAIL")):
        (tmp_path / name).mkdir()
        night(tmp_path / name, verdict, 2.3 if verdict == "PASS" else 1.9, kept=False)
    # Of two jobs, files of two names: Allure makes them of random numbers.
    for path in (tmp_path / "two" / "allure-results").iterdir():
        text = (
            path.read_text(encoding="utf-8")
            .replace("m-attachment", "n-attachment")
            .replace('"uuid": "1"', '"uuid": "2"')
        )
        path.unlink()
        path.with_name(path.name.replace("1-", "2-").replace("m-", "n-")).write_text(text, encoding="utf-8")
    packbench_here("join", "one", "two")
    results = [
        json.loads(each.read_text(encoding="utf-8")) for each in (tmp_path / "allure-results").glob("*-result.json")
    ]
    labels = {each["labels"][0]["value"]: each for each in results}
    assert set(labels) == {f"{NODEID} (one)", f"{NODEID} (two)"}
    assert len({each["historyId"] for each in results}) == 2, "Allure would take one for a repetition of the other"
    packbench_here("report", "--history=all")
    (kept,) = (tmp_path / "runs" / FOLDER).glob("*/*.json")
    told = json.loads(kept.read_text(encoding="utf-8"))["tests"]
    assert {test["nodeid"]: (test["verdict"], test["figures"][0]["value"]) for test in told} == {
        f"{NODEID} (one)": ("PASS", 2.3), f"{NODEID} (two)": ("FAIL", 1.9),
    }  # fmt: skip


def test_a_job_that_left_nothing_makes_no_good_night(tmp_path: Path) -> None:
    (tmp_path / "lost").mkdir()
    answer = packbench_here("join", job(tmp_path / "there"), "lost", "gone")
    assert answer.status == 3
    assert "Job lost left no session: nobody knows what became of its tests." in answer.out
    assert packbench_here("report").status == 3
    assert "Job gone left no session" in text_of(tmp_path / "allure-report" / "index.html")
    gate = packbench_here("gate")
    assert gate.status == 1
    assert "BROKEN not-judged" in gate.out
    assert "Job gone left no session" in gate.out


def test_a_job_whose_process_died_is_one_that_never_ended(tmp_path: Path) -> None:
    jobs = job(tmp_path / "good", "C/3-0"), job(tmp_path / "dead", state=RUNNING)
    assert packbench_here("join", *jobs).status == 3
    assert joined(tmp_path).process is None, "whose number it was on another machine is nobody's here"
    gate = packbench_here("gate")
    assert gate.status == 3
    assert "never ended" in gate.out


def test_a_bench_that_one_job_left_on_is_told_first(tmp_path: Path) -> None:
    left = {"bench": NOT_VERIFIED, "left": "NOT VERIFIED SAFE (supply). Switch it off by hand."}
    answer = packbench_here("join", job(tmp_path / "good", "C/3-0"), job(tmp_path / "left", end=left))
    assert answer.status == 3
    assert "NOT VERIFIED SAFE (supply)" in answer.out


@pytest.mark.parametrize(("jobs", "sentence"), [
    (("one", "one"), "hold the same session"),
    (("nowhere",), "No session has been recorded in nowhere/runs"),
    (("one", "two", "--results=full"), "--results full: holds something already"),
])  # fmt: skip
def test_what_cannot_be_joined_is_one_sentence(tmp_path: Path, jobs: tuple[str, ...], sentence: str) -> None:
    for name in ("one", "two"):
        job(tmp_path / name, f"C/3-{len(name)}{name}")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine", encoding="utf-8")
    answer = packbench_here("join", *jobs)
    assert answer.status == 2
    assert sentence in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert (tmp_path / "full" / "thesis.txt").exists()
    assert not (tmp_path / "runs").exists()
