"""What a reviewer sees on the front page of tests that went wrong in one way or another, also in a real browser."""

import re
import subprocess
from dataclasses import replace
from html import escape
from math import nan
from pathlib import Path
from typing import Any

import pytest

from bench.recording.session_log import NEVER_ENDED, Session, TestEnd
from bench.verdicts import Measurement
from reports.front.shown import Links
from reports.front_page import render
from reports.nights.changes import Changed
from reports.nights.section import Since
from reports.outcome import Outcome
from reports.tables import Row
from tests.browsing import CHROMIUM

LINKS = Links(None, lambda _: None, lambda _: None, lambda _: None)
GOOD = Measurement("capacity", 2.3, "Ah", at_least=2.2, step="discharge")
LEFT = "NOT VERIFIED SAFE (source off: output still reads on). Switch the bench off by hand."
DEVICES = [
    {"name": name, "manufacturer": "Maker", "model": "M", "serial_number": f"SN-{name}", "resource": "there"}
    for name in ("bms", "temperatures")
]


def manifest(*measurements: Measurement, **fields: Any) -> dict[str, Any]:
    return {
        "test": {"nodeid": "t.py::test_it", "parameters": {"temperature": 25}},
        "run_id": "2026-01-01/000000-test_it", "station": {"name": "s"}, "pack": {"name": "p"},
        "clock": {"kind": "virtual"}, "versions": {}, "instruments": DEVICES, "started": "2026-01-01T00:00:00Z",
        "measurements": [measurement.as_dict() for measurement in measurements], **fields,
    }  # fmt: skip


def outcome(verdict: str, *measurements: Measurement, **fields: Any) -> Outcome:
    own = {key: fields.pop(key) for key in ("trip", "bench", "left") if key in fields}
    told = manifest(*measurements, **fields)
    return Outcome(verdict, "It, 25 °C", "t.py::test_it", "1" * 32, "why", (), told, **own)


def page_of(*outcomes: Outcome, session: Session | None = None) -> str:
    return render(outcomes, LINKS, Since(Changed()), session=session)


def cell(page: str) -> str:
    return re.sub("<[^>]+>", "", page.partition('<table class="matrix">')[2].partition("</table>")[0])


def section(page: str, title: str) -> str:
    return page.partition(f"<h2>{title}")[2].partition("</section>")[0]


def test_a_figure_that_was_judged_when_all_was_over_is_told_of_its_step_and_what_tripped_of_its_moment() -> None:
    missed = Measurement("capacity", 1.9, "Ah", at_least=2.0, step="discharge")
    cause = {"text": "too little", "step": "discharge", "time": 12_780.0, "limit": "capacity"}
    judged = section(page_of(outcome("FAIL", missed, cause=cause)), "All tests")
    assert "too little step discharge<" in judged, "the end of the run is not where it happened"
    tripped = {**cause, "limit": "cell under-voltage"}
    told = section(page_of(outcome("FAIL", missed, cause=tripped)), "All tests").replace("\N{NO-BREAK SPACE}", " ")
    assert "step discharge, at 3 h 33 min" in told


def test_a_violation_says_how_well_it_is_known_and_leads_to_its_moment() -> None:
    links = replace(LINKS, interactive=lambda _: "figures/1.html")
    measured = Measurement("capacity", 1.9, "Ah", at_least=2.0, uncertainty=0.02)
    page = render([outcome("FAIL", measured)], links, Since(Changed()))
    assert "1.9 Ah ± 20 mAh" in section(page, "Pack failures") or "1.9 Ah ± 0.02 Ah" in section(page, "Pack failures")
    assert "#at=" not in page, "a figure of a whole step has no moment"
    tripped = outcome("FAIL", trip=trip(60.5), cause={"text": "hot", "fault": "cell-over-temperature", "time": 1234.4})
    page = render([tripped], links, Since(Changed()))
    assert '<a href="figures/1.html#at=1234">this moment</a>' in section(page, "Pack failures")


OF_THE_TYPE = Measurement("discharge capacity", 1.802, "Ah", at_least=1.7, uncertainty=0.011, step="discharge")
OF_ITSELF = replace(
    OF_THE_TYPE, name="discharge capacity of this specimen", at_least=1.81, uncertainty=0.0, in_limit=0.011,
    source="accepted run r: 1.88 ± 0.011 Ah, with 3 % and the uncertainty of both as room",
)  # fmt: skip


def test_a_failure_against_the_specimen_itself_says_how_well_it_is_known_and_where_its_limit_is_from() -> None:
    assert OF_ITSELF.verdict == "FAIL"
    listed = section(page_of(outcome("FAIL", OF_THE_TYPE, OF_ITSELF)), "Pack failures")
    assert "1.802 Ah ± 0.011 Ah" in listed
    assert OF_ITSELF.source is not None
    assert escape(OF_ITSELF.source) in listed
    assert "1.802 ± 0.011 Ah" in str(OF_ITSELF)


