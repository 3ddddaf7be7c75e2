"""What every temperature logger owes, whatever its dialect and its wire."""

from collections.abc import Callable

import pytest

from instruments.roles import Instrument, InstrumentFault, Scanned, TemperatureLogger
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

AGILENT = Case(
    "agilent-34970a", {"simulator": "agilent-34970a", "accuracy": 0.0}, "TCPIP::logger.test::5025::SOCKET",
    options={"channels": [101, 102, 103]},
)  # fmt: skip

pytestmark = on_both_wires(AGILENT)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, TemperatureLogger):
        assert isinstance(stand.driver, role)
    assert stand.driver.identify().model
    assert stand.driver.sensor_count == len(stand.driver.channels) == 3
    assert [channel.name for channel in stand.driver.channels] == ["sensor 1", "sensor 2", "sensor 3"]
    assert {(channel.quantity, channel.unit) for channel in stand.driver.channels} == {("temperature", "degC")}


def test_every_sensor_has_the_temperature_of_its_place(stand: Stand) -> None:
    stand.driver.identify()
    for _ in range(2):
        assert list(stand.scan().values()) == pytest.approx([25.0] * 3, abs=0.5)


@pytest.mark.parametrize("verb", [lambda logger: logger.identify(), lambda logger: logger.request()])
def test_closed_is_closed(stand: Stand, verb: Callable[[Scanned], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
