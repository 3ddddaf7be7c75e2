"""`packbench strategies`: the table, what it does not know, and every way to ask for nonsense."""

import json

import pytest

from tests.bench.cli_support import packbench_here as packbench


def test_the_table_has_minutes_as_it_is_and_at_equal_margin_and_a_gain_of_nothing_as_such() -> None:
    answer = packbench("strategies", "--pack", "lfp-24s", "--strategies", "1C,2C<30-1.5C<60-0.9C<100")
    assert (answer.status, answer.err) == (0, "")
    rows = {line.split()[0]: line for line in answer.out.splitlines() if line.strip()}
    assert "+0.0 min" in rows["follow-limit"]
    assert " -" in rows["1C"].rpartition("%")[2]
    assert "equal margin: -" in answer.out


def test_machines_get_the_same_in_seconds() -> None:
    answer = packbench("strategies", "--pack", "lfp-24s", "--strategies", "1C", "--margin", "5", "--json")
    found = json.loads(answer.out)
    assert (found["pack"], found["temperature"], found["margin"]) == ("lfp-24s", 25.0, 5.0)
    follower, single = found["strategies"]
    assert single["gain"] == pytest.approx(follower["at equal margin"]["time"] - single["at equal margin"]["time"])
    assert single["at equal margin"]["margin"] == pytest.approx(5.0, abs=0.1)


def test_where_nobody_has_a_model_nothing_is_kept() -> None:
    answer = packbench("strategies", "--pack", "li-metal-24s", "--strategies", "0.3C")
    assert answer.status == 0
    assert "margin not known" in answer.out
    assert "0.3C: not known: of this cell's negative electrode nobody has a model." in answer.out
    assert "kept" not in answer.out
    found = json.loads(packbench("strategies", "--pack", "li-metal-24s", "--strategies", "0.3C", "--json").out)
    assert [each["at equal margin"] for each in found["strategies"]] == [None, None]
    assert [each["gain"] for each in found["strategies"]] == [None, None]


def test_a_margin_that_is_not_reached_is_no_time() -> None:
    answer = packbench("strategies", "--pack", "lfp-24s", "--strategies", "1C", "--margin=-300")
    assert answer.status == 0
    assert "not reached" in answer.out
    assert "1C: never so near: " in answer.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--pack", "lfp-24"), "pack 'lfp-24' is neither a file nor a shipped name"),
        (("--strategies", "1C,fast"), "There is no strategy 'fast'"),
        (("--strategies", "2C<60"), "asks for nothing from 60 % on and never reaches 80 %"),
        (("--temperature", "-40"), "lfp-24s is not to be charged at -40 °C"),
        (("--temperature", "nan"), "--temperature is nan: give a number."),
        (("--margin", "inf"), "--margin is inf: give a number."),
        (("--from", "80", "--to", "20"), "--from 80 must lie below --to 20 %."),
    ],
)
def test_what_is_wrong_is_one_sentence(options: tuple[str, ...], says: str) -> None:
    pack = () if "--pack" in options else ("--pack", "lfp-24s")
    answer = packbench("strategies", *pack, *options)
    assert (answer.status, answer.out) == (2, "")
    assert says in answer.err
    assert answer.err.count("\n") == 1