def test_of_an_older_recording_it_is_known_as_well_as_the_figure_that_it_is() -> None:
    older = [OF_THE_TYPE, replace(OF_ITSELF, in_limit=None, source=None)]
    figure = {"name": "discharge capacity", "step": "discharge", "value": 1.802, "unit": "Ah", "uncertainty": 0.011}
    listed = section(page_of(outcome("FAIL", *older, kpis=[{**figure, "definition": "Charge."}])), "Pack failures")
    assert "1.802 Ah ± 0.011 Ah" in listed


# --- margins ----------------------------------------------------------------------------------------------------------


def trip(value: float) -> Row:
    limit = Measurement("cell over-temperature", value, "°C", at_most=55.0, step="discharge")
    return Row(limit.name, limit.value, limit.unit, "discharge", "", limit)


@pytest.mark.parametrize(
    ("failed", "text"),
    [
        (outcome("FAIL", GOOD, trip=trip(nan)), "pack failed not measured"),
        (outcome("FAIL", GOOD, trip=trip(60.5)), "pack failed -10.0 %"),
        (outcome("FAIL", GOOD, trip=trip(54.0)), "pack failed"),  # recovered before it was written down
        (outcome("FAIL", GOOD), "pack failed"),  # by an assertion
        (outcome("FAIL", GOOD, Measurement("energy", nan, "Wh", at_least=1.0)), "pack failed not measured"),
        (outcome("FAIL", GOOD, Measurement("energy", 0.5, "Wh", at_least=1.0)), "pack failed -50.0 %"),
    ],
)
def test_a_failed_field_never_shows_a_positive_margin(failed: Outcome, text: str) -> None:
    page = page_of(failed)
    assert cell(page).endswith(text)
    assert "+" not in cell(page)
    assert "+" not in section(page, "Pack failures")


def test_an_inconclusive_field_shows_the_margin_that_nobody_could_tell() -> None:
    doubtful = Measurement("energy", 1.01, "Wh", at_least=1.0, uncertainty=0.1)
    tighter = Measurement("time", 1.0, "s", at_most=1.001)
    assert cell(page_of(outcome("INCONCLUSIVE", tighter, doubtful))).endswith("+1.0 %")


# --- whose fault ------------------------------------------------------------------------------------------------------


def test_a_mistake_in_a_test_has_its_own_count_colour_and_place() -> None:
    cause = {"blame": "test", "text": "NameError: name 'x' (t.py:3)", "fault": "test-error"}
    page = page_of(outcome("TEST ERROR", cause=cause))
    assert '<span class="chip mistake"><b>1</b> test error</span>' in page
    assert "NameError: name &#x27;x&#x27; (t.py:3)" in section(page, "Mistakes in tests")
    assert "<h2>Bench faults" not in page
    assert re.search(r"\.mistake \{ background: var\(--mistake-soft\); color: var\(--mistake\); \}", page)


def test_every_count_is_on_the_page_also_none() -> None:
    counts = "1 test: 1 passed, 0 inconclusive, 0 pack failed, 0 test error, 0 bench failed, 0 aborted, 0 not run."
    assert counts in page_of(outcome("PASS", GOOD))


def test_the_first_cause_leads_and_what_came_after_is_listed() -> None:
    causes = [{"blame": "bench", "text": "The scanner drifts."}, {"blame": "pack", "text": "A cell is hot."}]
    faults = section(page_of(outcome("BENCH FAULT", cause=causes[0], causes=causes)), "Bench faults")
    assert faults.index("The scanner drifts.") < faults.index("Then: A cell is hot.")


def test_a_bench_fault_names_the_instrument_that_is_really_meant() -> None:
    cause = {"blame": "bench", "text": "bms and scanner disagree.", "instrument": "temperatures"}
    faults = section(page_of(outcome("BENCH FAULT", cause=cause)), "Bench faults")
    assert "SN-temperatures" in faults
    assert "SN-bms" not in faults


@pytest.mark.parametrize(
    "cause",
    [
        {"instruments": ["bms", "temperatures"], "instrument": "bms or temperatures"},
        {"instrument": "bms or temperatures"},  # of a recording from before there was a list
    ],
)
def test_of_meters_that_disagree_both_are_identified(cause: dict[str, Any]) -> None:
    told = outcome("BENCH FAULT", cause={"blame": "bench", "text": "One of two is wrong.", "fault": "x", **cause})
    faults = section(page_of(told), "Bench faults")
    for name in ("bms", "temperatures"):
        assert f"{name}: Maker M, serial SN-{name}, there" in faults


def test_one_that_nobody_identified_is_named_all_the_same() -> None:
    cause = {"blame": "bench", "text": "It does not answer.", "fault": "x", "instruments": ["load"]}
    assert "<small>load</small>" in section(page_of(outcome("BENCH FAULT", cause=cause)), "Bench faults")


def ended_by(number: int, *instruments: str, fault: str = "current-disagreement", **fields: Any) -> Outcome:
    cause = {"blame": "bench", "text": f"{' or '.join(instruments)} is wrong.", "fault": fault, "instruments": [
        *instruments
    ]}  # fmt: skip
    return replace(outcome("BENCH FAULT", cause=cause, **fields), nodeid=f"t.py::test_{number}")


