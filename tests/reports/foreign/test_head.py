"""The beginning of a file: what it is told to be by, whoever wrote it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError
from reports.foreign.head import LENGTH, Head, lines_of

TEXT = "Time (s),Voltage (V),T (°C)\n0,3.7,25\n10,3.8,25\n"


def head(path: Path, content: bytes) -> Head:
    path.write_bytes(content)
    return Head.of(path)


@pytest.mark.parametrize("content", [b"", b"  \r\n\t\n"])
def test_an_empty_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"cell\.csv is empty: it holds no recording\.$"):
        head(tmp_path / "cell.csv", content)


def test_what_cannot_be_read_is_one_sentence_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv cannot be read: No such file or directory\.$"):
        Head.of(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"cannot be read: [A-Z][^:]+\.$"):
        Head.of(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_is_known_in_the_usual_encodings(tmp_path: Path, encoding: str) -> None:
    found = head(tmp_path / "Cell.CSV", TEXT.encode(encoding))
    assert found.is_text
    assert found.encoding == encoding
    assert found.lines == TEXT.splitlines()
    assert found.suffix == ".csv"


def test_utf_16_without_a_mark_is_known_by_its_zeros(tmp_path: Path) -> None:
    found = head(tmp_path / "cell.csv", TEXT.replace("°", "").encode("utf-16-le"))
    assert (found.is_text, found.encoding) == (True, "utf-16-le")
    assert found.lines == TEXT.replace("°", "").splitlines()


@pytest.mark.parametrize("content", [b"\0\1\2\3", b"PK\3\4" + bytes(40), b"a\0" * 4, b"\0a" * 200])
def test_bytes_that_no_text_has_are_none(tmp_path: Path, content: bytes) -> None:
    assert not head(tmp_path / "cell.bin", content).is_text


def test_a_character_that_is_cut_in_two_does_not_change_the_encoding(tmp_path: Path) -> None:
    content = b"a" * (LENGTH - 1) + "°".encode() + b"\n"
    assert head(tmp_path / "cell.csv", content).encoding == "utf-8"


def test_of_a_longer_file_the_last_line_is_none_for_it_may_be_cut(tmp_path: Path) -> None:
    line = "x" * 99 + "\n"
    found = head(tmp_path / "cell.csv", (line * (LENGTH // 100 + 10)).encode())
    assert set(found.lines) == {"x" * 99}
    assert len(found.lines) == LENGTH // 100


@pytest.mark.parametrize("mark", ["", "\ufeff", ' "', "\t'"])
def test_what_a_text_begins_with_is_found_behind_marks_and_quotes(tmp_path: Path, mark: str) -> None:
    found = head(tmp_path / "cell.mpt", f"{mark}EC-Lab ASCII FILE\n\n".encode())
    assert found.begins_with("bt-lab", "ec-lab ascii file")
    assert not found.begins_with("ascii")


@given(st.lists(st.text(st.characters(exclude_characters="\r\n")), min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_line_ends_where_the_file_ends_it_and_nowhere_else(lines: list[str], end: str) -> None:
    """Whoever reads the records counts lines by their ends: one more here, and as many records are lost there."""
    assert lines_of("".join(f"{line}{end}" for line in lines)) == lines
    whole = lines[-1] or "x"  # the last line needs no end, if it is one
    assert lines_of(end.join([*lines[:-1], whole])) == [*lines[:-1], whole]


def test_a_text_without_a_line_has_none() -> None:
    assert lines_of("") == []
