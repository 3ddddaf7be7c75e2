"""What comes from files is shown by a terminal or a spreadsheet, and never obeyed: seen where a person looks."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plain import csv_cell, plain
from bench.recording.export import Format, destination, export
from bench.recording.manifest import CHECKSUM, sealed
from bench.recording.runs import find_run
from bench.verdicts import InputError
from tests.bench.cli_support import CAPACITY, ROOT, packbench, packbench_here, record

CLEAR, TITLE, C1, RIGHT_TO_LEFT = "\x1b[2J", "\x1b]0;owned\x07", "\x9b31m", "\u202e"
HOSTILE = f"fine{CLEAR}{TITLE}{C1}{RIGHT_TO_LEFT}\r\nPASS forged"
UNSEEN = (
    *map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202a", "\u202e", "\u2066", "\u2069", "\u200f",
    "\u061c", "\u2028", "\u2029", "\ufeff", "\udc80",
)  # fmt: skip


def is_obeyed(text: str) -> list[str]:
    """What a terminal would obey in what was printed; new lines are the printer's own."""
    return [character for character in UNSEEN if character != "\n" and character in text]


@pytest.mark.parametrize("character", UNSEEN)
def test_what_is_not_to_be_seen_is_not_sent(character: str) -> None:
    shown = plain(f"a{character}b")
    assert shown in {"a\ufffdb", "a b"}
    assert (shown == "a b") is (character in "\t\n\r")


@given(st.text())
def test_a_plain_text_is_printable_and_as_long_as_before(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert plain(shown) == shown


@pytest.mark.parametrize("text", ["25 °C, ≥ 1 Ω", "Прогон", "充電 C/3", "narrow\u00a0space", "test[C/3-25]"])
def test_what_people_write_stays_readable(text: str) -> None:
    assert plain(text) == text.replace("\u00a0", " ")


# --- the terminal -------------------------------------------------------------------------------------------------


def hostile_run(root: Path) -> Path:
    """A run whose manifest somebody else has written."""
    folder = record(root, CAPACITY)
    path = folder / "run.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key in ("station", "pack"):
        manifest[key]["name"] = HOSTILE
    manifest["cause"] = {"blame": "bench", "text": HOSTILE, "step": HOSTILE, "time": 0.0, "limit": None}
    manifest["run_id"] = HOSTILE
    manifest["measurements"][0] |= {"name": HOSTILE, "unit": HOSTILE, "step": HOSTILE}
    del manifest[CHECKSUM]
    path.write_text(sealed(manifest), encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", [("runs",), ("judge", "last", "--runs")])
def test_a_manifest_gives_no_orders_to_the_terminal(tmp_path: Path, command: tuple[str, ...]) -> None:
    hostile_run(tmp_path)
    answer = packbench(*command, tmp_path)
    assert "fine" in answer.out
    assert is_obeyed(answer.out + answer.err) == []
    assert not any(line.lstrip().startswith("PASS forged") for line in answer.out.splitlines())


def test_a_misnamed_run_gives_none_either(tmp_path: Path) -> None:
    answer = packbench_here("judge", HOSTILE, "--runs", tmp_path)
    assert answer.status == 2
    assert is_obeyed(answer.err) == []


def test_the_line_of_a_finished_test_gives_none_either(tmp_path: Path) -> None:
    written = f'def test_it(bench):\n    """Title{CLEAR}{RIGHT_TO_LEFT}"""\n    raise RuntimeError({HOSTILE!r})\n'
    (tmp_path / "test_mine.py").write_text(written, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=.", "--color=no",
         "--temperatures=25", "test_mine.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, capture_output=True,
        encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    (line,) = [line for line in done.stdout.split("\n") if line.startswith("[1/1]")]
    assert "Title" in line
    assert is_obeyed(line) == []


# --- the spreadsheet ----------------------------------------------------------------------------------------------

FORMULAS = ("=cmd|' /C calc'!A0 Voltage / V", "+1 Voltage / V", "-1 Voltage / V", "@SUM(A1) Voltage / V", " =1+1 / V")


@pytest.mark.parametrize("formula", FORMULAS)
def test_an_instrument_of_any_name_is_a_header_and_no_formula(tmp_path: Path, formula: str) -> None:
    names = [formula, 'a,b "c" Voltage / V', "two\nlines / V", f"esc{CLEAR} / V", "Supply Voltage / V"]
    rows = np.array([[-1.5, 2.0, 3.0, 4.0, 5.0]])
    export(names, rows, Format.CSV, tmp_path / "x.csv")
    text = (tmp_path / "x.csv").read_text(encoding="utf-8")
    header, row, *rest = csv.reader(io.StringIO(text))
    assert rest == []
    assert header == [f"'{formula}", 'a,b "c" Voltage / V', "two lines / V", plain(names[3]), "Supply Voltage / V"]
    assert row == ["-1.5", "2", "3", "4", "5"], "numbers stay numbers, also those below 0"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_every_text_is_one_cell_that_calculates_nothing(texts: list[str]) -> None:
    (cells,) = csv.reader(io.StringIO(",".join(map(csv_cell, texts)) + "\n"))
    assert len(cells) == len(texts)
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


# --- names of runs ------------------------------------------------------------------------------------------------

MALFORMED = ("../../x", "a\x00b", "x" * 5000, "x/" * 3000, "\udc80", "", ".", "\x1b[2J", "con\n")


@pytest.mark.parametrize("command", [("judge",), ("export", "--to", "csv")])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_run_id_is_one_sentence_and_wrong_input(
    tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    answer = packbench_here(*command, name, "--runs", tmp_path / "runs")
    assert answer.status == 2
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("packbench: ")
    assert len(line) < 400
    assert is_obeyed(answer.err) == []


@given(st.text())
def test_no_name_is_a_traceback(name: str) -> None:
    with pytest.raises(InputError):
        find_run(f"{name}/no such run", Path("no such folder"))


@pytest.mark.parametrize(
    "run_id", ["../../etc/x", "/etc/x", "a\x00b", "x" * 5000, "a\\..\\b", "\udc80", "2026-11-26/1-a"]
)
def test_a_manifest_does_not_choose_the_folder_of_an_export(tmp_path: Path, run_id: str) -> None:
    path = destination(tmp_path, run_id, Format.CSV)
    assert path.parent == tmp_path
    export(["Voltage / V"], np.array([[1.0]]), Format.CSV, path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