def rows_of(page: str) -> list[str]:
    return re.findall("<tr><td>.*?</tr>", section(page, "Bench faults"))


@pytest.mark.parametrize(
    "named",
    [
        [("bms",)] * 7,
        [("bms",)] * 6 + [("bms", "temperatures")],
        [("temperatures", "bms")] + [("bms",)] * 6,
        [("temperatures", "bms")] * 3 + [("load", "bms")] * 4,  # a charge and a discharge blame another one each
    ],
)
def test_one_drifting_shunt_is_one_row_with_seven_tests(named: list[tuple[str, ...]]) -> None:
    (row,) = rows_of(page_of(*(ended_by(number, *each) for number, each in enumerate(named))))
    assert "<small>7 tests:</small>" in row
    told = re.sub("<[^>]+>", " ", row)
    assert "bms: Maker M, serial SN-bms, there" in told.partition(";")[0], "the one that all of them mean comes first"
    assert "(in " not in told.partition("bms: ")[2].partition(";")[0]


def test_what_has_no_instrument_in_common_or_another_fault_is_another_row() -> None:
    tests = [ended_by(0, "bms"), ended_by(1, "temperatures"), ended_by(2, "bms", fault="bms-silent"), ended_by(3)]
    assert len(rows_of(page_of(*tests))) == 4


def test_two_benches_that_call_an_instrument_by_one_name_have_two_of_them() -> None:
    other = [{**device, "serial_number": f"OTHER-{device['name']}"} for device in DEVICES]
    tests = [ended_by(0, "bms"), ended_by(1, "bms", instruments=other)]
    first, second = rows_of(page_of(*tests))
    assert "SN-bms" in first
    assert "OTHER" not in first
    assert "OTHER-bms" in second
    assert "SN-bms" not in second


# --- the bench --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "words"),
    [("verified", "bench verified safe"), ("reported", "bench reported off"), ("not verified", "NOT VERIFIED SAFE")],
)
def test_every_test_says_how_the_bench_was_left(state: str, words: str) -> None:
    assert f"{words}</span></summary>" in page_of(outcome("PASS", GOOD, bench=state))


def test_a_bench_to_switch_off_by_hand_is_said_even_where_the_test_was_only_stopped() -> None:
    page = page_of(outcome("ABORTED", bench="not verified", left=LEFT))
    body = page.partition("<body>")[2]
    assert body.index(LEFT) < body.index("<h1>")


def test_a_session_says_in_the_words_of_the_terminal_how_its_benches_were_left() -> None:
    session = Session.new({})
    session.note(TestEnd("t.py::test_it", "PASS", bench="reported", run="x"))
    assert session.bench_lines()[0] in page_of(outcome("PASS", GOOD, bench="reported"), session=session)


WAIVER = "waiver of PB-DIS-01 for discharge capacity (until 2026-01-31, A. Person: It is <known>.)"


def alarms(page: str) -> list[str]:
    """What stands in the banners before the headline."""
    return re.findall('<p class="alarm">(.*?)</p>', page.partition("<body>")[2].partition("<h1>")[0])


@pytest.mark.parametrize("bench", ["verified", "not verified"])
@pytest.mark.parametrize("trouble", ["", "Job x left no session."])
@pytest.mark.parametrize("state", ["ended", "running"])
def test_whatever_is_loud_is_an_alarm_and_nothing_louder_takes_its_place(bench: str, trouble: str, state: str) -> None:
    session = Session("1", "2026-02-01T00:00:00Z", {"waivers_expired": [WAIVER]}, state=state, trouble=trouble)
    session.note(TestEnd("t.py::test_it", "FAIL", bench=bench, left=LEFT, waiver="Not waived: it is worse.", run="x"))
    page = page_of(outcome("FAIL", GOOD, bench=bench, left=LEFT if bench == "not verified" else ""), session=session)
    found = alarms(page)
    wanted = [
        LEFT if bench == "not verified" else "", NEVER_ENDED if state == "running" else "", trouble,
        f"WAIVER EXPIRED: {escape(WAIVER)}",
    ]  # fmt: skip
    assert len(found) == len([*filter(None, wanted)])
    for text, told in zip(filter(None, wanted), found, strict=True):
        assert text in told
    assert "Not waived: it is worse." in page.partition("<h1>")[2].partition("<section")[0]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_in_a_browser_the_banner_is_red_and_at_the_top(tmp_path: Path) -> None:
    from matplotlib.image import imread

    file, picture = tmp_path / "index.html", tmp_path / "seen.png"
    file.write_text(page_of(outcome("ABORTED", bench="not verified", left=LEFT)), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1200,800",
        "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}",
        file.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    red, green, blue = (imread(picture)[:200, 600, :3] * 255).astype(int).T
    alarm = (red > 150) & (green < 60) & (blue < 70)
    assert alarm[:60].any()  # it begins within the first lines of the window
    assert alarm.sum() > 30
