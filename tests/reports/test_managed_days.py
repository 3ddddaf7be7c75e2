"""The picture of managed days, and what it says of a manager."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from reports import managed_days
from reports.managed_lanes import LONGEST, WORDS, lanes
from reports.recording import Recording
from tests.reports.test_kpi_managing import managed


def asked(at: float, power: float, say: str = "", problem: str = "", warned: tuple[float, ...] = ()) -> dict[str, Any]:
    told = {"reason": "tick", "say": say, "problem": problem, "warned": list(warned), "range": 60.0}
    return {"type": "manager", "time": at, "at": at, "power": power, **told}


def days(*events: dict[str, Any]) -> Recording:
    found = managed([0.0, 36.0, -36.0, 0.0], [9.0] * 4, [1, 1, 1, 0], *events)
    columns = [*found.columns, "SOC / 1"]
    return Recording(found.manifest, found.events, columns, np.column_stack([found.rows, [0.5] * 4]))


def test_each_step_that_was_managed_has_its_picture() -> None:
    departure = {"type": "departure", "time": 3.0, "at": 3.0, "short": 4.0, "leaves": 3.0, "distance": 42.0}
    (drawn,) = managed_days.pictures(days(asked(0, 500, "cheap"), departure))
    with Image.open(BytesIO(drawn.png)) as picture:
        assert picture.width > 900
    assert "cheap" in drawn.text


def test_what_was_said_is_told_once_and_who_said_nothing_too() -> None:
    told = managed_days.said(
        days(asked(0, 500, "cheap"), asked(1, 500, "cheap"), asked(2, 0, problem="it did not answer", warned=(3.0,))),
        days().steps[0],
    )
    first, second = told.splitlines()
    assert "500 W" in first
    assert "it did not answer, 1 warnings" in second


def told_of(*events: dict[str, Any]) -> dict[str, tuple[tuple[tuple[float, float], ...], tuple[float, ...]]]:
    """Lanes of ten hours by their names: spans and moments."""
    return {each.name: (tuple(each.spans), tuple(each.moments)) for each in lanes(events, 36000.0)}


def at(hour: float, say: str = "", reason: str = "tick", problem: str = "", **more: Any) -> dict[str, Any]:
    return {**asked(3600 * hour, 0, say, problem), "reason": reason, **more}


def test_what_a_manager_was_told_and_said_has_a_lane_each() -> None:
    found = told_of(
        at(0, "cheap", "start", departure=90.0, told_soc=0.5, foreseen=0.0), at(1, "cheap", departure=90.0),
        at(2, problem="no link", departure=None), at(3, "rest", "link", departure=90.0, told_soc=None),
        at(4, "rest", "trip", departure=80.0, warned=[80.0], foreseen=3600.0), at(5, problem="no JSON"),
        at(6, "rest", "arrival"),
    )  # fmt: skip
    assert found == {
        "not heard: no link": (((2.0, 3.0),), ()),
        "told: no state of charge": (((3.0, 4.0),), ()),
        "told: an old forecast": (((4.0, 5.0),), ()),
        "told: another departure": ((), (0.0, 4.0)),
        "told: the car is back": ((), (6.0,)),
        "told: heard again": ((), (3.0,)),
        "said: rest": (((3.0, 5.0), (6.0, 10.0)), ()),
        "said: cheap": (((0.0, 2.0),), ()),
        "said: nothing valid": (((5.0, 6.0),), ()),
        "said: a warning": ((), (4.0,)),
    }


def test_who_says_much_has_lanes_for_what_held_longest_and_a_record_of_before_is_read() -> None:
    found = told_of(*(at(number, f"word {number} " + "x" * number) for number in range(9)), at(9, "x" * 100))
    assert len(found) == WORDS
    assert all(len(name) <= len("said: ") + LONGEST for name in found)
    assert lanes([], 36000.0) == []
