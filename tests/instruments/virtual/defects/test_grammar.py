"""Defects as short words: parts, times, what may be left out, and what a wrong one is told."""

from collections.abc import Callable
from math import inf, isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.defects.grammar import (
    READERS,
    Defect,
    DefectKind,
    Known,
    instrument_part,
    optional_parts,
    over,
    parse_defects,
    unreadable,
)


def nothing(_part: Any, _defect: Defect, _world: Any) -> Callable[[], object]:
    return over


FORMS = (
    "silent:<instrument>[:<after s>]", "weak-cell:<cell from 1>:<capacity factor>", "aged:<capacity factor>[:<factor>]",
    "open-sensor:<sensor from 1>", "stuck[:<degC>]", "timeout:<instrument>[:<replies>]", "off", "blinks:<colour>:<Hz>",
)  # fmt: skip
KINDS = {kind.name: kind for kind in (DefectKind(form, nothing, for_good=form.startswith("weak")) for form in FORMS)}
KNOWN = Known(
    cells=24, sensors=4, kinds=KINDS, words={"blinks": {"colour": ("red", "green")}},
    holders=dict.fromkeys(KINDS, ("supply", "load")),
)  # fmt: skip


def parsed(text: str) -> Defect:
    (defect,) = parse_defects([text], KNOWN)
    return defect


@pytest.mark.parametrize(
    ("text", "parts", "times"),
    [
        ("off", (), (0.0, inf, inf)),
        ("stuck", (), (0.0, inf, inf)),
        ("stuck:-40", (-40.0,), (0.0, inf, inf)),
        ("weak-cell:24:0.7@60", (23, 0.7), (60.0, inf, inf)),
        ("weak-cell:1:1e-3", (0, 1e-3), (0.0, inf, inf)),
        ("open-sensor:4@0", (3,), (0.0, inf, inf)),
        ("silent:load:90", ("load",), (90.0, inf, inf)),
        ("silent:load@90", ("load",), (90.0, inf, inf)),
        ("silent:load@90+3", ("load",), (90.0, 3.0, inf)),
        ("silent:load@90+3/20", ("load",), (90.0, 3.0, 20.0)),
        ("silent:load@+3/20", ("load",), (0.0, 3.0, 20.0)),
        ("silent:load:90@+3/20", ("load",), (90.0, 3.0, 20.0)),
        ("timeout:supply:1000000", ("supply", 1_000_000), (0.0, inf, inf)),
        ("blinks:red:2", ("red", 2.0), (0.0, inf, inf)),
    ],
)
def test_a_word_is_a_name_its_parts_and_its_times(
    text: str, parts: tuple[object, ...], times: tuple[float, float, float]
) -> None:
    defect = parsed(text)
    assert (defect.text, defect.name, defect.parts) == (text, text.partition(":")[0].partition("@")[0], parts)
    assert (defect.at, defect.lasting, defect.every) == times


