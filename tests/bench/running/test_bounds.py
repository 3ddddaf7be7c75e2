"""What an envelope is held against: the tightest of several limits, and whose it is, at its very edge and beyond."""

from collections.abc import Mapping
from math import inf, nextafter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.pack import PackFile
from bench.players import Players
from bench.running.declared import Place
from bench.running.procedures import Extremes, bounds
from bench.running.procedures.base import BeyondThePack
from instruments.roles import ChargerRatings, Ratings

LOW, HIGH = 4 * 3.05, 4 * 3.45
"""V of the little pack, which takes 4 A and gives 5 A."""
ALL: Mapping[str, float] = {
    "source": 8.0, "sink": 8.0, "wiring": 6.0, "source volts": 60.0, "sink volts": 50.0, "wiring volts": 40.0,
    "source watts": 400.0, "sink watts": 300.0, "charge": 7000.0, "discharge": 5000.0,
}  # fmt: skip


def place(pack: PackFile, **given: float) -> Place:
    """A bench of these ratings, by their names with blanks."""
    of = {**ALL, **{name.replace("_", " "): value for name, value in given.items()}}
    players: dict[str, Any] = {
        "source": SimpleNamespace(source_ratings=Ratings(of["source volts"], of["source"], of["source watts"])),
        "sink": SimpleNamespace(sink_ratings=Ratings(of["sink volts"], of["sink"], of["sink watts"])),
        "charger": SimpleNamespace(
            charger_ratings=ChargerRatings(of["charge"], of["discharge"], 1000.0, 0.9, dead_time=1.0, ramp=100.0)
        ),
        "chamber": SimpleNamespace(temperature_range=(-40.0, 90.0)),
        "coolant": SimpleNamespace(temperature_range=(-10.0, 45.0), flow_range=(2.0, 30.0)),
    }  # fmt: skip
    roles = Players({role: {role: player} for role, player in players.items()})
    wiring = SimpleNamespace(voltage=of["wiring volts"], current=of["wiring"])
    return cast("Place", SimpleNamespace(pack=pack, roles=roles, station=SimpleNamespace(wiring=wiring)))


def told(pack: PackFile, of: str, low: float, high: float, **given: float) -> list[str]:
    role, quantity = of.split()
    return list(bounds.problems(role, quantity, Extremes(low, high), place(pack, **given)))


def beyond(value: float) -> float:
    return nextafter(value, inf)


@pytest.mark.parametrize(
    ("of", "given", "most", "owner"),
    [
        ("source current", {}, 4.0, "the pack's charge_current"),
        ("sink current", {}, 5.0, "the pack's discharge_current"),
        ("source current", {"source": 3.5}, 3.5, "the source"), ("sink current", {"sink": 3.5}, 3.5, "the sink"),
        ("source current", {"wiring": 3.0}, 3.0, "the wiring"), ("sink current", {"wiring": 3.0}, 3.0, "the wiring"),
    ],
)  # fmt: skip
def test_a_current_is_bounded_by_the_tightest_of_pack_instrument_and_wiring(
    four_cells: PackFile, of: str, given: dict[str, float], most: float, owner: str
) -> None:
    find = bounds.charge_bound if of.startswith("source") else bounds.discharge_bound
    assert (find(place(four_cells, **given)).value, find(place(four_cells, **given)).owner) == (most, owner)
    assert told(four_cells, of, 0.0, most, **given) == []
    (sentence,) = told(four_cells, of, 0.0, 9.0, **given)
    assert sentence == f"9 A, {owner} allows more than 0 and at most {most:g} A."
    assert isinstance(sentence, BeyondThePack) is owner.startswith("the pack")
    assert len(told(four_cells, of, 0.0, beyond(most), **given)) == 1
    assert told(four_cells, of, 0.0, most + 1e-6, **given) == [
        f"{most + 1e-6:.7g} A, {owner} allows more than 0 and at most {most:g} A."
    ]


@pytest.mark.parametrize("of", ["source current", "sink current"])
@pytest.mark.parametrize(
    ("low", "high", "may"), [(0.0, 0.0, False), (0.0, 1e-9, True), (-1e-9, 1.0, False), (1.0, 1.0, True)]
)
def test_a_current_is_a_magnitude_and_some(four_cells: PackFile, of: str, low: float, high: float, may: bool) -> None:
    assert (told(four_cells, of, low, high) == []) is may


