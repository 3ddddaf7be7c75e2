"""What a record keeps of what a manager was told."""

from collections.abc import Callable

import pytest

from bench.grid.steps import Manage
from bench.testing import TestBench
from models.grid.week import Outage
from tests.bench.managing.manager import manager
from tests.bench.running.test_managed_over_modbus import decisions, hours

On = Callable[..., TestBench]


def test_what_a_manager_was_told_of_charge_and_forecast_is_recorded(on: On) -> None:
    outages = (Outage("forecast", 900.0, 2700.0), Outage("soc", 1800.0, 2700.0))
    with manager(lambda _: {"power": 0, "say": "so"}) as (address, asked):
        events = decisions(on("virtual-module", soc=0.5).run(Manage(address, hours(1, outages=outages))))
    assert [each["told_soc"] for each in events] == [each["car"]["soc"] for each in asked]
    assert [each["told_soc"] is None for each in events] == [False, False, True, False]
    assert [each["foreseen"] for each in events] == pytest.approx([0.0, 0.0, 0.0, 2700.0], abs=2.0)
