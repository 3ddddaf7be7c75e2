"""What the head of the front page says of the nights before."""

import re
from dataclasses import replace
from typing import Any

import pytest

from bench.recording.session_log import Session, TestEnd
from bench.verdicts import WORDS
from reports import front_page
from reports.front.shown import Links
from reports.nights.changes import Changed, changed
from reports.nights.night import Night
from reports.nights.section import Listed, Since, headline, what_changed
from tests.reports.nights.nights import NODE, capacity, night, of_values, told


def compared(*nights: Night) -> Changed:
    return changed(nights[-1], reversed(nights[:-1]))


def section(*nights: Night, **more: object) -> str:
    return what_changed(Since(compared(*nights), **more), Listed({NODE: "#t1"}))  # type: ignore[arg-type]


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


def test_the_first_night_says_that_there_is_none_to_compare_with() -> None:
    assert "no earlier night of this station" in section(night(0, told()))
    assert headline(compared(night(0, told()))) == ""


def test_a_quiet_night_says_so_with_the_night_it_is_compared_with() -> None:
    page = text(section(*of_values([2.3, 2.3])))
    assert "What changed since 2026-01-01 02:00 UTC, revision rev0000" in page
    assert "No verdict has changed, and no margin fell" in page
    assert headline(compared(*of_values([2.3, 2.3]))) == "Since 2026-01-01 02:00 UTC: nothing has changed."


def test_a_margin_that_fell_says_from_where_to_where_and_when_its_limit_is_reached() -> None:
    page = section(*of_values([2.3, 2.254, 2.21]))
    told_of = text(page)
    for words in ("margin fell", "discharge capacity", "2.254 Ah", "2.21 Ah", "+12.7 % → +10.5 %"):
        assert words in told_of
    assert "reaches its limit in about 5 nights (by the last 3)" in told_of
    assert 'href="#t1"' in page
    assert '<line class="step"' not in page


def test_a_failure_says_its_reason_and_since_which_revision() -> None:
    nights = (
        night(0, told("PASS", capacity(2.3))), night(1, told("FAIL", capacity(1.9), reason="too little")),
        night(2, told("FAIL", capacity(1.9), reason="too little")),
    )  # fmt: skip
    assert "regressed" in text(section(*nights[:2]))
    page = text(section(*nights))
    assert "still failing" in page
    assert "since 2026-01-02 02:00 UTC, revision rev0001" in page
    assert "too little" in page


def test_all_tests_that_one_fault_ended_are_one_row() -> None:
    names = [f"t.py::test_{number}" for number in range(7)]
    ended = {"fault": "current-disagreement", "reason": "supply and BMS disagree"}
    then = night(0, *(told("PASS", nodeid=name) for name in names))
    now = night(1, *(told("BENCH FAULT", nodeid=name, **ended) for name in names))
    page = section(then, now)
    assert page.count("supply and BMS disagree") == 1
    assert "7 tests:" in text(page)
    assert "7 passed bench failed" in text(page), "in the words of the rest of the page"
    assert headline(compared(then, now)) == "Since 2026-01-01 02:00 UTC: 7 no verdict now."


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "ABORTED"])
def test_a_test_that_was_not_run_is_nothing_tonight_whatever_it_was(verdict: str) -> None:
    page = section(night(0, told("PASS"), told(verdict, nodeid="t.py::test_other", title="Other")), night(1, told()))
    (row,) = (part for part in page.split("<tr>") if "Other" in part)
    assert 'data-at="Now">not run<' in row
    assert f'data-at="Then">{WORDS[verdict]}<' in row


def test_names_are_shown_and_never_obeyed() -> None:
    bad = "<script>alert(1)</script>"
    nights = (night(0, told("PASS", title=bad)), night(1, told("FAIL", title=bad, reason=bad), git=bad))
    assert "<script" not in section(*nights, name=bad, unkept=bad)


