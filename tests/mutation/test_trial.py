"""A mutant that is killed, one that survives, one that hangs; and which tests are asked."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutation import recording, selection
from mutation.mutants import Mutant, places
from mutation.recording import Record
from mutation.trees import copy_of, mutated
from mutation.trial import Pen, UnsoundError

TESTS = [f"test_little.py::test_{name}" for name in ("the_limit_itself_is_no_violation", "it_ends", "a_word_is_said")]
RECORD = Record(dict(zip(TESTS, (0.01, 0.02, 0.03), strict=True)), {})


@pytest.fixture
def pen(project: Path) -> Iterator[Pen]:
    """A copy of the small project."""
    with copy_of(project) as tree:
        yield Pen(tree)


def mutant_of(project: Path, after: str) -> Mutant:
    source = (project / "little.py").read_text(encoding="utf-8")
    found = [place.mutant(which) for place in places("little.py", source) for which in range(len(place.instead))]
    return next(mutant for mutant in found if mutant is not None and mutant.after == after)


def test_the_first_test_that_notices_kills(project: Path, pen: Pen) -> None:
    judged = pen.judge(mutant_of(project, "return voltage >= LIMIT"), [TESTS], RECORD)
    assert (judged.status, judged.killer) == ("killed", TESTS[0])


def test_a_file_that_cannot_be_imported_any_more_is_noticed(project: Path, pen: Pen) -> None:
    crash = mutant_of(project, "LIMIT = None")
    assert pen.judge(crash, [TESTS], RECORD).status == "killed"


def test_what_no_test_looks_at_survives(project: Path, pen: Pen) -> None:
    judged = pen.judge(
        mutant_of(project, 'return "HIGH" if trips(voltage) else "fine"'), [TESTS[:1], TESTS[1:]], RECORD
    )
    assert (judged.status, judged.tried) == ("survived", 3)


def test_what_no_test_reaches_is_told_apart(project: Path, pen: Pen) -> None:
    assert pen.judge(mutant_of(project, "scans += 1"), [], RECORD).status == "not reached"


def test_a_hang_is_a_kill(project: Path) -> None:
    forever = mutant_of(project, "scans = 1")
    with copy_of(project) as tree:
        judged = Pen(tree, limit=5.0).judge(forever, [TESTS[1:2]], RECORD)
    assert judged.status == "timeout"


def test_a_slow_test_that_also_fails_with_nothing_changed_kills_nobody(project: Path, pen: Pen) -> None:
    test = "test_little.py::test_luck"
    with (project / "test_little.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef test_luck():\n    assert False\n")
    with copy_of(project) as tree:
        judged = Pen(tree).judge(
            mutant_of(project, 'return "HIGH" if trips(voltage) else "fine"'), [[test]], Record({test: 2.0}, {})
        )
    assert judged.status == "survived"


def test_where_no_test_runs_at_all_nobody_is_killed(project: Path) -> None:
    (project / "conftest.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    with copy_of(project) as tree, pytest.raises(UnsoundError, match=r"(?s)No test runs in .*nothing_of_that_name"):
        Pen(tree).judge(mutant_of(project, "return voltage >= LIMIT"), [TESTS], RECORD)


def test_a_test_that_is_there_no_more_kills_nobody(project: Path, pen: Pen) -> None:
    """A session that is told a name it does not know ends before any test runs, and that was called a kill."""
    gone = "test_little.py::test_of_another_name_by_now"
    harmless = mutant_of(project, 'return "HIGH" if trips(voltage) else "fine"')
    with pytest.raises(
        UnsoundError, match=rf"The record names tests that there are not: {gone}; see them anew with --r"
    ):
        pen.judge(harmless, [[TESTS[2], gone]], RECORD)


def test_the_tree_itself_is_never_touched_and_a_copy_is_as_before(project: Path) -> None:
    before = (project / "little.py").read_text(encoding="utf-8")
    with copy_of(project) as tree:
        with mutated(tree, "little.py", "broken"):
            assert (project / "little.py").read_text(encoding="utf-8") == before
            assert (tree / "little.py").read_text(encoding="utf-8") == "broken"
        assert (tree / "little.py").read_text(encoding="utf-8") == before
    assert not tree.exists()


def test_two_mutants_of_one_size_are_told_apart_by_their_time(project: Path) -> None:
    seconds = []
    for source in ("A = 1\n", "A = 2\n"):
        with mutated(project, "little.py", source):
            seconds.append(int((project / "little.py").stat().st_mtime))
    assert len({*seconds, int(time.time())}) == 3


# --- which tests are asked ------------------------------------------------------------------------------------------


BESIDE = {"all the others": 1800.0}
"""s of the tests that do not reach it: there are many."""


def asked(mutant: Mutant, record: Record, source: str, killers: tuple[str, ...] = ()) -> list[list[str]]:
    record = replace(record, seconds=BESIDE | record.seconds)
    return selection.batches(mutant, record, {"file.py": source, "other.py": "x = LIMIT\n"}, killers)


def a_mutant(line: int = 2, names: tuple[str, ...] = ()) -> Mutant:
    return Mutant("file.py", line, line, "number", "before", "after", names, "")


def test_those_that_run_the_line_are_asked_the_fastest_first_and_who_killed_before_before_them() -> None:
    record = Record({"slow": 2.0, "fast": 0.1, "other": 0.0}, {"file.py": {2: frozenset({"slow", "fast"})}})
    assert asked(a_mutant(), record, "") == [["fast", "slow"]]
    assert asked(a_mutant(), record, "", killers=("slow",)) == [["slow", "fast"]]


def test_a_test_that_did_not_pass_is_not_asked() -> None:
    assert asked(a_mutant(), Record({}, {"file.py": {2: frozenset({"failed"})}}), "") == []


def test_a_constant_is_reached_through_its_name() -> None:
    lines = {"other.py": {1: frozenset({"uses"})}, "file.py": {9: frozenset({"runs the file"})}}
    record = Record({"uses": 0.1, "runs the file": 0.1}, lines)
    # Behind them whoever runs its file: what is said there may be known elsewhere by another name.
    assert asked(a_mutant(names=("LIMIT",)), record, "LIMIT = 1\n") == [["uses", "runs the file"]]
    assert asked(a_mutant(names=("NOBODY",)), record, "") == [["runs the file"]]


def test_behind_those_that_were_seen_to_run_it_come_the_tests_that_are_named_like_its_file() -> None:
    named, other, seen = "tests/test_file_served.py::a", "tests/test_other.py::b", "tests/test_other.py::c"
    record = Record({named: 0.1, other: 0.1, seen: 0.2}, {"file.py": {2: frozenset({seen})}})
    assert asked(a_mutant(), record, "") == [[seen, named]]


def test_what_runs_at_import_is_asked_of_the_tests_that_are_named_like_its_folder() -> None:
    """A test of all that has registered itself runs nothing of the files that have."""
    table, other = "tests/test_kpi_table.py::all", "tests/test_other.py::b"
    record = Record({table: 0.1, other: 0.1}, {})
    for names, expected in ((("share",), [[table]]), ((), [])):
        mutant = Mutant("kpi/charging.py", 2, 2, "string", "before", "after", names, "")
        assert selection.batches(mutant, record, {"kpi/charging.py": ""}) == expected


def test_who_is_named_like_a_folder_is_asked_before_who_only_runs_anything_of_the_file() -> None:
    """Those are whole drives: nobody had time for the table of all KPIs behind them."""
    uses, table, drive = "tests/test_use.py::a", "tests/test_kpi_table.py::spans", "tests/test_drive.py::a_day"
    most = selection.BUDGET * sum(BESIDE.values())
    lines = {"kpi/road.py": {2: frozenset({uses}), 9: frozenset({drive})}}
    record = Record(BESIDE | {uses: 0.1, table: 0.9 * most, drive: 0.5 * most}, lines)
    mutant = Mutant("kpi/road.py", 1, 1, "number", "before", "after", ("power_off",), "")
    found = selection.batches(mutant, record, {"kpi/road.py": "span = 0\npower_off\n"})
    assert [test for batch in found for test in batch] == [uses, table]


def test_no_more_is_asked_than_there_is_time_for_but_somebody_always_is() -> None:
    most = selection.BUDGET * 1800
    fits = Record({"a": 1.0, "b": 1.1 * most, "c": 1.0}, {"file.py": {2: frozenset("abc")}})
    assert asked(a_mutant(), fits, "") == [["a", "c"]]
    long = Record({"a": 3 * most}, {"file.py": {2: frozenset("a")}})
    assert asked(a_mutant(), long, "") == [["a"]]


@given(slower=st.floats(0.1, 20.0))
def test_a_record_of_a_busy_computer_asks_the_same_tests(slower: float) -> None:
    seconds = BESIDE | {"a": 1.0, "b": 30.0, "c": 60.0, "d": 90.0}
    lines = {"file.py": {2: frozenset("abcd")}}
    busy = Record({test: slower * took for test, took in seconds.items()}, lines)
    assert asked(a_mutant(), busy, "") == asked(a_mutant(), Record(seconds, lines), "") == [["a"], ["b", "c"]]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record({"a[1|2]": 0.5, "b": 0.1}, {"file.py": {2: frozenset({"a[1|2]", "b"})}})
    recording.save(record, tmp_path / "folder" / "record.json")
    assert recording.load(tmp_path / "folder" / "record.json") == record


def test_some_test_files_are_recorded_anew_and_the_others_stay() -> None:
    old = Record({"a.py::gone": 1.0, "b.py::kept": 2.0}, {"file.py": {1: frozenset({"a.py::gone", "b.py::kept"})}})
    new = Record({"a.py::new": 3.0}, {"file.py": {2: frozenset({"a.py::new"})}})
    assert old.renewed(new) == Record(
        {"b.py::kept": 2.0, "a.py::new": 3.0},
        {"file.py": {1: frozenset({"b.py::kept"}), 2: frozenset({"a.py::new"})}},
    )


def test_which_test_runs_which_line_is_recorded_also_in_its_processes(project: Path) -> None:
    (project / "test_process.py").write_text(
        "import subprocess, sys\n\n\ndef test_in_a_process():\n"
        "    assert subprocess.run([sys.executable, '-c', 'import little; little.word(5)']).returncode == 0\n\n\n"
        "def test_fails():\n    assert False\n",
        encoding="utf-8",
    )
    record = recording.record(["."], ["."], workers=1, root=project)
    assert record.reaching("little.py", 13, 13) == {TESTS[2], "test_process.py::test_in_a_process"}
    assert record.reaching("little.py", 18, 19) == {TESTS[1]}
    assert "test_process.py::test_fails" not in record.seconds
    assert set(TESTS) < record.seconds.keys()
