"""A person is asked: who may, what is recorded, and what comes of no answer; the bench looks on all the while."""

import os
import sys
import time
from collections.abc import Iterator
from math import inf, nextafter
from pathlib import Path
from typing import Any

import pytest

import packbench
from bench.asking import (
    ANSWERED,
    ASKED,
    DESK,
    NOBODY,
    UNATTENDED,
    Answer,
    AskOperator,
    Terminal,
    ask_operator,
    read_answer,
    write_answer,
)
from bench.columns import DERIVED, INDEX, TEST_TIME
from bench.running.procedures import procedure_for
from bench.scenario import Charge, Rest, elapsed
from bench.testing import TestBench
from bench.verdicts import Aborted, InputError
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import Plant
from tests.bench.session_support import Project
from tests.bench.supervisor_support import PATIENCE

pytestmark = pytest.mark.real_time

ASK = AskOperator("Connect the HV plug", answers=("done", "cannot"), patience=60.0)
SHORT = Rest(until=elapsed(seconds=20))


@pytest.fixture
def page() -> Iterator[None]:
    """Somebody is before a live page, and has said so."""
    DESK.promised = True
    yield
    DESK.promised = False


def events(bench: TestBench, kind: str) -> list[dict[str, Any]]:
    return [event for event in bench.run_log.events if event["type"] == kind]


def answer_after(bench: TestBench, seconds: float, answer: Answer) -> None:
    """Answer as a page does: by a file beside the run."""

    def observe(row: list[float]) -> None:
        if row[0] - bench.engine.step_started >= seconds:
            write_answer(bench.run_log.folder, bench.engine.sampler.step_index, answer)

    bench.engine.sampler.observers.append(observe)


@pytest.mark.usefixtures("page")
def test_the_test_goes_on_when_somebody_has_answered_and_the_record_says_who(little_bench: TestBench) -> None:
    answer_after(little_bench, 30.0, Answer("done", "A. Person", "page"))
    run = little_bench.run(ASK, SHORT)
    (asked,) = events(little_bench, "operator asked")
    assert (asked["text"], asked["answers"]) == ("Connect the HV plug", ["done", "cannot"])
    (said,) = events(little_bench, "operator answered")
    assert (said["answer"], said["who"], said["way"]) == ("done", "A. Person", "page")
    assert 30.0 <= said["time"] - asked["time"] <= 55.0
    ended = [event["ended_by"] for event in events(little_bench, "step ended")]
    assert ended[0] == "A. Person said 'done'"
    waiting = [row for row in run.rows if asked["time"] < row[0] <= said["time"]]
    assert len(waiting) >= 3, "it looked on meanwhile"
    assert little_bench.conclude().verdict == "PASS"


@pytest.mark.usefixtures("page")
def test_nobody_answers_and_neither_pack_nor_bench_is_to_blame(little_bench: TestBench, plant: Plant) -> None:
    with pytest.raises(Aborted, match=r"Nobody has answered 'Connect the HV plug' within 60 s\.") as raised:
        little_bench.run(ASK, Charge(1.0, until=elapsed(minutes=1)))
    ended = little_bench.conclude(raised.value)
    manifest = little_bench.run_log.manifest
    assert (ended.verdict, manifest["cause"]["blame"], manifest["cause"]["fault"]) == (
        "ABORTED", "operator", "no-operator",
    )  # fmt: skip
    assert "charge" not in plant.calls, "no current behind a question that nobody has answered"
    assert manifest["bench_verdict"]["safe"]