def test_a_baseline_has_a_table_of_its_own_under_its_name() -> None:
    nights = of_values([2.3, 2.3])
    baseline = changed(nights[-1], of_values([2.5]))
    page = text(what_changed(Since(compared(*nights), baseline, "release-1"), Listed({})))
    assert "Against release-1, 2026-01-01" in page
    assert page.index("No verdict has changed") < page.index("Against release-1") < page.index("2.5 Ah")


@pytest.mark.parametrize(
    ("unreadable", "says"),
    [
        (0, ""),
        (1, "1 file of the history holds no night and was passed over."),
        (3, "3 files of the history hold no night and were passed over."),
    ],
)
def test_damage_in_the_history_is_said(unreadable: int, says: str) -> None:
    page = section(*of_values([2.3, 2.3]), unreadable=unreadable)
    assert says in page
    assert ("of the history" in page) == bool(unreadable)


def test_a_session_without_any_run_is_no_night() -> None:
    ended = TestEnd("t.py::test_it", "NOT RUN", "It")
    assert Night.of([], Session("id", "2026-01-01T00:00:00Z", tests={"t.py::test_it": ended})) is None


# --- in a browser -----------------------------------------------------------------------------------------------------


LONG = "least potential of the negative electrode in fast recharge"
"""A figure, and a fault below, of which single words are wide: they are what squeezes the names of tests."""
UNGUARDED = ".changes td:nth-child(2) { min-width: 0 !important; }"


def of_both_kinds() -> str:
    """A front page with tests that one fault ended beside one that has regressed and one whose margin fell."""
    titles = (f"Round trip between 25 and 75 % at 25 °C, compared with a measured car, {each}" for each in range(4))
    named = [replace(capacity(value), name=LONG) for value in (2.3, 1.9, 2.2)]
    tests = [told("PASS", named[0], nodeid=str(each), title=title) for each, title in enumerate(titles)]
    why = "supply or bms is wrong: they disagree by 0.21 A for more than 30 s, more than both may be wrong together"
    fault = replace(
        tests[0], verdict="BENCH FAULT", fault="temperature-disagreement-of-the-chamber", reason=why, figures=()
    )
    tonight = (
        fault, replace(fault, nodeid="1", title=tests[1].title),
        replace(tests[2], verdict="FAIL", reason="discharge capacity 1.9 Ah, allowed ≥ 2 Ah", figures=[named[1]]),
        replace(tests[3], figures=[named[2]]),
    )  # fmt: skip
    nights = (night(0, *tests), night(1, *tonight))
    return front_page.render([], Links(None, *[lambda _test: None] * 3), Since(compared(*nights)))


def test_beside_a_bench_fault_the_names_of_tests_have_room(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1250, "height": 900})
    page.set_content(of_both_kinds())
    table = page.locator(".changes")
    assert table.locator("tr").count() == 4
    widths = table.evaluate("each => [...each.rows].map(row => row.cells[1].getBoundingClientRect().width)")
    assert min(widths) >= 240
    assert table.evaluate("each => each.scrollWidth <= each.parentElement.clientWidth"), (
        "nothing has to be scrolled for"
    )
    page.add_style_tag(content=UNGUARDED)
    squeezed = table.evaluate("each => [...each.rows].map(row => row.cells[1].getBoundingClientRect().width)")
    assert max(squeezed) < 240, "without the rule there is the squeeze that this test is about"
    page.close()


def test_on_a_telephone_what_changed_is_read_downwards_and_every_number_names_its_column(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(of_both_kinds())
    assert page.locator(".wide:has(.changes)").evaluate("each => each.scrollWidth <= each.clientWidth")
    names = "all => all.map(each => getComputedStyle(each, '::before').content)"
    named = page.locator(".changes tr", has_text="margin fell").locator("td[data-at]").evaluate_all(names)
    assert [each.strip('": ') for each in named] == ["What", "Then", "Now", "Margin", "At this rate", "Nights"]
    page.close()
