"""The picture of managed days, and what it says of a manager."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from reports import managed_days
from reports.recording import Recording
from tests.reports.test_kpi_grid import managed


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
