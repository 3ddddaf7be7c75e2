"""The live page in a real browser, through a whole run on real sockets: what it shows, its button, its question."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts import ExitStatus
from campaign.served import ServedBench, served
from packbench.live.serving import Server
from tests.browsing import CHROMIUM
from tests.packbench.live.sessions import live_session
from tests.packbench.live.test_watching import LIMITS, Run

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium"),
    pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals"),
    pytest.mark.real_time(45),
]
LONG = """
from packbench import AskOperator, Charge, Discharge, elapsed

def test_there_and_back(bench):
    bench.run(
        AskOperator("Connect the HV plug", answers=("done", "cannot")), Charge("C/3", until=elapsed(seconds=5)),
        Discharge("1C", until=elapsed(minutes=30)),
    )
"""
SHORT = LONG.replace("minutes=30", "seconds=8")
PATIENCE = 240_000
"""ms: an eye on hanging. A machine with much else to do takes minutes to start a browser, a session, its supervisor."""
HERE = ("http://127.0.0.1:", "data:")


@dataclass
class Looking:
    """A page in a browser, and what went wrong on it or was asked for elsewhere."""

    page: Any
    problems: list[str] = field(default_factory=list)

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element has this text in it."""
        playwright.expect(self.page.locator(selector)).to_contain_text(text, timeout=PATIENCE)

    def answer(self, answer: str, who: str) -> None:
        """Answer the question that is asked."""
        self.shows("#question", "Connect the HV plug")
        self.page.fill("#who", who)
        self.page.click(f"#answers button >> text={answer}")
        playwright.expect(self.page.locator("#question")).to_be_hidden(timeout=PATIENCE)

    def steps(self) -> list[tuple[str, bool]]:
        """The steps as they stand in the list, each with whether it is the present one."""
        return [
            (each.inner_text(), each.get_attribute("aria-current") == "step")
            for each in self.page.locator("#steps li").all()
        ]


@contextmanager
def looking_at(url: str) -> Iterator[Looking]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        looking = Looking(browser.new_page())
        said = looking.problems.append
        looking.page.on("console", lambda message: said(message.text) if message.type == "error" else None)
        looking.page.on("pageerror", lambda error: said(str(error)))
        looking.page.on("request", lambda asked: None if asked.url.startswith(HERE) else said(asked.url))
        looking.page.on("dialog", lambda dialog: dialog.accept())
        looking.page.goto(url)
        yield looking
        browser.close()


def test_on_a_telephone_no_name_is_too_long(server: Server, run: Run) -> None:
    long = "cell_over_voltage_of_the_" + "very_" * 12 + "last_one"
    run.manifest["test"] = {"name": long, "title": "It"}
    run.manifest["limits"] = [{**limit, "name": long} for limit in LIMITS]
    run.write()
    run.event(time=0.0, type="step started", index=1, name=long, kind="Charge", until=[long], expected_duration=60)
    run.event(time=0.5, type="message", text=long)
    run.rows(1.0, 2.0)
    with looking_at(f"http://127.0.0.1:{server.server_address[1]}/?token={server.page.token}") as looking:
        page = looking.page
        page.set_viewport_size({"width": 390, "height": 800})
        server.page.look()
        playwright.expect(page.locator("#limits tr").nth(2)).to_be_visible(timeout=PATIENCE)
        looking.shows("#step", long)
        looking.shows("#log", long)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing is wider than a telephone"
        assert looking.problems == []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    with served(tmp_path, soc=0.5) as running:
        yield running


def test_a_run_is_seen_and_stopped_from_the_page(bench: ServedBench) -> None:
    with live_session(bench, LONG) as session:
        with looking_at(session.url) as looking:
            page = looking.page
            looking.answer("done", "A. Person")
            looking.shows("#step", "3. discharge")
            playwright.expect(page.locator("#limits tr").nth(5)).to_be_visible(timeout=PATIENCE)
            looking.shows("#bench", "on, measured")
            page.set_viewport_size({"width": 390, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing is wider than a telephone"
            assert page.text_content("#title") == "test_there_and_back"
            assert page.locator("#cells div").count() == 24
            assert page.locator("#charts canvas").count() == 5
            assert page.text_content("#state") == "running"
            assert [now for _, now in looking.steps()] == [False, False, True]
            assert "left" in page.text_content("#left")
            page.click("#stop")
            looking.shows("#answer", "Asked the test to end in order")
            looking.shows("#state", "ABORTED, bench")
            assert looking.problems == []
        bench.wait_for("state", supply=False, load=False, contactor=False)
        output = session.ended()
    assert session.process.returncode == ExitStatus.INTERRUPTED, output
    assert verdict(bench) == "ABORTED"


def test_a_whole_run_is_seen_to_its_own_end_with_its_question_answered_on_the_page(bench: ServedBench) -> None:
    with live_session(bench, SHORT) as session:
        with looking_at(session.url) as looking:
            page = looking.page
            looking.shows("#state", "waiting for the operator")
            before = looking.steps()
            assert [now for _, now in before] == [True, False, False], "every step is there before it begins"
            assert ["to come" in text for text, _ in before] == [False, True, True]
            assert "1 step whose time nobody knows" in page.text_content("#left")
            looking.answer("done", "A. Person")
            looking.shows("#steps [aria-current]", "2. charge")
            looking.shows("#steps [aria-current]", "3. discharge")
            looking.shows("#state", "PASS, bench verified")
            looking.shows("#bench", "contactor open")
            assert ["done" in text for text, _ in looking.steps()] == [True, True, True]
            assert page.locator("#stop").is_disabled()
            assert looking.problems == []
        output = session.ended()
    assert session.process.returncode == ExitStatus.GOOD, output
    assert verdict(bench) == "PASS"
    (log,) = bench.station.parent.glob("runs/*/*/events.jsonl")
    assert '"who": "A. Person", "way": "page"' in log.read_text(encoding="utf-8")


def verdict(bench: ServedBench) -> str:
    """That of the only run."""
    (manifest,) = bench.station.parent.glob("runs/*/*/run.json")
    return str(json.loads(manifest.read_text(encoding="utf-8"))["verdict"])
