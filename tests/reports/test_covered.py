"""Requirements and their tests: the worst of them counts, and what was not tested is told."""

from csv import DictReader
from io import StringIO

import pytest

from bench.verdicts import Measurement
from reports.covered import UNCOVERED, Covered, as_csv, coverage, requirements
from reports.outcome import Outcome

LIMIT = {"kpi": ["discharge capacity"], "limit": {"discharge capacity": {"": {"25.0": 2.0}}}, "source": "ISO 1"}
LISTED = {
    "A-1": {"text": "It holds.", "clause": "ISO 1"},
    "A-2": {"text": "It lasts.", **LIMIT},
    "A-3": {"text": "<b>no</b>"},
}


def outcome(verdict: str, *ids: str, value: float = 2.3, nodeid: str = "t.py::test_it") -> Outcome:
    measured = Measurement("capacity", value, "Ah", at_least=2.0, step="discharge")
    manifest = {"run_id": "2026-01-01/1", "measurements": [measured.as_dict()]}
    return Outcome(verdict, f"Title of {nodeid}", nodeid, "1" * 32, "why", ids, manifest)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [(["PASS", "FAIL"], "FAIL"), (["PASS", "BENCH FAULT"], "BENCH FAULT"), (["PASS"], "PASS"), ([], "")],
)
def test_the_worst_of_its_tests_is_told(verdicts: list[str], worst: str) -> None:
    tests = [outcome(verdict, "A-1", nodeid=f"t.py::test_{verdict}") for verdict in verdicts]
    assert coverage(LISTED, tests)[0].verdict == worst


def test_every_requirement_is_there_once_and_what_is_marked_beyond_the_list_as_well() -> None:
    found = coverage(LISTED, [outcome("PASS", "A-2", "B-1")])
    assert {each.identifier: len(each.tests) for each in found} == {"A-1": 0, "A-2": 1, "A-3": 0, "B-1": 1}


def test_the_tightest_figure_is_shown_and_names_are_never_obeyed() -> None:
    tests = [outcome("PASS", "A-1", value=2.3), outcome("PASS", "A-1", "A-3", value=2.1, nodeid="t.py::test_tight")]
    page = requirements(LISTED, tests, {})
    row = page.partition("A-1</b>")[2].partition("</tr>")[0]
    assert "capacity 2.1 Ah" in row
    assert "+5.0 %" in row
    assert "<b>no</b>" not in page
    assert "Without a test in this session: A-2." in page


@pytest.mark.parametrize("verdict", ["FAIL", "BENCH FAULT", "ABORTED", "INCONCLUSIVE"])
def test_no_margin_of_what_passed_stands_beside_a_test_that_did_not(verdict: str) -> None:
    """What failed it may never have been measured."""
    tests = [outcome("PASS", "A-1"), outcome(verdict, "A-1", value=2.3, nodeid="t.py::test_other")]
    row = requirements(LISTED, tests, {}).partition("A-1</b>")[2].partition("</tr>")[0]
    assert "2.3 Ah" not in row
    assert "+15" not in row
    told = list(DictReader(StringIO(as_csv(coverage(LISTED, tests)))))
    assert [each["margin"] != "" for each in told[:2]] == [True, False]


def test_without_a_list_and_marks_there_is_no_section() -> None:
    assert requirements({}, [outcome("PASS")], {}) == ""


def test_a_text_that_a_spreadsheet_would_calculate_stays_a_text() -> None:
    bad = "=HYPERLINK(1)"
    (row,) = DictReader(StringIO(as_csv(coverage({bad: {"text": bad, "clause": bad}}, []))))
    assert [row[name] for name in ("id", "text", "clause")] == [f"'{bad}"] * 3
    asked = {"kpi": [bad], "limit": {bad: {"": {"25": 1}}}, "source": bad}
    (row,) = DictReader(StringIO(as_csv(coverage({"A": asked}, []))))
    assert [row[name][:2] for name in ("kpi", "limit", "limit source")] == ["'="] * 3


STATED = {
    "text": "It holds.", "kpi": ["discharge capacity", "state of charge error"], "source": "ISO 1, 2",
    "limit": {"discharge capacity": {"C/3": {"-10.0": 1.8, "25.0": 1.96}, "1C": {"25.0": None}}},
}  # fmt: skip
IN_WORDS = "discharge capacity ≥ 1.8 Ah at C/3, -10 °C; discharge capacity ≥ 1.96 Ah at C/3, 25 °C"


@pytest.mark.parametrize("tests", [[], [outcome("PASS", "A-1")]])
def test_figures_limit_and_source_are_told_also_of_what_nobody_has_tested(tests: list[Outcome]) -> None:
    page = requirements({"A-1": STATED}, tests, {})
    row = page.partition("A-1</b>")[2].partition("</tr>")[0]
    assert "Figures: discharge capacity, state of charge error" in row
    assert f"{IN_WORDS}; from ISO 1, 2" in row
    (told,) = DictReader(StringIO(as_csv(coverage({"A-1": STATED}, tests))))
    assert told["kpi"] == "discharge capacity, state of charge error"
    assert (told["limit"], told["limit source"]) == (IN_WORDS, "ISO 1, 2")


def test_the_table_has_a_line_for_each_requirement_and_test() -> None:
    tests = [outcome("PASS", "A-1"), outcome("FAIL", "A-1", value=1.9, nodeid="t.py::test_other")]
    rows = list(DictReader(StringIO(as_csv(coverage(LISTED, tests)))))
    told = [(row["id"], row["test"], row["verdict"]) for row in rows]
    assert told == [
        ("A-1", "t.py::test_it", "PASS"), ("A-1", "t.py::test_other", "FAIL"), ("A-2", "", UNCOVERED),
        ("A-3", "", UNCOVERED),
    ]  # fmt: skip
    assert rows[1]["margin"] == "-100 mAh" or rows[1]["margin"].startswith("-0.1")
    assert Covered("A-9").deciding is None
