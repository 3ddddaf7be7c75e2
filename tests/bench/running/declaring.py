"""What procedures declare on a bench of players that nobody opens: for tests that hold it against figures by hand.

Four cells of 3.05 to 3.45 V and 2 Ah, which take 4 A and give 5 A, on a bench of 60 V, 8 A and 400 W.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.columns import INDEX
from bench.pack import PackFile
from bench.players import Players
from bench.running.declared import Place
from bench.running.procedures import Procedure, procedure_for
from bench.scenario import Step, elapsed
from bench.station import StationFile, load_station
from instruments.roles import ChargerRatings, Ratings
from tests.bench.conftest import WriteFile

LOW, HIGH = 4 * 3.05, 4 * 3.45
FLOOR = 0.9 * LOW
SOON = elapsed(seconds=60)
ONE_SECOND, TEN = 1.0, 10.0
"""Scan periods of the station, while a current can flow and in a rest."""
BOX = ChargerRatings(charge=20.0, discharge=15.0, least=2.0, efficiency=0.9, dead_time=4.0, ramp=50.0)
LOSSLESS = "charger: {charge: 20, discharge: 15, standby: 0, proportional: 0, quadratic: 0, idle: 3, ramp: 50}\n"
PLAYERS: Mapping[str, Any] = {
    "source": SimpleNamespace(source_ratings=Ratings(60.0, 8.0, 400.0)),
    "sink": SimpleNamespace(sink_ratings=Ratings(60.0, 8.0, 400.0)),
    "chamber": SimpleNamespace(temperature_range=(-40.0, 90.0), alarm=lambda: ""),
    "coolant": SimpleNamespace(temperature_range=(-10.0, 45.0)),
    "charger": SimpleNamespace(charger_ratings=BOX),
}
FREQUENCY = [(0.0, 50.0), (5.0, 49.9), (8.0, 50.2)]
TOLD = {
    "charger charge": 20.0, "charger discharge": 15.0, "charger standby": 0.0, "charger proportional": 0.0,
    "charger quadratic": 0.0, "charger idle": 3.0, "charger dead time": 0.5, "charger ramp": 50.0,
}  # fmt: skip
"""What is recorded of that charger with each step at the AC side."""


@pytest.fixture
def station(station_text: str, write: WriteFile) -> StationFile:
    """The little one, with what its source and sink stand for at the AC side."""
    return load_station(str(write("station.yaml", station_text + LOSSLESS)))[0]


Found = tuple[Procedure[Any], dict[str, Any]]


def declared(step: Step, pack: PackFile, station: StationFile, *roles: str, charger: bool = True) -> Found:
    """The procedure of a step where some roles are played, and its envelope as lists."""
    station = station if charger else station.model_copy(update={"charger": None})
    players = Players({role: {role: PLAYERS[role]} for role in roles or ("source", "sink", "chamber")})
    place = SimpleNamespace(pack=pack, station=station, roles=players, index=INDEX)
    found = procedure_for(step, cast("Place", place))
    return found, {" ".join(of): [span.low, span.high] for of, span in found.envelope().items()}


def near(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is equal to these values but for rounding."""
    return {name: value if isinstance(value, str) else pytest.approx(value) for name, value in values.items()}
