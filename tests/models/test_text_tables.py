"""Tables in text files: read as they stand, whatever a spreadsheet puts between the cells, or refused with the line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.texttable import SHOWN, TableError, parse, read_text


def refusal(text: str) -> tuple[str, int | None]:
    with pytest.raises(TableError) as caught:
        parse(text)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence, caught.value.line


@pytest.mark.parametrize("text", ["", "\n\n", "# time,buy\n", " , ,\t;\n", "\n# a\n ,,, \n"])
def test_a_text_without_a_header_is_no_table(text: str) -> None:
    assert parse(text) is None


def test_a_header_alone_is_a_table_without_rows() -> None:
    found = parse("time,buy\n")
    assert found is not None
    assert (found.names, found.line, list(found.rows)) == (("time", "buy"), 1, [])


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("time,buy\n0,1.5\n", ","),
        ("time;buy\n0;1.5\n", ";"),
        ("time\tbuy\n0\t1.5\n", "\t"),
        ("time , buy\n 0 ,  1.5 \n", ","),
        ('"time","buy"\n"0","1.5"\n', ","),
        ("time,buy,,\n0,1.5,,,\n", ","),
        ("time,buy\n0,1.5,,,,\n", ","),
        ("time,buy\r\n0,1.5\r\n", ","),
        ("time,buy\n0,1.5", ","),
        ("# by hand\n\ntime,buy\n,,\n# and\n0,1.5\n", ","),
    ],
)
def test_cells_are_the_same_whatever_stands_between_behind_and_around_them(text: str, delimiter: str) -> None:
    found = parse(text)
    assert found is not None
    assert found.names == ("time", "buy")
    assert [cells for _, cells in found.rows] == [("0", "1.5")]
    assert found.delimiter == delimiter


def test_a_unit_behind_a_comma_and_decimal_commas_stand_among_semicolons() -> None:
    found = parse("Target speed, mph;time / s\n1,5;0\n")
    assert found is not None
    assert found.names == ("Target speed, mph", "time / s")
    assert found.rows[0] == (2, ("1,5", "0"))


def test_a_delimiter_within_quotes_is_none() -> None:
    found = parse('name,note\n7,"slow, then ""fast"""\n')
    assert found is not None
    assert found.rows[0][1] == ("7", 'slow, then "fast"')


def test_every_row_has_the_line_that_an_editor_shows_for_it() -> None:
    found = parse("\n# first\ntime,buy\n\n0,1\n# in between\n1,2\n")
    assert found is not None
    assert found.line == 3
    assert [line for line, _ in found.rows] == [5, 7]


def test_an_empty_cell_in_a_row_is_one_and_one_at_its_end_is_kept_for_its_name() -> None:
    found = parse("time,buy,sell\n0,,1\n1,2,\n")
    assert found is not None
    assert [cells for _, cells in found.rows] == [("0", "", "1"), ("1", "2", "")]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("a,b\n1\n", 2, "'1' has 1 cell, the header 2; give each row a cell for each name."),
        ("a,b\n1,2\n\n0,1,0,2\n", 4, "'0,1,0,2' has 4 cells, the header 2; are there decimal commas in it? Write"),
        ("a;b\n1;2;3\n", 2, "'1;2;3' has 3 cells, the header 2; give each row a cell for each name."),
        ("a,b,c\n1,2\n", 2, "'1,2' has 2 cells, the header 3; give each row a cell for each name."),
    ],
)
def test_a_row_of_another_width_is_told_with_what_it_mostly_is(text: str, line: int, sentence: str) -> None:
    found, where = refusal(text)
    assert found.startswith(sentence)
    assert where == line


def test_no_more_of_a_row_is_quoted_than_a_sentence_has_room_for() -> None:
    sentence, _ = refusal(f"a,b\n{'9' * 200}\n")
    assert f"'{'9' * SHOWN}'" in sentence
    assert "9" * (SHOWN + 1) not in sentence


@pytest.mark.parametrize(("text", "line"), [('a,b\n1,"2\n', 2), ('a,b\n1,"2"x\n', 2), ('# none\n"a,b\n1,2\n', 2)])
def test_quotes_that_do_not_end_are_no_csv_in_that_line(text: str, line: int) -> None:
    sentence, where = refusal(text)
    assert sentence.startswith("is no CSV (")
    assert where == line


cells = st.text("abc019.- ", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1)))
def test_what_was_written_is_read_back(table: list[list[str]]) -> None:
    header, *rows = table
    for delimiter in ",;\t":
        found = parse("\n".join(delimiter.join(row) for row in table))
        assert found is not None
        if len(header) > 1:
            assert found.delimiter == delimiter
        assert found.names == tuple(header)
        assert [list(row) for _, row in found.rows] == rows


@given(st.text(max_size=120))
def test_whatever_a_text_is_it_is_a_table_or_one_sentence(text: str) -> None:
    try:
        found = parse(text)
    except TableError as error:
        assert error.line is None or error.line >= 1  # noqa: PT017 - most texts are read, and some are refused
        return
    assert found is None or all(len(row) == len(found.names) for _, row in found.rows)


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,buy\n", encoding="utf-8-sig")
    assert read_text(path) == "time,buy\n"


def test_a_file_that_cannot_be_read_or_is_in_another_encoding_says_why(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"^cannot be read \(No such file or directory\); check the path\.$") as caught:
        read_text(tmp_path / "none.csv")
    assert caught.value.line is None
    path = tmp_path / "a.csv"
    path.write_bytes("time,Preis für €\n".encode("cp1252"))
    with pytest.raises(TableError, match=r"^byte 12 is not UTF-8; save the file as UTF-8 text\.$"):
        read_text(path)
