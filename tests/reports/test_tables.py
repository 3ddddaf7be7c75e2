"""The table of figures, as people, spreadsheets and Allure read it."""

from csv import DictReader
from io import StringIO
from typing import Any

import pytest

from reports import tables

MEASURED = {"name": "discharge capacity", "value": 2.25, "unit": "Ah", "at_least": 2.5, "at_most": None,
            "uncertainty": 0.01, "step": "discharge", "requirement": "PB-1", "verdict": "FAIL"}  # fmt: skip
COMPUTED = {
    "name": "mean power",
    "symbol": "P",
    "value": 180.0,
    "unit": "W",
    "step": "discharge",
    "definition": "x, y",
}


def rows(*measurements: dict[str, Any], kpis: tuple[dict[str, Any], ...] = ()) -> list[tables.Row]:
    return tables.rows_of({"measurements": list(measurements), "kpis": list(kpis)})


def test_a_judged_figure_shows_once_with_its_definition_and_before_computed_ones() -> None:
    same = {
        "name": "discharge capacity",
        "value": 2.25,
        "unit": "Ah",
        "step": "discharge",
        "definition": "counter",
    }
    judged, computed = rows(MEASURED, kpis=(COMPUTED, same))
    assert (judged.name, judged.verdict, judged.definition) == ("discharge capacity", "FAIL", "counter")
    assert (computed.name, computed.verdict, computed.allowed, computed.margin) == (
        "mean power",
        "",
        "",
        None,
    )


def test_the_margin_is_to_the_nearest_limit_and_negative_beyond_it() -> None:
    (row,) = rows(MEASURED)
    assert row.margin == pytest.approx(-0.25)
    assert row.relative_margin == pytest.approx(-0.1)
    (inside,) = rows({**MEASURED, "at_least": 2.0, "at_most": 5.0})
    assert inside.relative_margin == pytest.approx(0.125)
    assert inside.allowed == "≥ 2 Ah, ≤ 5 Ah"


def test_a_limit_of_zero_has_no_relative_margin() -> None:
    (row,) = rows({**MEASURED, "at_least": 0.0})
    assert row.margin == pytest.approx(2.25)
    assert row.relative_margin is None


def test_the_tightest_row_is_the_one_furthest_beyond_its_limit() -> None:
    wide, violated = {**MEASURED, "at_least": 1.0}, {**MEASURED, "name": "energy"}
    found = tables.tightest(rows(wide, violated, kpis=(COMPUTED,)))
    assert found is not None
    assert found.name == "energy"
    assert tables.tightest(rows(kpis=(COMPUTED,))) is None


def test_what_was_never_measured_is_said_and_fails() -> None:
    (row,) = rows({**MEASURED, "value": None})
    assert (row.verdict, row.margin) == ("FAIL", None)
    assert tables.quantity(row.value, row.unit) == "not measured"


@pytest.mark.parametrize(
    ("value", "unit", "signed", "text"),
    [
        (0.0214, "V", False, "21.4 mV"),
        (0.0025, "Ω", False, "2.5 mΩ"),
        (-0.00453, "V", True, "-4.53 mV"),
        (2.2621, "Ah", False, "2.262 Ah"),
        (0.5, "K", True, "+0.5 K"),
        (2835.0, "s", False, "47 min 15 s"),
        (-394.0, "s", True, "-6 min 34 s"),
        (394.0, "s", True, "+6 min 34 s"),
        (0.0, "V", False, "0 V"),
        (0.1, "V", False, "0.1 V"),
        (999.6, "W", False, "999.6 W"),
        (11_040.0, "W", False, "11040 W"),
        (-60_400.4, "Wh", True, "-60400 Wh"),
        (12_345.6, "Ω", True, "+12346 Ω"),
        (2.5e12, "Ω", False, "2.5e+12 Ω"),
        (float("nan"), "V", False, "not measured"),
        (float("-inf"), "s", True, "not measured"),
    ],
)
def test_quantities_are_written_to_be_read(value: float, unit: str, signed: bool, text: str) -> None:
    assert tables.quantity(value, unit, signed) == text


