"""What a drive declares before anything is switched on, worked out by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.pack import PackFile, load_pack
from bench.road import Drive, pack_energy
from bench.station import StationFile
from tests.bench.running.declaring import FLOOR, HIGH, declared, near, station

__all__ = ["station"]


def test_what_a_drive_may_ask_for_is_what_the_pack_takes_and_gives_of_the_road(
    four_cells: PackFile, station: StationFile, tmp_path: Path
) -> None:
    """Of 10 kW for ten seconds and of 5 kW back for ten, two hundredths, each of which is more than it may."""
    path = tmp_path / "mine.csv"
    path.write_text("time / s;power / kW\n0;10,0\n10;-5,0\n20;0\n", encoding="utf-8")
    step = Drive(path, scale=0.02, season="oslo-july", hour=12.0)
    found, asks = declared(step, four_cells, station)
    assert asks == near(
        {
            "source current": [0.0, 4.0], "source voltage": [0.0, HIGH], "source power": [0.0, 100.0],
            "sink current": [0.0, 5.0], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, 200.0],
        }
    )  # fmt: skip
    assert (found.direction, found.mean_current()) == ("both", pytest.approx(150 / 13.0))
    assert found.set_points() == near(
        {"largest power": 100.0, "smallest power": -200.0, "scale": 0.02, "outside": step.journey.outside, "hour": 12.0}
    )
    assert found.words() == {"road": str(path), "car": "renault-5-class", "season": "oslo-july"}
    (problem,) = found.problems()
    amperes = 200.0 / (pack_energy(four_cells) / 2.0)
    assert problem == (
        f"renault-5-class needs {amperes:.3g} A of this pack at 0 s into the cycle mine (scale 0.02), its "
        "discharge_current allows 5 A, and 33.3 % of the time is beyond it: give another road, car or pack, or a "
        "smaller scale."
    )


def test_a_drive_says_where_the_car_stood_how_far_it_goes_and_what_it_takes(
    four_cells: PackFile, station: StationFile
) -> None:
    step = Drive("short-hop", season="paris-spring", garage=True)
    found, asks = declared(step, four_cells, station)
    journey = step.journey
    assert journey.position is not None
    assert journey.driven is not None
    told = found.set_points()
    assert told["distance"] == journey.position[-1]
    assert told["consumption"] == 1000 * journey.driven.consumption
    assert told["scale"] == pytest.approx(pack_energy(four_cells) / 52000, rel=0.01)
    assert found.words() == {
        "road": "short-hop", "car": "renault-5-class", "season": "paris-spring", "garage": "yes",
    }  # fmt: skip
    assert "chamber temperature" not in asks
    assert list(found.problems()) == []


@pytest.mark.parametrize("by", ["coolant", "chamber"])
def test_a_drive_with_a_car_s_heat_may_ask_for_what_its_cells_get_to_and_twenty_kelvin_more_of_coolant(
    station: StationFile, by: str
) -> None:
    pack = load_pack("lfp-vehicle")[0]
    step = Drive("short-hop", season="paris-spring", heat="car", start=12.0, precondition=14.0)
    roles = ("source", "sink", "chamber", *(("coolant",) if by == "coolant" else ()))
    found, asks = declared(step, pack, station, *roles)
    way = step.on_the_way(pack)
    low, high = min(float(way.cells.min()), 14.0), max(float(way.cells.max()), 14.0)
    outside = step.journey.outside
    if by == "coolant":
        low, high = max(float(way.cells.min()) - 20, -10.0), min(float(way.cells.max()) + 20, 45.0)
        assert asks["coolant temperature"] == pytest.approx([low, high])
        assert asks["chamber temperature"] == [outside, outside]
    else:
        assert asks["chamber temperature"] == pytest.approx([low, high])
    told = found.set_points()
    assert (told["expected arrival"], told["heater and chiller"], told["target"]) == (
        float(way.cells[-1]), way.energy, 14.0,
    )  # fmt: skip
    assert found.words()["conditioned by"] == by
    assert (
        found.mean_current() > declared(replace(step, heat="held", precondition=None), pack, station)[0].mean_current()
    )