def test_a_session_without_a_person_refuses_before_anything_is_switched_on(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.calls.clear()
    with pytest.raises(InputError, match=r"'operator'.*asks a person, and this session has none.*--attended"):
        little_bench.run(SHORT, ASK)
    assert "charge" not in plant.calls
    assert events(little_bench, "step started") == []


def test_the_spelling_of_a_call_is_the_same_step() -> None:
    asked = ask_operator("Connect the HV plug", photo="plug.png", timeout=60.0, answers=("done", "cannot"))
    assert asked == AskOperator("Connect the HV plug", photo="plug.png", patience=60.0, answers=("done", "cannot"))
    assert ask_operator("Plug") == AskOperator("Plug")
    assert packbench.ask_operator is ask_operator


WALL = """
import pytest

from bench.asking import DESK
from packbench import ask_operator

@pytest.fixture
def on_a_wall_clock(bench, monkeypatch):
    monkeypatch.setattr("bench.running.procedures.ask_operator.AskOperatorProcedure._is_virtual", False)

def test_it(on_a_wall_clock, run_scenario):
    assert DESK.attended is %s
    run_scenario(ask_operator("Connect the HV plug", timeout=1.0))
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--live",), "this session has none"),
        (("--attended",), "Nobody has answered 'Connect the HV plug' within 1 s."),
        (("--live", "--attended"), "Nobody has answered 'Connect the HV plug' within 1 s."),
    ],
)
def test_a_live_page_is_nobody_and_who_is_there_says_so(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    project = Project(tmp_path)
    project.write(WALL % ("--attended" in options))
    ended = project.run(*options)
    assert said in ended.output


def test_on_a_virtual_bench_it_is_done_at_once(on: Any) -> None:
    bench = on("virtual-module")
    bench.run(ASK, SHORT)
    (said,) = events(bench, "operator answered")
    assert (said["answer"], said["way"]) == ("done", "virtual bench")
    assert bench.conclude().verdict == "PASS"


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(
    ("question", "says"),
    [
        (AskOperator(" "), "asks nothing"),
        (AskOperator("Plug", answers=()), "no answers"),
        (AskOperator("Plug", answers=("",)), "no answers"),
        (AskOperator("Plug", patience=0.0), "patience"),
        (AskOperator("Plug", patience=float("nan")), "patience"),
        (AskOperator("Plug", photo="nowhere.png"), "no picture"),
        (AskOperator("Plug", photo=__file__), "no picture"),
    ],
)
def test_a_question_that_nobody_could_answer_is_one_sentence(
    little_bench: TestBench, question: AskOperator, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        little_bench.run(question)


@pytest.mark.usefixtures("page")
def test_a_question_with_all_that_can_be_wrong_is_told_all_of_it(little_bench: TestBench) -> None:
    asks = procedure_for(AskOperator(" ", "plug.txt", float("inf"), ("yes", " ")), little_bench.engine.bench)
    assert list(asks.problems()) == [
        "it asks nothing: write what is to be done.", "it has no answers: name one at least.",
        "its patience is inf s: give it some.",
        "its photo plug.txt is no picture that is there (.png, .jpg, .jpeg, .gif, .webp).",
    ]  # fmt: skip
    assert list(procedure_for(ASK, little_bench.engine.bench).problems()) == []


def test_a_question_without_a_person_is_told_so_but_not_on_a_virtual_bench(little_bench: TestBench, on: Any) -> None:
    assert list(procedure_for(ASK, little_bench.engine.bench).problems()) == [UNATTENDED]
    assert list(procedure_for(ASK, on("virtual-module").engine.bench).problems()) == []


def test_an_answer_is_waited_for_to_the_end_of_its_time_and_as_much_longer_as_it_was_paused(
    little_bench: TestBench,
) -> None:
    row = [0.0] * len(DERIVED)
    asked = procedure_for(ASK, little_bench.engine.bench)
    ending = asked.ending(100.0)
    for postponed in (0.0, 50.0):
        ending.postpone(postponed)
        row[INDEX[TEST_TIME]] = 160.0 + postponed
        assert ending.reached(row) is None
        row[INDEX[TEST_TIME]] = nextafter(160.0 + postponed, inf)
        with pytest.raises(Aborted) as raised:
            ending.reached(row)
        assert raised.value.fault == NOBODY


@pytest.mark.usefixtures("page")
def test_each_way_to_a_person_is_asked_once_and_of_several_answers_the_first_is_recorded(
    little_bench: TestBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Any]()
    monkeypatch.setattr(DESK, "ways", [lambda *what: asked.append(what), lambda *what: asked.append(what)])
    answer_after(little_bench, 20.0, Answer("cannot", "A. Person", "page"))
    run = little_bench.run(ASK)
    number = little_bench.engine.sampler.step_index
    assert asked == [(little_bench.run_log.folder, number, ASK)] * 2
    (question,), (said,) = (events(little_bench, kind) for kind in (ASKED, ANSWERED))
    told = {"step": number, "text": "Connect the HV plug", "photo": None, "answers": ["done", "cannot"]}
    assert {name: question[name] for name in told} == told
    told = {
        "step": number, "answer": "cannot", "who": "A. Person", "way": "page", "text": "A. Person (page): cannot",
    }  # fmt: skip
    assert {name: said[name] for name in told} == told
    assert next(each for each in run.events if each["type"] == "step ended")["ended_by"] == "A. Person said 'cannot'"


@pytest.mark.usefixtures("page")
def test_the_picture_goes_with_the_run(new_bench: OpenTestBench, tmp_path: Path) -> None:
    (tmp_path / "plug.PNG").write_bytes(b"a picture")
    bench = new_bench()
    bench.open()
    answer_after(bench, 5.0, Answer("done", "A. Person", "page"))
    bench.run(AskOperator("Plug", photo=str(tmp_path / "plug.PNG")))
    (asked,) = events(bench, "operator asked")
    assert asked["photo"] == f"question-{asked['step']}.png"
    assert (bench.run_log.folder / asked["photo"]).read_bytes() == b"a picture"
    bench.conclude()


def test_the_first_answer_counts_and_half_a_file_is_none(tmp_path: Path) -> None:
    assert read_answer(tmp_path, 1) is None
    write_answer(tmp_path, 1, Answer("done", "first", "page"))
    write_answer(tmp_path, 1, Answer("cannot", "second", "terminal"))
    assert read_answer(tmp_path, 1) == Answer("done", "first", "page")
    assert [path.name for path in tmp_path.iterdir()] == ["answer-1.json"]
    for text in ("", "{", "[]", '{"answer": "done"}', "[" * 100_000):
        (tmp_path / "answer-2.json").write_text(text, encoding="utf-8")
        assert read_answer(tmp_path, 2) is None


@pytest.mark.skipif(sys.platform == "win32", reason="has no pty")
@pytest.mark.parametrize(("typed", "answer"), [("\n", "done"), ("cannot\n", "cannot"), ("what?\ncannot\n", "cannot")])
def test_a_line_in_the_terminal_answers(tmp_path: Path, typed: str, answer: str) -> None:
    person, terminal = os.openpty()
    try:
        ask = Terminal(os.ttyname(terminal))
        shown = b""
        ask(tmp_path, 3, ASK)
        while b">>> Enter for 'done', or type cannot" not in shown:
            shown += os.read(person, 4096)
        os.write(person, typed.encode())
        deadline = time.monotonic() + PATIENCE
        while (found := read_answer(tmp_path, 3)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert found is not None
        assert (found.answer, found.way) == (answer, "terminal")
        assert b"Connect the HV plug" in shown
    finally:
        os.close(person)
        os.close(terminal)
