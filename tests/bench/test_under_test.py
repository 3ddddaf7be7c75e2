"""More than a pack is under test: whose figure it is says who failed, from the run's manifest to every report."""

from math import nan
from pathlib import Path
from typing import get_args

import pytest

from bench.recording.rejudge import rejudge, verdict_of
from bench.safety.faults import fault
from bench.verdicts import (
    FAILED,
    FAILURES,
    MISSED,
    ExitStatus,
    Measurement,
    Subject,
    Verdict,
    blame_of,
    counts_in_words,
    fault_of,
    worst,
)
from tests.bench.session_support import Project

CASES = """
def test_manager(verify):
    '''A manager breaks its word.'''
    verify("departures not kept", 2.0, unit="1", at_most=0.5, subject="manager")
    verify("capacity", 2.0, unit="Ah", at_least=1.9)

def test_charger(verify):
    '''A charger is slow.'''
    verify("settling time", 20.0, unit="s", at_most=10.0, subject="charger")
    verify("departures not kept", 2.0, unit="1", at_most=0.5, subject="manager")

def test_pack(verify):
    '''A pack is small, whatever a manager made of it.'''
    verify("departures not kept", 2.0, unit="1", at_most=0.5, subject="manager")
    verify("capacity", 1.5, unit="Ah", at_least=1.9)

def test_good(verify):
    '''All is well.'''
    verify("departures not kept", 0.0, unit="1", at_most=0.5, subject="manager")

def test_raises():
    '''A test says it itself.'''
    from packbench import ManagerFailure
    raise ManagerFailure("it was told off")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_each_is_blamed_for_its_own_figures_wherever_somebody_reads(project: Project) -> None:
    project.write(CASES)
    ended = project.run()
    assert ended.status == 1
    counts = "5 tests: 1 passed, 0 inconclusive, 1 pack failed, 1 charger failed, 2 manager failed, 0 test error"
    assert counts in ended.output
    assert project.verdicts == {
        "test_manager": "MANAGER FAIL", "test_charger": "CHARGER FAIL", "test_pack": "FAIL", "test_good": "PASS",
        "test_raises": "MANAGER FAIL",
    }  # fmt: skip
    causes = [(each["cause"] or {}) for each in project.manifests]
    told = [(each.get("blame"), each.get("fault"), each.get("limit")) for each in causes]
    assert told[:3] == [
        ("manager", "manager-failed", "departures not kept"), ("charger", "charger-failed", "settling time"),
        ("pack", "requirement-missed", "capacity"),
    ]  # fmt: skip
    assert project.junit() == {
        "test_manager": ("failure", "MANAGER FAIL"), "test_charger": ("failure", "CHARGER FAIL"),
        "test_pack": ("failure", "FAIL"), "test_good": ("passed", ""), "test_raises": ("failure", "MANAGER FAIL"),
    }  # fmt: skip
    assert project.report().status == 1
    page = project.page
    assert "The pack failed 1 of 5 tests; the charger failed 1; the energy manager failed 2." in page
    assert counts in page
    sections = {name: page.partition(f"<h2>{name}")[2].partition("</section>")[0] for name in
                ("Pack failures", "Charger failures", "Energy manager failures")}  # fmt: skip
    assert "A manager breaks its word" in sections["Energy manager failures"]
    assert "A charger is slow" in sections["Charger failures"]
    assert "A pack is small" in sections["Pack failures"]
    assert "breaks its word" not in sections["Pack failures"]


def test_a_session_without_such_things_is_counted_as_ever() -> None:
    words = "1 test: 1 passed, 0 inconclusive, 0 pack failed, 0 test error, 0 bench failed, 0 aborted, 0 not run."
    assert counts_in_words({"PASS": 1}) == words


@pytest.mark.parametrize("subject", get_args(Subject))
def test_whoever_can_be_under_test_has_a_verdict_a_fault_and_a_failure(subject: Subject) -> None:
    """A new one that is left out of one of them would be nobody's somewhere."""
    failure = FAILURES[subject]("x")
    assert blame_of(failure) == (subject, FAILED[subject])
    assert fault_of(failure) == MISSED[subject]
    assert fault(MISSED[subject]).blame == subject
    assert ExitStatus.of(FAILED[subject]) is ExitStatus.FAILED
    for value in (2.0, nan):
        assert Measurement("x", value, "1", at_most=1.0, subject=subject).verdict is FAILED[subject]
    assert Measurement("x", 1.0, "1", at_most=1.0, subject=subject).verdict is Verdict.PASS


def test_a_failure_of_what_a_manager_decides_about_comes_before_its_own() -> None:
    """It is judged by what it was given."""
    assert worst([Verdict.MANAGER_FAIL, Verdict.FAIL, Verdict.CHARGER_FAIL]) is Verdict.FAIL
    assert worst([Verdict.MANAGER_FAIL, Verdict.CHARGER_FAIL]) is Verdict.CHARGER_FAIL


def test_a_recording_is_judged_again_as_its_own_or_as_it_always_was() -> None:
    """Recordings from before do not say whose a figure is: it was the pack's then."""
    new = Measurement("departures not kept", 2.0, "1", at_most=0.5, step="days", subject="manager").as_dict()
    old = {**{key: value for key, value in new.items() if key != "subject"}, "verdict": "FAIL"}
    assert "subject" not in Measurement("capacity", 2.0, "Ah").as_dict()
    for fields, verdict in ((new, "MANAGER FAIL"), (old, "FAIL")):
        (judged,) = rejudge([fields], {("departures not kept", "days"): 3.0})
        assert judged.measurement.verdict == verdict
        assert verdict_of({"verdict": verdict}, [judged]) == verdict
        (judged,) = rejudge([fields], {("departures not kept", "days"): 0.0})
        assert verdict_of({"verdict": verdict}, [judged]) == "PASS"


def test_several_managers_are_tested_one_after_the_other_and_told_apart(project: Project) -> None:
    project.write("""
def test_days(verify, manager):
    '''Days with {manager}.'''
    verify("departures not kept", 1.0 if manager == "percent" else 0.0, unit="1", at_most=0.5, subject="manager")
""")
    assert project.run().status == 0
    assert project.verdicts == {"test_days[reference]": "PASS"}
    assert project.run("--manager", "reference", "--manager", "percent").status == 1
    assert project.verdicts == {"test_days[reference]": "PASS", "test_days[percent]": "MANAGER FAIL"}
    assert [test["title"] for test in project.record["tests"]] == ["Days with reference", "Days with percent"]
