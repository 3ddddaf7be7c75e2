"""Where a pack comes from when it arrives at a charger: a night outside or in a garage, a road, and how far it goes."""

from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.road import Drive
from bench.scenario import Soak
from bench.verdicts import InputError
from packbench import driving_range, recharge_after
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
from packbench.mapping.scenario import prepared
from tests.packbench.mapping.outcomes import hop

WINTER, SUMMER = "oslo-winter", "seville-summer"
PACKS = ("lfp-vehicle", "nmc811-vehicle", "lnmo-vehicle", "li-metal-vehicle")


@pytest.mark.parametrize("name", ["lfp-24s", "lfp-vehicle"])
def test_a_night_in_a_garage_leaves_cells_and_cabin_warmer_than_one_outside(name: str) -> None:
    pack, road = load_pack(name)[0], "short-hop"
    outside, garage = (
        recharge_after(road, pack, season=WINTER, hour=7.0, garage=inside) for inside in (False, True)
    )  # fmt: skip
    nights = [next(step for step in steps if isinstance(step, Soak)) for steps in (outside, garage)]
    drives = [next(step for step in steps if isinstance(step, Drive)) for steps in (outside, garage)]
    assert [night.name for night in nights] == ["night outside", "night in a garage"]
    assert nights[0].temperature < 0.0
    assert nights[1].temperature >= 5.0
    assert drives[1].on_the_way(pack).cells[0] == nights[1].temperature
    # The road is the same and so is its air; a cabin that stood warm needs less of the heater.
    assert drives[0].journey.outside == drives[1].journey.outside
    assert drives[1].survey.discharge < drives[0].survey.discharge


def test_a_map_from_garages_is_another_one_and_its_packs_leave_warm(tmp_path: Path) -> None:
    field, pack = Field("lfp-vehicle", hop(tmp_path), "oslo-winter@7"), load_pack("lfp-vehicle")[0]
    outside, garage = Task("virtual-vehicle"), Task("virtual-vehicle", garage=True)
    assert digest(field, outside) != digest(field, garage)
    assert prepared(field, outside, pack).temperature < 0.0
    assert prepared(field, garage, pack).temperature >= 5.0


@pytest.mark.parametrize("name", PACKS)
def test_a_cold_pack_goes_less_far_for_the_same_consumption(name: str) -> None:
    """What it keeps is in the range, and not only what cabin and air take of it."""
    pack = load_pack(name)[0]
    winter, summer = (Drive("country", season=season, hour=12.0, heat="car") for season in (WINTER, SUMMER))
    cold, warm = (driving_range(drive, pack, 15.0) for drive in (winter, summer))
    nominal = 100 * winter.journey.car.energy / 1000 / 15.0
    assert cold < warm <= 1.001 * nominal
    assert warm > 0.9 * nominal
    assert driving_range(summer, pack, 15.0, soc=0.5) == pytest.approx(warm / 2, rel=0.1)
    assert driving_range(summer, pack, 30.0) == pytest.approx(warm / 2, rel=0.1)


def test_a_small_pack_stands_for_one_of_the_cars_size() -> None:
    drive = Drive("country", season=SUMMER, hour=15.0, heat="car")
    small, large = (driving_range(drive, load_pack(f"lfp-{size}")[0], 15.0) for size in ("24s", "vehicle"))
    assert small == pytest.approx(large, rel=0.05)


def test_a_cycle_of_power_has_no_range(tmp_path: Path) -> None:
    cycle = tmp_path / "power.csv"
    cycle.write_text("time_s,power_kW\n0,5\n10,5\n20,0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"power.csv is a cycle of power and has no length"):
        driving_range(Drive(cycle), load_pack("lfp-24s")[0], 15.0)
