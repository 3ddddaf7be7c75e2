"""What the command line prints: what machines read is JSON, and what a file holds ends no line and gives no order."""

import json
from dataclasses import dataclass
from datetime import date
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import Verdict
from packbench.console import fields_of, number, print_json, print_table, say, warn

Printed = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Inner:
    value: float


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...]


def test_what_json_has_no_word_for_is_null_or_a_text(capsys: Printed) -> None:
    print_json({
        "nan": nan, "inf": [inf, -inf], "path": Path("a") / "b", "date": date(2026, 1, 12), "verdict": Verdict.PASS,
        1: (True, None, 2, 0.5), "deep": {"deeper": {"deepest": (nan,)}},
    })  # fmt: skip
    assert json.loads(capsys.readouterr().out) == {
        "nan": None, "inf": [None, None], "path": "a/b", "date": "2026-01-12", "verdict": "PASS",
        "1": [True, None, 2, 0.5], "deep": {"deeper": {"deepest": [None]}},
    }  # fmt: skip


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@given(values)
def test_whatever_is_printed_for_machines_is_json(content: Any) -> None:
    with pytest.MonkeyPatch.context() as patched:
        printed: list[str] = []
        patched.setattr("typer.echo", printed.append)
        print_json(content)
    json.loads(printed[0], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_data_class_is_a_dictionary_all_the_way_down() -> None:
    assert fields_of(Outer(Inner(1.0), (Inner(2.0),))) == {"inner": {"value": 1.0}, "many": ({"value": 2.0},)}


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "none"), (nan, "not measured"), (0.0, "0"), (1.23456789, "1.2346"), (-1e-7, "-1e-07"), (150.0, "150")],
)
def test_a_value_has_five_digits_or_a_word(value: float | None, words: str) -> None:
    assert number(value) == words


ORDERS = "red \x1b[31m and\r a\nnew line \x07"


@pytest.mark.parametrize("print_it", [say, warn, lambda text: print_table(None, ("a",), [(text,)])])
def test_what_is_in_a_file_is_shown_on_its_line_and_not_obeyed(print_it: Any, capsys: Printed) -> None:
    print_it(ORDERS)
    said = capsys.readouterr().out
    assert not {"\x1b", "\r", "\x07"} & set(said)
    assert sum("red" in line and "new line" in line for line in said.splitlines()) == 1


def test_a_sentence_for_the_other_stream_goes_there(capsys: Printed) -> None:
    say("out")
    say("err", err=True)
    assert capsys.readouterr() == ("out\n", "err\n")


def test_a_row_of_a_table_is_one_line_however_long_and_its_brackets_are_no_markup(capsys: Printed) -> None:
    name = f"test_cases/{'x' * 120}.py::test_it[bold red-25]"
    print_table("Title [bold]", ("run", "verdict"), [(name, "PASS"), (ORDERS, "FAIL")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Title [bold]"
    assert sum(name in line and "PASS" in line for line in lines) == 1
    assert sum("new line" in line and "FAIL" in line for line in lines) == 1


def test_a_table_without_rows_has_its_header(capsys: Printed) -> None:
    print_table(None, ("run", "verdict"), [])
    assert "run" in capsys.readouterr().out