@given(
    st.integers(1, 24), st.floats(1e-6, 1e6), st.one_of(st.none(), st.floats(0, 1e6)),
    st.one_of(st.none(), st.tuples(st.floats(1e-3, 1e3), st.one_of(st.none(), st.floats(1e-3, 1e3)))),
)  # fmt: skip
def test_what_is_written_down_is_read_back(
    cell: int, factor: float, at: float | None, lasting: tuple[float, float | None] | None
) -> None:
    text = f"silent:load:{at!r}" if at is not None and lasting is None else "silent:load"
    assert parsed(text).at == (at or 0.0 if lasting is None else 0.0)
    for_a_while = "" if lasting is None else f"+{lasting[0]!r}"
    again = "" if lasting is None or lasting[1] is None else f"/{sum(lasting)!r}"  # type: ignore[arg-type]
    when = f"{'' if at is None else repr(at)}{for_a_while}{again}"
    defect = parsed(f"aged:{factor!r}:{cell}{'@' if when else ''}{when}")
    assert (defect.parts, defect.at) == ((factor, float(cell)), at or 0.0)
    assert defect.lasting == (inf if lasting is None else lasting[0])
    assert defect.every == (inf if not again else sum(lasting or ()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("silent:load:60@120", r"says twice when it begins: leave ':60' or '@120' out"),
        ("silent:load:60@120+3/20", r"says twice when it begins: leave ':60' or '@120\+3/20' out"),
        ("silent", r"has 0 parts behind its name: write silent:<instrument>\[:<after s>\]"),
        ("silent:load:1:2", "has 3 parts behind its name: write silent"),
        ("off:1", "has 1 parts behind its name: write off"),
        ("off@", "has '' where a number of at least 0 is needed: write off"),
        ("off@-1", "has '-1' where a number of at least 0 is needed"),
        ("off@inf", "has 'inf' where a number of at least 0 is needed"),
        ("off@1+", "has '' where a number above 0 is needed"),
        ("off@1+nan", "has 'nan' where a number above 0 is needed"),
        ("off@1+5/4", "has '4' where a number above 5 is needed"),
        ("weak-cell:7:0.7@1+5", r"cannot come and go: weak-cell is for good, leave '\+5' out"),
        ("weak-cell:0:1", "has '0' where a whole number from 1 to 24 is needed"),
        ("weak-cell:25:1", "has '25' where a whole number from 1 to 24 is needed"),
        ("weak-cell:1.0:1", "has '1.0' where a whole number from 1 to 24 is needed"),
        ("weak-cell:7:0", "has '0' where a number above 0 is needed"),
        ("open-sensor:5", "has '5' where a whole number from 1 to 4 is needed"),
        ("stuck:-273.15", "has '-273.15' where a number above -273.15 is needed"),
        ("timeout:load:0", "has '0' where a whole number from 1 to 1000000 is needed"),
        ("timeout:load:2.5", "has '2.5' where a whole number from 1 to 1000000 is needed"),
        ("silent:lod", r"names 'lod', which is no instrument of this bench: did you mean 'load'\?"),
        ("blinks:blue:2", "names 'blue', which is no colour of this bench: allowed: green, red"),
        ("Off", r"unknown defect 'Off' in 'Off'; did you mean 'off'\?"),
        ("", "unknown defect '' in ''; allowed: aged, "),
    ],
)
def test_a_wrong_word_is_told_with_the_form_that_is_right(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        parsed(text)
    assert "\n" not in str(raised.value)


def test_where_nobody_knows_a_defect_none_can_be_named() -> None:
    lonely = Known(24, 4, KINDS, {}, dict.fromkeys(KINDS, ()))
    with pytest.raises(ValueError, match="names 'load', which is no instrument of this bench: there is none"):
        parse_defects(["silent:load"], lonely)


def test_of_several_a_wrong_one_lets_none_through() -> None:
    with pytest.raises(ValueError, match="unknown defect 'of'"):
        parse_defects(["off", "of"], KNOWN)
    assert [each.name for each in parse_defects(["off", "stuck:3"], KNOWN)] == ["off", "stuck"]


def test_a_part_that_was_left_out_has_a_default_and_else_no_value() -> None:
    assert parsed("stuck").number(0, 25.0) == 25.0
    assert isnan(parsed("stuck").number(0))
    assert parsed("stuck:3").number(0, 25.0) == 3.0
    assert (parsed("weak-cell:7:0.7").index(), parsed("blinks:red:2").word()) == (6, "red")


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind not in {"voltage or current"}])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1,5", "0x1", "one"])
def test_no_part_that_is_a_number_takes_what_is_none(kind: str, value: str) -> None:
    kinds = {"odd": DefectKind(f"odd:<{kind}>", nothing)}
    with pytest.raises(ValueError, match=f"has {value!r} where a (whole )?number"):
        parse_defects([f"odd:{value}"], Known(24, 4, kinds, {}, {"odd": ("supply",)}))


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "name", "parts", "optional"),
    [
        ("off", "off", (), 0),
        ("stuck[:<degC>]", "stuck", ("degC",), 1),
        ("a:<Ohm>[:<s>][:<replies>]", "a", ("Ohm", "s", "replies"), 2),
    ],
)
def test_a_form_says_its_name_its_parts_and_which_may_be_left_out(
    form: str, name: str, parts: tuple[str, ...], optional: int
) -> None:
    kind = DefectKind(form, nothing)
    assert (kind.name, kind.parts, optional_parts(form)) == (name, parts, optional)
    assert unreadable(kind, ()) == ""


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (":<s>", "its form ':<s>' is none: write name:<part>"),
        ("", "its form '' is none"),
        ("odd:<s", "its form 'odd:<s' is none"),
        ("odd:<supply>:<load>", "its form 'odd:<supply>:<load>' has <load> where a unit or one of its own words is"),
    ],
)
def test_a_form_that_nobody_could_write_is_told(form: str, told: str) -> None:
    assert told in unreadable(DefectKind(form, nothing), ())


def test_a_word_of_its_own_is_no_instrument() -> None:
    kind = DefectKind("blinks:<colour>:<supply>:<Hz>", nothing)
    assert instrument_part(kind, ("colour",)) == 1
    assert instrument_part(DefectKind("stuck[:<degC>]", nothing), ()) is None
    assert instrument_part(DefectKind("silent:<instrument>[:<after s>]", nothing), ()) == 0
