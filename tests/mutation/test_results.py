"""What is kept, counted and told of the mutants, and those that are listed as the same program."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mutation import __main__ as driver
from mutation import equivalents, results
from mutation.mutants import Mutant
from mutation.results import Kept, Result
from mutation.trial import Judged, Status

SOURCE = "LIMIT = 4.2\nprint(LIMIT)\n"
MUTANT = Mutant("little.py", 1, 1, "number", "LIMIT = 4.2", "LIMIT = 5.2", ("LIMIT",), "")
ENTRY = """
- file: little.py
  line: LIMIT = 4.2
  mutation: LIMIT = 5.2
  why: nobody ever asks for the limit
"""


def of(status: Status, file: str = "a.py") -> Result:
    return Result(f"{file} {status}", file, 1, "number", "x < 1", "x <= 1", "", status, why="it is even")


def listed(tmp_path: Path, text: str, source: str = SOURCE) -> list[equivalents.Equivalent]:
    (tmp_path / "little.py").write_text(source, encoding="utf-8")
    (tmp_path / "list.yaml").write_text(text, encoding="utf-8")
    return equivalents.load(tmp_path / "list.yaml", tmp_path)


def test_a_hang_counts_as_killed_and_an_equivalent_one_is_counted_apart() -> None:
    found = [of("killed"), of("timeout"), of("survived"), of("not reached"), of("equivalent")]
    assert results.score(found, apart=True) == 0.5
    assert results.score(found, apart=False) == 0.4


def test_the_table_says_both_figures_and_lists_who_lives_and_why() -> None:
    output = StringIO()
    results.show(
        [of("killed"), of("killed", "b.py"), of("survived"), of("equivalent")], Console(file=output, width=120)
    )
    told = output.getvalue()
    assert "66.7% killed of those that are another program, 50.0% of all 4." in told
    assert "survived  a.py:1  [number]" in told
    assert "    - x < 1\n    + x <= 1" in told
    assert "equivalent  a.py:1  [number]: it is even" in told


def test_machines_are_told_the_same() -> None:
    told = json.loads(results.as_json([of("killed"), of("survived")], {"seed": 7}))
    assert (told["seed"], told["score"], told["counts"]["survived"]) == (7, 0.5, 1)
    assert [mutant["status"] for mutant in told["mutants"]] == ["killed", "survived"]


def test_what_was_found_out_is_there_in_the_next_run_until_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "results.jsonl"
    Kept(file).add(results.result(MUTANT, SOURCE, Judged("survived")))
    Kept(file).add(results.result(MUTANT, SOURCE, Judged("killed", "test_little.py::test_limit")))
    again = Kept(file).of(MUTANT, SOURCE)
    assert again is not None
    assert again.status == "killed"
    assert Kept(file).of(MUTANT, SOURCE + "\n") is None
    assert Kept(file).killers() == {"little.py": ["test_little.py::test_limit"]}


def test_an_entry_tells_why_a_mutant_is_the_same_program(tmp_path: Path) -> None:
    entries = listed(tmp_path, ENTRY)
    assert equivalents.why(MUTANT, entries) == "nobody ever asks for the limit"
    assert equivalents.why(Mutant("little.py", 1, 1, "number", "LIMIT = 4.2", "LIMIT = 6", (), ""), entries) == ""


def test_an_entry_whose_line_has_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(equivalents.StaleError, match=r"little\.py has no line 'LIMIT = 4\.2' any more; look whether"):
        listed(tmp_path, ENTRY, SOURCE.replace("4.2", "4.3"))


@pytest.mark.parametrize("text", ["- file: little.py\n", "[1]\n", "a: [\n", ENTRY + "  when: never\n"])
def test_a_list_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(equivalents.StaleError, match=r"list\.yaml cannot be read: "):
        listed(tmp_path, text)


def test_the_list_of_this_project_is_not_stale() -> None:
    equivalents.load()


def test_a_file_that_there_is_not_is_told_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert driver.main(["--files", "bench/nowhere"]) == 2
    assert "There is no file 'bench/nowhere' to mutate; there are bench/safety" in capsys.readouterr().err


def judging(kept: Kept, known: list[equivalents.Equivalent], *, again: bool = False) -> driver.Judging:
    return driver.Judging(driver.recording.Record({}, {}), {"little.py": SOURCE}, kept, known, again=again)


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "results.jsonl")
    assert list(judging(kept, []).open([MUTANT])) == [MUTANT]
    kept.add(results.result(MUTANT, SOURCE, Judged("survived")))
    assert list(judging(kept, []).open([MUTANT])) == []
    assert list(judging(kept, [], again=True).open([MUTANT])) == [MUTANT]
    kept.add(results.result(MUTANT, SOURCE, Judged("killed", "a test")))
    assert list(judging(kept, [], again=True).open([MUTANT])) == []


def test_what_is_listed_is_not_tried_and_tried_again_when_it_is_taken_out(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "results.jsonl")
    assert list(judging(kept, listed(tmp_path, ENTRY)).open([MUTANT])) == []
    result = kept.of(MUTANT, SOURCE)
    assert result is not None
    assert (result.status, result.why) == ("equivalent", "nobody ever asks for the limit")
    assert list(judging(kept, []).open([MUTANT])) == [MUTANT]
