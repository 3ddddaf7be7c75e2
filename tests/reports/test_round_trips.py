"""The picture of a round trip: its points are the run's figures, and a run without two of them has none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from reports import kpi, round_trips
from reports.recording import Recording
from tests.reports.worked import INSTRUMENTS, LOSSLESS


def there_and_back(*powers: tuple[float, float], airs: Sequence[float] = ()) -> Recording:
    """For each power, an hour into the pack of 10 Ah and an hour out of it, with such a share of it that comes back.

    `airs` are what the chamber is set to in each of these steps, degC.
    """
    names = (
        "Test Time / s", "Step Count / 1", "Set Grid Power / W", "Power / W", "SOC / 1", "Charging Capacity / Ah",
        "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
    )  # fmt: skip
    rows: list[tuple[float, ...]] = []
    events: list[dict[str, Any]] = []
    time = charged = given = into = out = 0.0
    for number, (power, share) in enumerate(powers):
        for way in (1, -1):
            index = 2 * number + (1 if way > 0 else 2)
            start = time
            for part in range(3):
                moved = 0.0 if part == 0 else 5.0
                charged, given = charged + moved * (way > 0), given + moved * (way < 0)
                energy = moved * power / 10 * (1 if way > 0 else share)
                into, out = into + energy * (way > 0), out + energy * (way < 0)
                soc = 0.25 + 0.25 * part if way > 0 else 0.75 - 0.25 * part
                flows = way * power * (1 if way > 0 else share)
                rows.append((time, index, way * power, flows, soc, charged, given, into, out))
                time += 1800.0 if part < 2 else 1.0
            name = f"{'in' if way > 0 else 'out'} at {power:g}"
            events += [
                {"type": "step started", "time": start, "index": index, "name": name, "kind": "FollowPower",
                 "direction": "charge" if way > 0 else "discharge", "resumable": True, "set_points": LOSSLESS},
                {"type": "step ended", "time": time - 1, "index": index, "ended_by": "time"},
            ]  # fmt: skip
    table = np.array(rows)
    if airs:
        names = (*names, "Set Temperature / degC")
        table = np.column_stack([table, np.repeat(airs, 3)])
    return Recording({"instruments": INSTRUMENTS}, events, list(names), table)


def test_a_map_has_a_line_for_each_temperature_and_says_what_is_beyond_a_measured_car() -> None:
    run = there_and_back((1000.0, 0.87), (1000.0, 0.75), (1000.0, 0.92), airs=(25.0, 25, 0, 0, 40, 40))
    found = round_trips.points(run)
    assert [each.air for each in found] == [0.0, 25.0, 40.0]
    assert [each.efficiency for each in found] == pytest.approx([75.0, 87.0, 92.0], abs=0.5)
    (drawn,) = round_trips.pictures(run)
    below, within, above = drawn.text.splitlines()
    assert below.endswith("4.1 below the 79.1 to 87.8 % of a measured car")
    assert within.endswith("%, within the 79.1 to 87.8 % of a measured car")
    assert above.endswith("4.2 above the 79.1 to 87.8 % of a measured car")


def test_there_and_back_at_two_temperatures_is_no_round_trip() -> None:
    run = there_and_back((1000.0, 0.87), airs=(25.0, 0.0))
    assert kpi.grid_round_trip(run, "out at 1000", "in at 1000").unmeasurable.endswith("one power and temperature")


def test_there_or_back_without_a_row_is_no_round_trip() -> None:
    run = there_and_back((1000.0, 0.87), airs=(25.0, 25.0))
    for kept in (run.column("Step Count / 1") == 1, run.column("Step Count / 1") == 2, np.zeros(len(run.rows), bool)):
        half = Recording(run.manifest, run.events, run.columns, run.rows[kept])
        found = kpi.grid_round_trip(half, "out at 1000", "in at 1000")
        assert found.unmeasurable.endswith("one power and temperature")
        assert found.definition.endswith("(Schram et al. 2020, SEST): this is none.")


def test_a_round_trip_says_which_charge_it_is_of_also_where_it_is_none() -> None:
    run = there_and_back((1000.0, 0.87), (500.0, 0.87))
    assert "of the charge 'in at 1000' of" in kpi.grid_round_trip(run, "out at 1000", "in at 1000").definition
    assert "of the charge 'in at 500' of" in kpi.grid_round_trip(run, "out at 1000", "in at 500").definition


def test_its_points_are_what_came_back_at_each_power() -> None:
    found = round_trips.points(there_and_back((1000.0, 0.87), (250.0, 0.80)))
    assert [each.power for each in found] == pytest.approx([25.0, 100.0])
    assert [each.efficiency for each in found] == pytest.approx([80.0, 87.0], abs=0.5)
    assert all(each.spread > 0 for each in found)


def test_one_is_drawn_where_there_are_several() -> None:
    (drawn,) = round_trips.pictures(there_and_back((1000.0, 0.87), (250.0, 0.80)))
    assert drawn.png.startswith(b"\x89PNG")
    assert "100.0 %  87." in drawn.text
    assert drawn.text.count("within the 79.1 to 87.8 % of a measured car") == 2
    assert list(round_trips.pictures(there_and_back((1000.0, 0.87)))) == []
    more = kpi.grid_round_trip(there_and_back((1000.0, 0.92)), "out at 1000", "in at 1000")
    assert "this is 4.2 above" in more.definition


@pytest.mark.parametrize(
    ("factor", "told"), [(1.0, True), (1.02, True), (0.98, True), (1.0201, False), (0.9799, False)]
)
def test_only_what_asks_for_as_much_each_way_is_a_round_trip(factor: float, told: bool) -> None:
    run = there_and_back((1000.0, 0.87))
    out = (run.column("Step Count / 1") == 2) & (run.column("Set Grid Power / W") < 0)
    rows = run.rows.copy()
    rows[out, run.columns.index("Set Grid Power / W")] *= factor
    again = Recording(run.manifest, run.events, run.columns, rows)
    assert bool(np.isfinite(kpi.grid_round_trip(again, "out at 1000", "in at 1000").value)) is told