def test_the_csv_keeps_all_digits_and_the_limits() -> None:
    (judged, computed) = DictReader(
        tables.as_csv(rows({**MEASURED, "value": 2.123456789}, kpis=(COMPUTED,))).splitlines()
    )
    assert judged["value"] == "2.12345679"
    assert (judged["at least"], judged["at most"], judged["verdict"]) == ("2.5", "", "FAIL")
    assert computed["definition"] == "x, y"


@pytest.mark.parametrize("formula", ["=1+1", "+cmd", "-2", "@SUM(A1)", "  =1+1", "a\n=1", "\x1b[2J"])
def test_the_csv_has_nothing_that_a_spreadsheet_would_calculate(formula: str) -> None:
    """A step is called by whoever wrote the test, a source by whoever wrote the pack file; numbers stay numbers."""
    measured = {**MEASURED, "name": formula, "step": formula, "source": formula, "value": -2.5}
    known = {**measured, "definition": formula, "contributions": [{"source": formula, "standard": 0.1}]}
    (line,) = DictReader(StringIO(tables.as_csv(rows(measured, kpis=(known,)))))
    assert line["value"] == "-2.5"
    for name in ("quantity", "step", "source", "definition", "contributions"):
        assert line[name].lstrip(" ")[:1] not in "=+-@"
        assert line[name].isprintable()


def test_the_csv_is_read_back_as_it_was_whatever_stands_in_it() -> None:
    measured = {**MEASURED, "name": 'a "b", c;d', "step": "1C, 25 °C", "uncertainty": None, "value": None}
    (line,) = DictReader(StringIO(tables.as_csv(rows(measured))))
    assert (line["quantity"], line["step"]) == ('a "b", c;d', "1C, 25 °C")
    assert (line["value"], line["uncertainty"], line["verdict"]) == ("nan", "", "FAIL")


def test_everything_that_went_wrong_is_told_in_the_order_of_time() -> None:
    first, then = {"text": "first"}, {"text": "then"}
    assert tables.causes_of({"cause": first, "causes": [first, then]}) == [first, then]
    assert tables.causes_of({"cause": first}) == tables.causes_of({"cause": first, "causes": None}) == [first]
    assert tables.causes_of({"cause": None}) == tables.causes_of({}) == []


def test_every_time_that_a_run_was_resumed_is_a_sentence() -> None:
    assert tables.gaps_of({"resumed_from": {"gaps": [{"text": "once"}, {"text": "twice"}]}}) == ["once", "twice"]
    assert tables.gaps_of({}) == tables.gaps_of({"resumed_from": None}) == []


def test_who_decided_what_was_missed_stands_with_its_figure_alone() -> None:
    decided = {"name": "discharge capacity", "step": "discharge", "text": "cell 7 is the lowest", "time": 12.0}
    elsewhere = {**MEASURED, "step": "another"}
    other = {**decided, "step": "another", "text": "cell 8 is the lowest"}
    found = tables.rows_of({"measurements": [MEASURED, elsewhere], "decided": [decided]})
    assert [row.decided.get("text") for row in found] == ["cell 7 is the lowest", None]
    both = tables.rows_of({"measurements": [MEASURED, elsewhere], "decided": [decided, other]})
    assert [row.decided.get("text") for row in both] == ["cell 7 is the lowest", "cell 8 is the lowest"]


@pytest.mark.parametrize("stated", [float("nan"), float("inf"), 0.0, None])
def test_an_uncertainty_that_nobody_knows_is_none(stated: float | None) -> None:
    (row,) = rows(kpis=({**COMPUTED, "uncertainty": stated},))
    assert row.uncertainty is None
    assert "±" not in tables.as_html([row]).partition("</tr>")[2]


