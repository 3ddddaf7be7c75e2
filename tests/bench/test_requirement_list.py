"""The list of requirements: what is wrong in it is one sentence, and nothing is run for an id that is not in it."""

import ast
from html import unescape
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.requirement_list import NAME, RequirementList, load
from bench.verdicts import InputError
from reports.kpi import found
from tests.bench.cli_support import ROOT
from tests.bench.session_support import Project

LIST = """
schema: 1
requirements:
  PB-DIS-01: {text: It holds its capacity., clause: GB 38031-2025}
  PB-X: {text: More., kpi: [temperature rise], limit: 1, source: own}
"""
MARKED = """
@pytest.mark.requirement("PB-DIS-01")
def test_known(bench):
    bench.run(SHORT)

@pytest.mark.requirement("PB-DIS-1")
def test_unknown(bench):
    bench.run(SHORT)
"""
NO_FIXTURE = """
class TestOfSomebody(unittest.TestCase):
    @pytest.mark.requirement("PB-DIS-1")
    def test_unknown(self):
        pass
"""


@pytest.mark.parametrize("place", [".", "test_cases", "tests"])
def test_the_list_is_found_in_the_root_and_beside_the_tests(tmp_path: Path, place: str) -> None:
    assert load(None, tmp_path).file is None
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / NAME).write_text(LIST, encoding="utf-8")
    assert list(load(None, tmp_path).requirements) == ["PB-DIS-01", "PB-X"]


def test_without_a_list_any_id_will_do(tmp_path: Path) -> None:
    load(None, tmp_path).refuse_unknown("t.py::test_it", ["ANYTHING"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: 1\nrequirements: {}\n", "requirements"),
        ("schema: 1\nrequirements:\n  A: {clause: x}\n", "text"),
        ("schema: 1\nrequirements:\n  A: {text: ''}\n", "text"),
        ("schema: 1\nrequirements:\n  A: {text: x, claus: y}\n", "clause"),
        ("schema: 2\nrequirements:\n  A: {text: x}\n", "schema"),
        ("- A\n", NAME),
    ],
)
def test_what_is_wrong_in_it_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as refused:
        load(None, tmp_path)
    assert NAME in str(refused.value)
    assert "\n" not in str(refused.value)


LIMITED = """
schema: 1
requirements:
  R-1: {text: It holds., kpi: [discharge capacity], limit: %s, source: "a standard, 8.1"}
  R-2: {text: Both., kpi: [temperature rise, duration], limit: {temperature rise: 15}}
"""


def limited(folder: Path, limit: str) -> RequirementList:
    (folder / NAME).write_text(LIMITED % limit, encoding="utf-8")
    return load(None, folder)


@pytest.mark.parametrize(
    ("limit", "line", "says"),
    [
        ("two", 4, "key requirements.R-1.limit: found 'two', should be a number"),
        ("{C/3: {25: x}}", 4, "key requirements.R-1.limit.C/3.25: found 'x'"),
        ("{discharge capacity: {25: x}}", 4, "key requirements.R-1.limit.discharge capacity.25: found 'x'"),
        ("{at_least: 2}", 4, "the KPI says on which side of it is good"),
        ("2}\n  R-3: {text: T, limit: 2", 5, "needs a limit for each figure that it is of"),
        ("2}\n  R-3: {text: T, kpi: [a, b], limit: {a: 1, c: 2}", 5, "allowed: a, b"),
    ],
)
def test_a_limit_is_written_as_in_a_pack_file(tmp_path: Path, limit: str, line: int, says: str) -> None:
    with pytest.raises(InputError) as refused:
        limited(tmp_path, limit)
    assert f"line {line}, " in str(refused.value)
    assert says in str(refused.value)


LFP = load_pack("lfp-24s")[0]
AGREED = LFP.requirements["discharge capacity"]


@pytest.mark.parametrize(
    ("limit", "apart"),
    [
        (f"{{C/3: {{25: {AGREED['C/3'][25.0]}}}}}", len(AGREED["C/3"]) - 1),  # as in a pack file: at any temperature
        (f"{{C/3: {AGREED['C/3']}}}", 0),
        (f"{{C/3: {AGREED['C/3']}, 1C: { {**AGREED['1C'], 25.0: 9.0} }}}", 1),
        ("{2C: 1.0}", 0),  # of which the pack says nothing
    ],
)  # fmt: skip
def test_a_limit_that_a_pack_gives_otherwise_is_said(tmp_path: Path, limit: str, apart: int) -> None:
    told = [each for each in limited(tmp_path, limit).disagreements([LFP]) if "'discharge capacity'" in each]
    assert len(told) == apart
    for each in told:
        assert "R-1 allows " in each
        assert "and pack lfp-24s " in each
        assert " °C" in each


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--requirements=mine\.yaml: there is no such file"):
        load("mine.yaml", tmp_path)


@pytest.mark.parametrize(
    ("text", "workers"),
    [
        (MARKED, ()), (MARKED, ("-n", "2")),
        (MARKED.replace("test_unknown(bench)", "test_unknown()"), ()), (NO_FIXTURE, ()), (NO_FIXTURE, ("-n", "2")),
    ],
    ids=["with a bench", "distributed", "without a fixture", "of unittest", "of unittest, distributed"],
)  # fmt: skip
def test_an_id_that_is_not_in_the_list_is_refused_and_nothing_is_run(
    tmp_path: Path, text: str, workers: tuple[str, ...]
) -> None:
    project = Project(tmp_path)
    project.write("import pytest\nimport unittest\n" + text)
    (tmp_path / NAME).write_text(LIST, encoding="utf-8")
    ended = project.run(*workers)
    assert ended.status == 2, ended.output
    assert "its requirement 'PB-DIS-1' is not in" in ended.output
    assert "did you mean 'PB-DIS-01'?" in ended.output
    assert not list(tmp_path.glob("runs/*/*/run.json"))


def test_the_page_goes_through_the_list_and_says_what_nobody_has_tested(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("import pytest\n" + MARKED.partition('@pytest.mark.requirement("PB-DIS-1")')[0])
    (tmp_path / NAME).write_text(LIST, encoding="utf-8")
    ended = project.run()
    assert ended.status == 0
    assert "REQUIREMENTS: " in ended.output
    assert "PB-X allows 1 for 'temperature rise' at 25 °C, and pack lfp-24s 30" in ended.output
    assert project.report().status == 0
    page = (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")
    told = page.partition("<h2>Requirements")[2].partition("</section>")[0]
    assert "It holds its capacity.<br><small>GB 38031-2025</small>" in told
    assert "Without a test in this session: PB-X." in told
    assert "More.<br><small>Figures: temperature rise</small><br><small>temperature rise ≤ 1 K; from own<" in told
    assert "PB-X allows 1 for 'temperature rise' at 25 °C, and pack lfp-24s 30" in unescape(told)
    lines = (tmp_path / "allure-report" / "requirements.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["id", "PB-DIS-01", "PB-X"]
    assert lines[2].split(",")[4] == "no test in this session"
    assert lines[2].endswith(",temperature rise,temperature rise ≤ 1 K,own")


def test_the_shipped_tests_and_their_list_know_of_each_other() -> None:
    listed = load(None, ROOT)
    assert listed.file == ROOT / "test_cases" / NAME
    marked = {
        node.args[0].value
        for path in (ROOT / "test_cases").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement"
        if isinstance(node.args[0], ast.Constant)
    }
    assert marked == set(listed.requirements)
    unknown = [name for each in listed.requirements.values() for name in each.kpi if found().named(name) is None]
    assert unknown == []
