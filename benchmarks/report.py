"""What the report of a thousand tests costs: time, memory of all its processes, disk, how soon its pages are usable.

Two runs are recorded (or taken from a folder of Allure results that is given); a thousand results are made of them,
each with a name, a pack, a temperature, files and figures of its own, so that nothing can be shared that would not be
of real runs. What is measured is `packbench report`, from results to HTML; figures are drawn when each test ends.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import Any
from uuid import UUID

import psutil
import yaml

from bench.recording.aftermath import VERIFIED
from bench.recording.session_log import Session, SessionLog, TestEnd
from reports.nights.night import Night
from reports.nights.store import History
from reports.outcome import outcomes
from reports.results import INTERACTIVE, MANIFEST

HERE = Path(__file__).resolve().parents[1]
TESTS, PACKS = 1000, 4
TEMPERATURES = (-20.0, -10.0, 0.0, 10.0, 20.0, 25.0, 30.0, 40.0, 45.0, 50.0)
MOST = {"s": 60.0, "MiB": 1024.0, "MB": 300.0, "kB": 200.0, "front page s": 1.0, "Allure s": 3.0}
RECORDED = ("test_cases/test_discharge.py::test_capacity_at_1c", "--temperatures=25", "-q", "-p", "no:cacheprovider")
BAD = ("broken", "BENCH FAULT: bench.verdicts.BenchFault: supply: no answer within 2 s.")
EVERY = 17
"""One in so many tests has no verdict."""


def main(recorded: Path | None = None) -> None:
    """Print the figures."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = recorded or _record(folder / "recorded")
        results, runs, output = folder / "results", folder / "runs", folder / "report"
        results.mkdir()
        began = perf_counter()
        _synthesise(source, results)
        _record_session(results, runs)
        size = sum(path.stat().st_size for path in results.iterdir())
        print(f"{TESTS} results of {size / 1e6:.0f} MB, made in {perf_counter() - began:.0f} s")
        took, worked, most = _build(results, runs, output)
        _tell(took, "s", "s from results to HTML")
        print(f"{worked:9.2f} s of processors for it: what a machine with other work cannot spoil")
        _tell(most / 2**20, "MiB", "MiB of memory at most, all processes together")
        _tell(sum(path.stat().st_size for path in output.rglob("*") if path.is_file()) / 1e6, "MB", "MB of report")
        _tell((output / "index.html").stat().st_size / 1000, "kB", "kB of front page")
        _tell_pages(output)


def _tell(value: float, unit: str, words: str) -> None:
    print(f"{value:9.2f} {words} (at most {MOST[unit]:g}){'' if value <= MOST[unit] else '  <-- missed'}")


def _record(folder: Path) -> Path:
    """A pack that is good, and one with a weak cell."""
    for name, defects in (("good", ()), ("weak", ("--defect=weak-cell:7:0.9",))):
        places = (f"--runs={folder / 'runs'}", f"--alluredir={folder / name}", *defects)
        subprocess.run([sys.executable, "-m", "pytest", *RECORDED, *places], cwd=HERE, check=False, capture_output=True)
        for path in (folder / name).iterdir():
            path.rename(folder / path.name)
    return folder


def _synthesise(source: Path, target: Path) -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(source.glob("*-result.json"))]
    models = [each for each in found if any(entry["name"] == INTERACTIVE for entry in each.get("attachments", ()))]
    if not models:
        raise SystemExit(f"There is no result with a figure in {source}: record one with `pytest test_cases` first.")
    bodies = {
        entry["source"]: (source / entry["source"]).read_bytes() for each in models for entry in each["attachments"]
    }
    for number in range(TESTS):
        _one(models[number % 7 == 3 and len(models) > 1], number, bodies, target)


