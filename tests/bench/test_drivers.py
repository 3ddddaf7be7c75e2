"""Opening one instrument of a station: what a driver does instead of opening is told with whose it is."""

from typing import NoReturn

import pytest

from bench.drivers import driver_of, open_driver
from bench.station import load_station
from instruments.roles import InstrumentFault
from instruments.wires.context import LinkContext


def test_a_driver_that_would_end_the_session_is_a_fault_of_its_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a vendor's library may, which looks for a licence: neither session nor supervisor ends without a word."""

    def end(*_what: object) -> NoReturn:
        raise SystemExit(3)

    station = load_station("virtual-module")[0]
    monkeypatch.setattr(driver_of(station, "load"), "open", end)
    with pytest.raises(InstrumentFault, match=r"^load: driver chroma-63600 ends the program \(3\)"):
        open_driver(station, "load", LinkContext("", lambda: 0.0, lambda _seconds: None))
