"""Nights on the disk: what was kept is there again, and what is damaged is passed over and counted."""

import json
from math import isnan, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError
from reports.nights.changes import changed
from reports.nights.night import Night
from reports.nights.store import FOLDER, History
from tests.reports.nights.nights import capacity, night, told

NIGHTS = [night(number, told("PASS", capacity(2.3 - 0.001 * number))) for number in range(5)]


@pytest.fixture
def history(tmp_path: Path) -> History:
    kept = History(tmp_path, "virtual-module")
    for each in (NIGHTS[2], NIGHTS[0], NIGHTS[4], NIGHTS[1]):
        kept.keep(each)
    return kept


def test_earlier_nights_come_back_as_they_were_the_newest_first(history: History) -> None:
    assert list(history.before(NIGHTS[4])) == [NIGHTS[2], NIGHTS[1], NIGHTS[0]]
    assert list(history.before(NIGHTS[3])) == [NIGHTS[2], NIGHTS[1], NIGHTS[0]], "no night is before itself, or later"


def test_a_night_that_is_kept_again_is_there_once(history: History, tmp_path: Path) -> None:
    history.keep(NIGHTS[2])
    assert len(list((tmp_path / FOLDER).rglob("*.json"))) == 4


@pytest.mark.parametrize("station", ["another", "Virtual-Module", "virtual module", "../virtual-module", "x" * 200])
def test_stations_do_not_mix(history: History, tmp_path: Path, station: str) -> None:
    other = History(tmp_path, station)
    assert list(other.before(NIGHTS[4])) == []
    other.keep(NIGHTS[3])
    assert NIGHTS[3] not in list(history.before(NIGHTS[4]))
    assert [path for path in tmp_path.rglob("*.json") if tmp_path / FOLDER not in path.parents] == []


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"x"', '{"schema": 1}', '{"schema": 2}', "\0\0", '{"schema": 1, "tests": 3}']
)
def test_a_file_that_is_no_night_is_passed_over_and_counted(history: History, tmp_path: Path, text: str) -> None:
    (tmp_path / FOLDER / "virtual-module" / f"{NIGHTS[3].name}.json").write_text(text, encoding="utf-8")
    assert list(history.before(NIGHTS[4])) == [NIGHTS[2], NIGHTS[1], NIGHTS[0]]
    assert len(history.unreadable) == 1


def test_what_was_not_measured_comes_back_as_that(tmp_path: Path) -> None:
    kept = History(tmp_path, "s")
    kept.keep(night(0, told("FAIL", capacity(nan))))
    text = next(tmp_path.rglob("*.json")).read_text(encoding="utf-8")
    assert "NaN" not in text, "JSON has no such number, and other programs refuse it"
    (found,) = kept.before(night(1))
    assert isnan(found.tests[0].figures[0].value)


@given(st.text(), st.text(), st.floats(allow_infinity=False), st.booleans())
def test_whatever_is_told_of_a_night_comes_back(title: str, reason: str, value: float, waived: bool) -> None:
    whole = night(0, told("FAIL", capacity(value), title=title, reason=reason, waived=waived), defects=(reason,))
    back = Night.read(json.loads(json.dumps(whole.as_dict(), ensure_ascii=False).encode("utf-8", "surrogatepass")))
    assert repr(back) == repr(whole)


def test_a_baseline_is_found_by_its_name_and_is_no_night_of_the_history(history: History) -> None:
    history.keep_as("release 1.0", NIGHTS[0])
    history.keep_as("release-1", NIGHTS[1])
    assert history.baseline("release 1.0") == NIGHTS[0]
    assert list(history.before(NIGHTS[1])) == [NIGHTS[0]]


def test_a_baseline_that_is_not_there_is_one_sentence_with_what_there_is(history: History) -> None:
    with pytest.raises(InputError, match=r"no baseline 'release-1' of virtual-module .*there is none yet"):
        history.baseline("release-1")
    history.keep_as("release-1", NIGHTS[1])
    with pytest.raises(InputError, match=r"no baseline 'relase-1' .*release-1"):
        history.baseline("relase-1")


def test_only_the_newest_of_very_many_nights_are_read(tmp_path: Path) -> None:
    """What thousands of nights cost is a listing: nobody may read them all for the trend of one month."""
    kept = History(tmp_path, "s")
    kept.keep(night(0, told("PASS", capacity(2.3))))
    (first,) = tmp_path.rglob("*.json")
    for number in range(2_000):
        (first.parent / f"2020-01-01T{number:06d}.json").write_text("no night", encoding="utf-8")
    for number in range(1, 60):
        kept.keep(night(number, told("PASS", capacity(2.3))))
    found = changed(night(60, told("PASS", capacity(2.3))), kept.before(night(60)))
    assert found.before == night(59, told("PASS", capacity(2.3)))
    assert kept.unreadable == []