@pytest.mark.parametrize(
    ("of", "given", "high", "says"),
    [
        ("source voltage", {}, HIGH, []), ("sink voltage", {}, HIGH, []),
        ("source voltage", {"wiring_volts": HIGH}, HIGH, []), ("source voltage", {"source_volts": HIGH}, HIGH, []),
        ("sink voltage", {"sink_volts": HIGH}, HIGH, []),
        # The pack reaches its highest voltage whatever is asked for.
        ("source voltage", {"wiring_volts": 13.0}, 1.0, ["the pack reaches 13.8 V, the wiring carries 13 V."]),
        ("sink voltage", {"wiring_volts": 13.0}, 1.0, ["the pack reaches 13.8 V, the wiring carries 13 V."]),
        ("source voltage", {"source_volts": 13.0}, 1.0, ["the pack reaches 13.8 V, the source takes 13 V."]),
        ("sink voltage", {"sink_volts": 13.0}, 1.0, ["the pack reaches 13.8 V, the sink takes 13 V."]),
        (
            "sink voltage", {"sink_volts": 13.0, "wiring_volts": 12.0}, 14.0,
            ["the pack reaches 14 V, the wiring carries 12 V.", "the pack reaches 14 V, the sink takes 13 V."],
        ),
        ("source power", {}, 400.0, []), ("sink power", {}, 300.0, []),
        ("source power", {}, 400.5, ["400.5 W is more than the source's 400 W."]),
        ("sink power", {}, 300.04, ["300.04 W is more than the sink's 300 W."]),
    ],
)  # fmt: skip
def test_a_voltage_and_a_power_are_bounded_by_what_instrument_and_wiring_take(
    four_cells: PackFile, of: str, given: dict[str, float], high: float, says: list[str]
) -> None:
    assert told(four_cells, of, 0.0, high, **given) == says


@pytest.mark.parametrize(
    ("low", "high", "given", "says"),
    [
        (-5 * LOW, 4 * LOW, {}, []),
        (-5 * LOW, beyond(4 * LOW), {}, ["48.8 W is more than the 4 A that the pack allows, at 12.2 V."]),
        (-62.0, 0.0, {}, ["62 W is more than the 5 A that the pack allows, at 12.2 V."]),
        (0.0, 38.0, {"wiring": 3.0}, ["38 W is more than the 3 A that the wiring carries, at 12.2 V."]),
        (-38.0, 0.0, {"wiring": 3.0}, ["38 W is more than the 3 A that the wiring carries, at 12.2 V."]),
        (-30.0, 20.0, {"charge": 20.0, "discharge": 30.0}, []),
        (-30.01, 20.01, {"charge": 20.0, "discharge": 30.0}, [
            "20.01 W is more than the charger's 20 W.", "30.01 W is more than the charger's 30 W.",
        ]),
    ],
)  # fmt: skip
def test_a_box_is_bounded_by_its_rating_and_by_what_flows_at_the_lowest_voltage(
    four_cells: PackFile, low: float, high: float, given: dict[str, float], says: list[str]
) -> None:
    assert told(four_cells, "charger power", low, high, **given) == says


CHAMBER, COOLANT = "the chamber takes -40 to 90 °C.", "the coolant unit takes -10 to 45 °C."
PACKS = "the pack allows -20 to 50 °C."


@pytest.mark.parametrize(
    ("of", "low", "high", "says"),
    [
        ("chamber temperature", -20.0, 50.0, []),
        ("chamber temperature", 50.5, 50.5, [f"50.5 °C, {PACKS} Did you mean 10.28?"]),
        ("chamber temperature", -20.5, 20.0, [f"-20.5 °C, {PACKS}"]),
        (
            "chamber temperature", -41.0, 91.0,
            [
                f"-41 °C, {CHAMBER}", f"91 °C, {CHAMBER} Did you mean 32.78?",
                f"-41 °C, {PACKS}", f"91 °C, {PACKS} Did you mean 32.78?",
            ],
        ),
        ("coolant temperature", -10.0, 45.0, []),
        ("coolant temperature", -10.5, 45.5, [f"-10.5 °C, {COOLANT}", f"45.5 °C, {COOLANT} Did you mean 7.5?"]),
        ("coolant flow", 2.0, 30.0, []),
        ("coolant flow", 1.9, 30.0, ["1.9 L/min, the coolant unit pumps 2 to 30 L/min."]),
        ("coolant flow", 31.0, 31.0, ["31 L/min, the coolant unit pumps 2 to 30 L/min."]),
        ("source charm", 0.0, 1.0, ["it asks the source for a charm, and nothing says how much of it is allowed."]),
    ],
)  # fmt: skip
def test_what_a_player_takes_bounds_it_and_a_temperature_what_the_pack_may_have_as_well(
    four_cells: PackFile, of: str, low: float, high: float, says: list[str]
) -> None:
    """It may be charged from -10 to 50 degC and discharged from -20 to 50: one of both is enough.

    In degrees Fahrenheit some of it would be a room's.
    """
    found = told(four_cells, of, low, high)
    assert found == says
    assert [isinstance(each, BeyondThePack) for each in found] == ["the pack" in each for each in says]


def test_a_temperature_in_kelvin_is_asked_about(four_cells: PackFile) -> None:
    said = told(four_cells, "chamber temperature", 298.15, 298.15)
    assert len(said) == 2
    assert all(each.startswith("298.15 °C, ") and "25" in each for each in said)
