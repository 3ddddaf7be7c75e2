"""The AC node of a world, seen through the meter's own registers by another Modbus implementation's check sums."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
import serial
from pymodbus.framer import FramerRTU

from instruments.virtual import World, open_world
from models.grid.node import voltage_at
from models.grid.seasons import days

SUPPLY = {"simulator": "ea-psb10000", "voltage": 200, "current": 40, "power": 5000, "accuracy": 0.0}


class Line:
    """The meter of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = serial.serial_for_url(world.reached("packbench://meter", None)[0], timeout=0.0)

    def ask(self, text: str) -> str:
        data = bytes.fromhex(text)
        self.port.write(data + FramerRTU.compute_CRC(data).to_bytes(2, "big"))
        reply = bytes(self.port.read(self.port.in_waiting))
        assert reply[-2:] == FramerRTU.compute_CRC(reply[:-2]).to_bytes(2, "big")
        return reply[:-2].hex(" ").upper()

    def at(self, address: int) -> float:
        value: float = struct.unpack(">f", bytes.fromhex(self.ask(f"01 04 {address:04X} 0002"))[3:])[0]
        return value

    @property
    def power(self) -> float:
        return self.at(0x34)


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Callable[..., Line]:
    def open_one(*defects: str, charger: Any = None, beside: Any = None, **meter: Any) -> Line:
        simulators = {"meter": {"simulator": "eastron-sdm630", "accuracy": 0.0, **meter}, **(beside or {})}
        links = {"meter": "packbench://meter", "supply": "TCPIP::supply::5025::SOCKET"}
        world = open_world(
            {"simulators": simulators, "soc": 0.5}, links={name: links[name] for name in simulators},
            cell="nmc811-21700", series=24, parallel=1, serial_number="1", seed=1, defects=defects,
            wait=lambda _seconds: None, charger=charger,
        )  # fmt: skip
        request.addfinalizer(world.close)
        return Line(world)

    return open_one


def test_house_and_roof_of_a_season_are_those_of_its_days(line: Callable[..., Line]) -> None:
    """A summer's day: at noon the roof gives more than the house takes."""
    meter, made = line(home={"season": "paris-july", "days": 1, "seed": 3}), days("paris-july", 1, seed=3)
    for hour in (3, 9, 13):
        meter.world.advance(3600.0 * hour + 1 - meter.world.time)
        quarter = 4 * hour
        assert meter.power == pytest.approx(float(made.house[quarter] - made.sun[quarter]), abs=0.01)
    assert meter.power < 0


def test_source_and_sink_hang_on_it_as_the_charger_that_they_stand_for(line: Callable[..., Line]) -> None:
    """10 A into the pack by a charger that loses 100 W and a tenth of what it takes: P = (V I + 100) / 0.9."""
    charger = {"standby": 100.0, "proportional": 0.1, "quadratic": 0.0}
    meter = line(house=500, charger=charger, beside={"supply": SUPPLY})
    assert meter.power == pytest.approx(500.0)
    supply = meter.world.part("supply")
    for message in ("SYST:LOCK ON", "VOLT 110;CURR 10;POW 5kW;:SINK:CURR 0", "OUTP ON"):
        supply.handle(message)
    meter.world.advance(2.0)
    at = meter.world.outputs()
    assert at.battery == pytest.approx(10.0, rel=0.01)
    assert meter.power == pytest.approx(500.0 + (at.voltage * at.battery + 100.0) / 0.9, rel=1e-5)


@pytest.mark.parametrize(("house", "sun"), [(500.0, 0.0), (500.0, 3000.0), (2500.0, 2500.0)])
def test_what_the_grid_gives_is_what_house_roof_and_charger_leave(
    line: Callable[..., Line], house: float, sun: float
) -> None:
    charger = {"standby": 100.0, "proportional": 0.1, "quadratic": 0.0}
    meter = line(house=house, sun=sun, charger=charger, beside={"supply": SUPPLY})
    supply = meter.world.part("supply")
    for message in ("SYST:LOCK ON", "VOLT 110;CURR 10;POW 5kW;:SINK:CURR 0", "OUTP ON"):
        supply.handle(message)
    meter.world.advance(2.0)
    at = meter.world.outputs()
    through = (at.voltage * at.battery + 100.0) / 0.9
    assert meter.power == pytest.approx(house - sun + through, abs=0.1)


def test_the_grid_changes_when_a_defect_says_so_and_is_itself_again(line: Callable[..., Line]) -> None:
    meter = line()
    assert (meter.at(0x00), meter.at(0x46)) == pytest.approx((230.0, 50.0))
    meter.world.inject("grid-frequency:49.7", "grid-voltage:250")
    assert (meter.at(0x00), meter.at(0x46)) == pytest.approx((250.0, 49.7))
    meter.world.repair("grid-frequency", "grid-voltage")
    assert (meter.at(0x00), meter.at(0x46)) == pytest.approx((230.0, 50.0))


def test_a_synthetic_frequency_moves_and_is_the_same_for_the_same_seed(line: Callable[..., Line]) -> None:
    def trace() -> list[float]:
        meter, found = line(frequency="synthetic"), []
        for _ in range(30):
            meter.world.advance(10.0)
            found.append(meter.at(0x46))
        return found

    first = trace()
    assert len(set(first)) > 20
    assert all(abs(hertz - 50.0) < 0.2 for hertz in first)
    assert trace() == first


@pytest.mark.parametrize(
    ("asks", "answer"),
    [
        ("01 04 0000 0051", "01 84 03"), ("01 04 0000 0052", "01 84 03"),  # more than 80
        ("01 04 0001 0002", "01 84 02"), ("01 04 0180 0002", "01 84 02"), ("01 03 0000 0002", "01 83 02"),
        ("01 05 0000 FF00", "01 85 01"), ("01 06 0000 0001", "01 86 02"),
    ],
)  # fmt: skip
def test_what_it_does_not_have_is_an_exception(line: Callable[..., Line], asks: str, answer: str) -> None:
    assert line().ask(asks) == answer


def test_a_line_that_carries_more_than_it_can_has_half_of_its_voltage() -> None:
    assert voltage_at(230.0, 0.0, 9000.0) == 230.0
    assert voltage_at(230.0, 1.0, 3 * 200.0 * 30.0) == pytest.approx(200.0)
    assert voltage_at(230.0, 1.0, 1e6) == 115.0
