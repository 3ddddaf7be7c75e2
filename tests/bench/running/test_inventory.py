"""What a run's manifest keeps of each instrument of its bench."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.running import inventory
from bench.station import load_station
from instruments.accuracy import Accuracy
from instruments.roles import Identity, Protections
from tests.bench.fakes import FakeBms, FakeEmulator, FakeSupply, Plant

EMULATOR = """\
  emulator:
    {driver: "tests.bench.fakes:FakeEmulator", resource: plant, roles: [emulator], scan_period: 5}
wiring"""


class Following(FakeEmulator):
    """An emulator that says how fast it is."""

    follows = 1.6


@pytest.fixture
def kept(write: Callable[[str, str], Path], station_text: str, plant: Plant) -> Callable[..., dict[str, Any]]:
    """What is kept of the instruments of the little station, with an emulator of that kind, by their names."""
    station, _ = load_station(str(write("station.yaml", station_text.replace("wiring", EMULATOR))))

    def of(kind: type[FakeEmulator], **identities: Identity) -> dict[str, Any]:
        drivers = {"supply": FakeSupply(plant, "supply"), "emulator": kind(plant, "emulator")}
        return {each["name"]: each for each in inventory.instruments(station, drivers, identities)}

    return of


@pytest.mark.parametrize(("kind", "follows"), [(Following, {"emulator": 1.6}), (FakeEmulator, {})])
def test_how_fast_an_emulator_follows_its_cells_is_kept_where_it_says_so(
    kept: Callable[..., dict[str, Any]], kind: type[FakeEmulator], follows: dict[str, float]
) -> None:
    """Whoever reads the record knows by it what an emulator could not have opposed yet."""
    assert {name: each["follows"] for name, each in kept(kind).items() if "follows" in each} == follows


@pytest.mark.parametrize("kind", [Following, FakeEmulator])
def test_how_rarely_an_instrument_is_asked_is_kept_where_that_is_not_each_scan(
    kept: Callable[..., dict[str, Any]], kind: type[FakeEmulator]
) -> None:
    found = kept(kind)
    assert {name: each["scan_period"] for name, each in found.items() if "scan_period" in each} == {"emulator": 5.0}


def test_an_instrument_that_was_never_reached_is_kept_by_what_its_station_says(
    kept: Callable[..., dict[str, Any]],
) -> None:
    found = kept(Following, supply=Identity("Fake", "FAKE 100", "1", "0.1"))
    assert list(found) == ["supply", "chamber", "temperatures", "bms", "emulator"]
    assert (found["supply"]["model"], set(found["supply"]["accuracy"])) == ("FAKE 100", {"voltage", "current"})
    assert found["bms"] == {
        "name": "bms", "driver": "tests.bench.fakes:FakeBms", "resource": "plant", "roles": ["bms"],
        "calibration_due": None, "accuracy": {},
    }  # fmt: skip


def test_an_instrument_is_kept_by_who_it_said_it_is_and_until_when_it_is_calibrated(
    write: Callable[[str, str], Path], station_text: str, plant: Plant
) -> None:
    text = station_text.replace("roles: [bms]", "roles: [bms], calibration_due: 2031-02-03")
    station, _ = load_station(str(write("station.yaml", text)))
    identity = Identity("Maker", "MODEL", "S1", "F2")
    kept = inventory.instruments(station, {"bms": FakeBms(plant, "bms")}, {"bms": identity})
    found = next(each for each in kept if each["name"] == "bms")
    accuracy = found.pop("accuracy")
    assert found == {
        "name": "bms", "driver": "tests.bench.fakes:FakeBms", "resource": "plant", "roles": ["bms"],
        "manufacturer": "Maker", "model": "MODEL", "serial_number": "S1", "firmware": "F2",
        "calibration_due": "2031-02-03",
    }  # fmt: skip
    assert isinstance(accuracy, dict)


def test_a_data_sheet_is_asked_for_the_model_that_answered_with_the_options_of_its_entry(
    write: Callable[[str, str], Path], station_text: str, plant: Plant
) -> None:
    asked: list[tuple[str, Mapping[str, object]]] = []

    class Rated(FakeSupply):
        def data_sheet(self, model: str, options: Mapping[str, object]) -> dict[str, tuple[Accuracy, ...]]:
            asked.append((model, options))
            return {"voltage": (Accuracy(reading=0.001),)}

    text = station_text.replace("roles: [source, sink]}", "roles: [source, sink], options: {range: 6}}")
    station, _ = load_station(str(write("station.yaml", text)))
    for identities in ({"supply": Identity("Maker", "MODEL", "", "")}, {}):
        [kept] = [
            each
            for each in inventory.instruments(station, {"supply": Rated(plant, "supply")}, identities)
            if each["name"] == "supply"
        ]
        assert kept["accuracy"]["voltage"][0]["reading"] == 0.001
    assert asked == [("MODEL", {"range": 6}), ("", {"range": 6})]


def test_of_each_protection_is_kept_what_was_read_back() -> None:
    armed = {"supply": Protections(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), "load": Protections(over_current=7.0)}
    nothing = dict.fromkeys(("over_voltage", "over_power", "watchdog", "under_temperature", "over_temperature"))
    assert inventory.protections(armed) == [
        {
            "instrument": "supply", "over_voltage": 1.0, "over_current": 2.0, "over_power": 3.0, "watchdog": 4.0,
            "under_temperature": 5.0, "over_temperature": 6.0,
        },
        {"instrument": "load", **nothing, "over_current": 7.0},
    ]  # fmt: skip