def test_what_ended_a_step_and_by_how_much_that_moves_a_figure_is_explained() -> None:
    (row,) = rows(kpis=({**COMPUTED, "ended_by": "SOC min", "end_uncertainty": 0.0021, "unit": "V"},))
    assert row.explained == "x, y Ended by SOC min: that alone moves it by ±2.1 mV."


def test_the_html_escapes_what_a_test_case_named() -> None:
    page = tables.as_html(rows({**MEASURED, "name": "<b>bold</b>"}))
    assert "&lt;b&gt;bold" in page
    assert "<b>bold" not in page


@pytest.mark.parametrize(
    ("changed", "allowed", "source"),
    [
        ({"required": {"key": "discharge capacity"}, "source": "a standard"}, "≥ 2.5 Ah", "a standard"),
        ({"required": {"key": "discharge capacity"}, "source": None}, "≥ 2.5 Ah", "no source"),
        ({}, "≥ 2.5 Ah", ""),
        ({"required": {"key": "discharge capacity"}, "at_least": None}, "no limit", ""),
        ({"at_least": None}, "no limit", ""),
    ],
)
def test_a_limit_says_where_it_comes_from_and_its_absence_is_seen(
    changed: dict[str, Any], allowed: str, source: str
) -> None:
    (row,) = rows({**MEASURED, **changed})
    assert (row.allowed, row.source) == (allowed, source)
    shown = tables.as_html([row])
    assert f">{allowed}<" in shown
    assert f">{source}<" in shown


def test_what_nobody_limits_has_no_verdict_and_what_was_never_measured_fails() -> None:
    (free,) = rows({**MEASURED, "at_least": None})
    (never,) = rows({**MEASURED, "at_least": None, "value": None})
    assert (free.verdict, never.verdict) == ("", "FAIL")


SHARES = [
    {"source": "bms soc min, offset", "standard": 0.03, "assumed": True},
    {"source": "supply current, gain", "standard": 0.02}, {"source": "clock", "standard": 0.001, "assumed": True},
]  # fmt: skip


def test_what_is_assumed_of_a_meter_stands_beside_the_uncertainty_that_it_makes() -> None:
    [row] = rows(MEASURED, kpis=({**MEASURED, "definition": "counter", "contributions": SHARES},))
    assert row.mostly == "bms soc min, offset (assumed)"
    assert row.assumed == "bms soc min, offset", "the clock counts for nothing here"
    assert "Assumed, because no data sheet and no certificate was at hand: bms soc min, offset." in row.explained
    assert "0.01 Ah (assumed)" in tables.as_html([row])


def test_what_a_certificate_says_is_not_called_assumed() -> None:
    [row] = rows(MEASURED, kpis=({**MEASURED, "definition": "counter", "contributions": SHARES[1:2]},))
    assert row.assumed == ""
    assert "assumed" not in tables.as_html([row]).lower()


def test_what_cannot_be_measured_here_says_so_in_the_place_of_a_value() -> None:
    [row] = rows({**MEASURED, "value": None, "verdict": "INCONCLUSIVE", "unmeasurable": "there is a sample each 5 s"})
    assert row.verdict == "INCONCLUSIVE"
    assert "not measurable here: there is a sample each 5 s" in tables.as_html([row])


def test_in_a_browser_every_column_is_within_the_frame_of_a_description(browser: Any) -> None:
    source = "GB/T 31486-2015, of the initial capacity: 90 % at 25 °C, which it wants at 3C already; " * 2
    page = browser.new_page(viewport={"width": 872, "height": 800})  # Allure's, in a window of 1280
    page.set_content(f"<body style='margin: 0'>{tables.as_html(rows({**MEASURED, 'required': {}, 'source': source}))}")
    edges = page.evaluate("() => [...document.querySelectorAll('td, th')].map(e => e.getBoundingClientRect().right)")
    lines = page.evaluate("() => document.querySelectorAll('td')[1].getClientRects().length")
    page.close()
    assert len(edges) == 2 * len(tables.HEAD)
    assert max(edges) <= 872
    assert lines == 1