def _one(model: Mapping[str, Any], number: int, bodies: Mapping[str, bytes], target: Path) -> None:
    """One result, with files of its own."""
    pack, temperature = f"pack-{number % PACKS}", TEMPERATURES[number // PACKS % len(TEMPERATURES)]
    title = f"Scenario {number // (PACKS * len(TEMPERATURES))} of {pack}, {temperature:g} °C"
    nodeid, uuid = f"t.py::test_{number}", str(UUID(int=int(sha256(str(number).encode()).hexdigest()[:32], 16)))
    attachments = []
    for entry in model["attachments"]:
        name = f"{number}-{entry['source']}"
        body = bodies[entry["source"]]
        if entry["name"] == MANIFEST:
            body = _manifest(json.loads(body), nodeid, title, pack, temperature, number)
        elif entry["source"].endswith((".png", ".html")):
            body += f"<!-- {number} -->".encode()  # behind the end of either, and read by nobody
        (target / name).write_bytes(body)
        attachments.append({**entry, "source": name})
    named = {"nodeid": nodeid, "feature": f"Feature {number % 5}", "story": f"Story {number % 25}"}
    labels = [each for each in model["labels"] if each["name"] not in named]
    labels += [{"name": name, "value": value} for name, value in named.items()]
    own = {"uuid": uuid, "name": title, "historyId": uuid, "fullName": nodeid, "testCaseId": uuid}
    result = {**model, **own, "labels": labels, "attachments": attachments}
    if number % EVERY == 0:
        result |= {"status": BAD[0], "statusDetails": {"message": BAD[1]}}
    (target / f"{uuid}-result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def _manifest(manifest: Any, nodeid: str, title: str, pack: str, temperature: float, number: int) -> bytes:
    test = {**manifest["test"], "nodeid": nodeid, "title": title, "parameters": {"temperature": temperature}}
    own = {"test": test, "pack": {**manifest["pack"], "name": pack}, "run_id": f"2026-01-02/{number:06d}-test"}
    return json.dumps({**manifest, **own}, ensure_ascii=False).encode()


def _record_session(results: Path, runs: Path) -> None:
    """The record of the session, and a night before it in which everything was 3 % better."""
    listed = yaml.safe_load((HERE / "test_cases" / "requirements.yaml").read_text(encoding="utf-8"))["requirements"]
    log, tests = SessionLog(runs, Session.new({"requirements": listed})), outcomes(results)
    for test in tests:
        log.session.note(TestEnd(test.nodeid, test.verdict, test.title, test.message, bench=VERIFIED))
    log.end(0)
    night = Night.of(tests, None)
    if night is None:
        raise SystemExit("The synthesised results have no run.")
    better = [
        replace(test, figures=[replace(each, value=1.03 * each.value) for each in test.figures]) for test in night.tests
    ]
    History(runs, night.station).keep(replace(night, name="2026-01-01", started="2026-01-01T02:00:00Z", tests=better))


def _build(results: Path, runs: Path, output: Path) -> tuple[float, float, int]:
    """How long it takes, s, what of processors, s, and the most memory of it and its children at one time, bytes."""
    before = os.times()
    command = [sys.executable, "-m", "packbench", "report", str(runs), f"--results={results}", f"--output={output}"]
    began = perf_counter()
    with subprocess.Popen(command, cwd=output.parent, stdout=subprocess.DEVNULL) as process:
        most, over = [0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, most, over))
        watch.start()
        process.wait()
        over.set()
        watch.join()
    took, after = perf_counter() - began, os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return took, worked, most[0]


def _watch(pid: int, most: list[int], over: threading.Event) -> None:
    while not over.wait(0.05):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            most[0] = max(most[0], sum(_memory(each) for each in (process, *process.children(recursive=True))))


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _tell_pages(output: Path) -> None:
    """How soon pages can be used, from the disk, in a Chromium without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("no browser: pages were not opened (`tox run -e benchmark` with playwright)")
        return
    wanted: Sequence[tuple[str, str, str]] = (
        ("index.html", "front page s", ".matrix a.cell"), ("allure.html", "Allure s", "text=Scenario"),
    )  # fmt: skip
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        for name, what, selector in wanted:
            if (output / name).is_file():
                _tell(min(_opened(browser, output / name, selector)), what, f"s until {name} can be used")
        browser.close()


def _opened(browser: Any, page: Path, selector: str) -> Iterator[float]:
    for _ in range(3):
        tab = browser.new_page()
        began = monotonic()
        tab.goto(page.as_uri(), wait_until="domcontentloaded")
        tab.locator(selector).first.wait_for(timeout=120_000)
        yield monotonic() - began
        tab.close()


def _chromium() -> str | None:
    from shutil import which

    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
