"""The list of requirements: what is wrong in it is one sentence, and nothing is run for an id that is not in it."""

import ast
from pathlib import Path

import pytest

from bench.requirement_list import NAME, load
from bench.verdicts import InputError
from reports.kpi import found
from tests.bench.cli_support import ROOT
from tests.bench.session_support import Project

LIST = """
schema: 1
requirements:
  PB-DIS-01: {text: It holds its capacity., clause: GB 38031-2025}
  PB-X: {text: More.}
"""
MARKED = """
@pytest.mark.requirement("PB-DIS-01")
def test_known(bench):
    bench.run(SHORT)

@pytest.mark.requirement("PB-DIS-1")
def test_unknown(bench):
    bench.run(SHORT)
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


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--requirements=mine\.yaml: there is no such file"):
        load("mine.yaml", tmp_path)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "distributed"])
def test_an_id_that_is_not_in_the_list_is_refused_and_nothing_is_run(tmp_path: Path, workers: tuple[str, ...]) -> None:
    project = Project(tmp_path)
    project.write("import pytest\n" + MARKED)
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
    assert project.run().status == 0
    assert project.report().status == 0
    page = (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")
    told = page.partition("<h2>Requirements")[2].partition("</section>")[0]
    assert "It holds its capacity.<br><small>GB 38031-2025</small>" in told
    assert "Without a test in this session: PB-X." in told
    lines = (tmp_path / "allure-report" / "requirements.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["id", "PB-DIS-01", "PB-X"]
    assert lines[2].split(",")[4] == "no test in this session"


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
