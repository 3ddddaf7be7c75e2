"""What a run's manifest keeps of each instrument of its bench."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.running import inventory
from bench.station import load_station
from instruments.roles import Identity
from tests.bench.fakes import FakeEmulator, FakeSupply, Plant

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
