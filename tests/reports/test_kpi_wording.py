"""What a KPI is called: filled with what it was computed with, and recognised again in a pack file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.kpi import wording


@pytest.mark.parametrize(
    ("template", "words", "text"),
    [
        ("dc resistance {at:g} s", {"at": 10.0}, "dc resistance 10 s"),
        ("dc resistance {at:g} s", {"at": 0.5, "more": 1}, "dc resistance 0.5 s"),
        ("charge to {share:percent} %", {"share": 0.8}, "charge to 80 %"),
        ("{way:charge|discharge} power", {"way": "charge"}, "charge power"),
        ("of {step}", {"step": "{at:g}"}, "of {at:g}"),
        ("{U}/{I:g} {x y}", {"at": 1}, "{U}/{I:g} {x y}"),
        ("", {}, ""),
    ],
    ids=["a number", "a fraction", "a share", "a choice", "no word twice", "a formula", "nothing"],
)
def test_what_has_a_word_is_filled_and_everything_else_stays(
    template: str, words: dict[str, object], text: str
) -> None:
    assert wording.fill(template, words) == text


@pytest.mark.parametrize("number", ["ten", None])
def test_a_number_that_is_none_is_refused(number: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        wording.fill("after {at:g} s", {"at": number})
    with pytest.raises(ValueError, match="could not convert"):
        wording.fill("to {at:percent} %", {"at": number})


@given(st.floats(-1e12, 1e12).map(lambda number: float(f"{number:g}")), st.sampled_from(["charge", "discharge"]))
def test_a_name_is_recognised_by_the_words_that_it_was_made_with(number: float, way: str) -> None:
    """Also one so large or so small that it is written with a power of ten."""
    template = "{way:charge|discharge} after {at:g} s (mean)"
    name = wording.fill(template, {"way": way, "at": number})
    assert wording.pattern_of(template).fullmatch(name)
    assert wording.numbers_in(template, name) == {"at": number}


@given(st.integers(0, 1000).map(lambda thousandths: thousandths / 1000))
def test_a_share_is_recognised_as_one(share: float) -> None:
    name = wording.fill("charge to {share:percent} %", {"share": share})
    assert wording.numbers_in("charge to {share:percent} %", name) == {"share": pytest.approx(share)}


@pytest.mark.parametrize(
    "name",
    ["dc resistance s", "dc resistance ten s", "dc resistance 10 sec", "a dc resistance 10 s", "dc resistance 1. s"],
)
def test_another_name_is_none_of_a_template_and_has_no_numbers(name: str) -> None:
    assert wording.pattern_of("dc resistance {at:g} s").fullmatch(name) is None
    assert wording.numbers_in("dc resistance {at:g} s", name) == {}


def test_what_stands_in_a_template_is_text_and_no_pattern() -> None:
    assert wording.pattern_of("a.b (c|d) {at:g}").fullmatch("a.b (c|d) 1")
    assert wording.pattern_of("a.b (c|d) {at:g}").fullmatch("axb c 1") is None


def test_there_is_an_example_of_each_choice() -> None:
    template = "{way:charge|discharge} of {what:cells|pack} at {at:g} V"
    assert list(wording.examples_of(template, {"at": 2})) == [
        "charge of cells at 2 V", "charge of pack at 2 V", "discharge of cells at 2 V", "discharge of pack at 2 V",
    ]  # fmt: skip
    assert list(wording.examples_of("soak", {})) == ["soak"]
