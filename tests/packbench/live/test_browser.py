"""The live page in a real browser, through a whole run on real sockets: what it shows, and that its button stops it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.verdicts import ExitStatus
from campaign.served import ServedBench, served
from tests.bench.cli_support import ROOT
from tests.browsing import CHROMIUM

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium"),
    pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals"),
]
SCENARIO = """
from packbench import AskOperator, Charge, Discharge, elapsed

def test_there_and_back(bench):
    bench.run(
        AskOperator("Connect the HV plug", answers=("done", "cannot")), Charge("C/3", until=elapsed(seconds=5)),
        Discharge("1C", until=elapsed(minutes=30)),
    )
"""
PATIENCE = 240_000
"""ms: an eye on hanging. A machine with much else to do takes minutes to start a browser, a session, its supervisor."""
HERE = ("http://127.0.0.1:", "data:")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    (tmp_path / "test_mine.py").write_text(SCENARIO, encoding="utf-8")
    with served(tmp_path, soc=0.5) as running:
        yield running


def test_a_run_is_seen_and_stopped_from_the_page(bench: ServedBench) -> None:
    folder = bench.station.parent
    command = [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", f"--station={bench.station.name}",
        "--live", "--attended", "test_mine.py",
    ]  # fmt: skip
    with subprocess.Popen(
        # As in CI: nothing of pytest's own makes the line with the address come before the test is over.
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "CI": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    ) as session:  # fmt: skip
        assert session.stdout is not None
        url = next(line.split()[-1] for line in session.stdout if line.startswith("Live at "))
        seen = looked_at(url)
        bench.wait_for("state", supply=False, load=False, contactor=False)
        output = session.stdout.read()
    assert session.returncode == ExitStatus.INTERRUPTED, output
    assert seen["problems"] == []
    assert seen["elsewhere"] == []
    assert seen["title"] == "test_there_and_back"
    assert "3. discharge" in seen["step"]
    assert len(seen["cells"]) == 24
    assert seen["limits"] > 5
    assert seen["drawn"] == 5
    assert "Asked the test to end in order" in seen["answer"]
    assert "ABORTED, bench" in seen["state"]
    (log,) = folder.glob("runs/*/*/events.jsonl")
    assert '"who": "A. Person", "way": "page"' in log.read_text(encoding="utf-8")
    (manifest,) = folder.glob("runs/*/*/run.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["verdict"] == "ABORTED"


def looked_at(url: str) -> dict[str, object]:
    """Open it, answer its question, stop the test in its discharge, and wait until it says how the run ended."""
    seen: dict[str, object] = {}
    problems, elsewhere, shows = list[str](), list[str](), playwright.expect
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith("http://127.0.0.1:") else elsewhere.append(asked.url)
        )
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(url)
        shows(page.locator("#question")).to_contain_text("Connect the HV plug", timeout=PATIENCE)
        page.fill("#who", "A. Person")
        page.click("#answers button >> text=done")
        shows(page.locator("#question")).to_be_hidden(timeout=PATIENCE)
        shows(page.locator("#step")).to_contain_text("discharge", timeout=PATIENCE)
        shows(page.locator("#limits tr").nth(5)).to_be_visible(timeout=PATIENCE)
        seen |= {
            "title": page.text_content("#title"), "step": page.text_content("#step"),
            "cells": page.locator("#cells div").all_text_contents(), "limits": page.locator("#limits tr").count(),
            "drawn": page.locator("#charts canvas").count(),
        }  # fmt: skip
        page.click("#stop")
        shows(page.locator("#answer")).to_contain_text("Asked", timeout=PATIENCE)
        seen["answer"] = page.text_content("#answer")
        shows(page.locator("#state")).to_contain_text("ABORTED", timeout=PATIENCE)
        seen["state"] = page.text_content("#state")
        browser.close()
    return {**seen, "problems": problems, "elsewhere": [each for each in elsewhere if not each.startswith(HERE)]}
