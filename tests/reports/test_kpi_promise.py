"""What came of a promise, worked out by hand."""

from math import isnan

import pytest

from reports import kpi
from reports.recording import Recording
from tests.reports.worked import ROWS, recording

TOOK = 6770.0 - 3935.0
"""s from 10 to 80 % of the worked charge."""


def promised(seconds: float, rows: list[list[float]] | None = None) -> Recording:
    run = recording(rows)
    run.events[4]["set_points"] = {"promised time": seconds}
    return run


@pytest.mark.parametrize(("seconds", "off"), [(2500.0, TOOK - 2500.0), (3000.0, TOOK - 3000.0), (TOOK, 0.0)])
def test_it_is_the_recorded_time_less_the_promised_one(seconds: float, off: float) -> None:
    found = kpi.time_off_the_promise(promised(seconds), "charge")
    assert found.value == pytest.approx(off)
    assert (found.unit, found.sense, found.step) == ("s", "within", "charge")
    assert f"less the {seconds:.0f} s that the twin had promised" in found.definition


def test_a_charge_that_never_got_there_has_kept_nothing() -> None:
    short = [row for row in ROWS if row[4] < 0.6 or row[1] < 3]
    assert isnan(kpi.time_off_the_promise(promised(2500.0, short), "charge").value)


def test_what_nobody_promised_is_no_figure() -> None:
    assert not any(each.key == "time off the promise" for each in kpi.compute_all(recording()))
    assert any(each.key == "time off the promise" for each in kpi.compute_all(promised(2500.0)))
