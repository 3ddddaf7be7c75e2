"""Chroma 63600: modes, ranges, protection and the ways it answers."""

from collections.abc import Callable
from typing import Any

import pytest
import pyvisa

OpenBench = Callable[..., Any]


def test_identity(open_bench: OpenBench) -> None:
    bench = open_bench(overrides={"load": {"model": "63640-80-80", "serial_number": "636400001"}})
    assert bench.ask("load", "*IDN?") == "CHROMA,63640-80-80,636400001,01.00"


def test_constant_current_in_the_high_range(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "CHAN 1", "MODE CCH", "CURR:STAT:L1 6", "LOAD ON")
    bench.world.advance(1)
    assert bench.ask("load", "MODE?;LOAD?") == "CCH;ON"
    voltage, current = (float(part) for part in bench.ask("load", "MEAS:VOLT?;CURR?").split(";"))
    assert current == 6.0
    assert voltage == pytest.approx(bench.world.point.voltage, abs=1e-3)
    assert bench.world.point.battery == -6.0


@pytest.mark.parametrize(
    ("mode", "header", "level", "expected"),
    [
        ("CRH", "RES", 30.0, lambda voltage, current: voltage / current == pytest.approx(30.0, rel=1e-3)),
        ("CPH", "POW", 300.0, lambda voltage, current: voltage * current == pytest.approx(300.0, rel=1e-3)),
        ("CVH", "VOLT", 85.0, lambda voltage, current: voltage == pytest.approx(85.0) and current > 0),
    ],
)
def test_the_other_modes(
    open_bench: OpenBench, mode: str, header: str, level: float, expected: Callable[[float, float], bool]
) -> None:
    bench = open_bench()
    bench.say("load", f"MODE {mode}", f"{header}:STAT:L1 {level}", "LOAD ON")
    bench.world.advance(1)
    voltage, current = (float(bench.ask("load", f"FETC:{name}?")) for name in ("VOLT", "CURR"))
    assert expected(voltage, current)


def test_a_level_outside_the_range_of_the_mode_is_refused(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "MODE CCL", "CURR:STAT:L1 0.6", "CURR:STAT:L1 0.7")
    assert bench.ask("load", "CURR:STAT:L1?;L1? MAX") == "0.6000;0.6000"
    assert bench.ask("load", "SYST:ERR?") == '-222,"Data out of range"'
    assert bench.ask("load", "SYST:ERR?") == '+0,"No error"'


def test_each_range_keeps_its_own_level(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "MODE CCM", "CURR:STAT:L1 5", "MODE CCH", "CURR:STAT:L1 20mA", "MODE CCM")
    assert bench.ask("load", "CURR:STAT:L1?") == "5.0000"


@pytest.mark.parametrize(("numeric", "replies"), [(False, ["OFF", "ON"]), (True, ["0", "1"])])
def test_load_state_is_a_word_or_a_number_by_firmware(open_bench: OpenBench, numeric: bool, replies: list[str]) -> None:
    bench = open_bench(overrides={"load": {"numeric_load_reply": numeric}})
    before = bench.ask("load", "LOAD?")
    bench.say("load", "LOAD 1")
    assert [before, bench.ask("load", "LOAD?")] == replies


def test_commands_behind_an_invalid_one_are_dropped(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "CURR:STAT:L1 3;:FROB;:LOAD ON")
    assert bench.ask("load", "CURR:STAT:L1?;:LOAD?") == "3.0000;OFF"


def test_a_write_only_header_is_not_answered_when_queried(open_bench: OpenBench) -> None:
    bench = open_bench()
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("load", "LOAD:PROT:CLE?")
    assert bench.ask("load", "SYST:ERR?") == '-113,"Undefined header"'


def test_over_power_latches_until_it_is_cleared(open_bench: OpenBench) -> None:
    bench = open_bench(overrides={"load": {"power": 400}})
    bench.say("load", "CURR:STAT:L1 10", "LOAD ON")
    bench.world.advance(1)
    assert bench.ask("load", "LOAD?;:STAT:CHAN:COND?") == "OFF;8"
    assert bench.world.point.battery == 0.0
    bench.say("load", "CURR:STAT:L1 2", "LOAD ON")
    assert bench.ask("load", "LOAD?;:SYST:ERR?") == 'OFF;-221,"Settings conflict"'
    bench.say("load", "LOAD:PROT:CLE", "LOAD ON")
    assert bench.ask("load", "LOAD?;:STAT:CHAN:COND?") == "ON;0"


def test_over_voltage_cannot_be_cleared_while_it_is_there(open_bench: OpenBench) -> None:
    bench = open_bench(overrides={"load": {"voltage": 80}})
    bench.say("load", "LOAD:PROT:CLE")
    assert bench.ask("load", "STAT:CHAN:COND?") == "2"


def test_modules_share_the_terminals(open_bench: OpenBench) -> None:
    bench = open_bench(overrides={"load": {"channels": 2}})
    bench.say("load", "CHAN 1", "CURR:STAT:L1 4", "LOAD ON", "CHAN 2", "CURR:STAT:L1 2", "LOAD ON")
    bench.world.advance(1)
    assert bench.world.point.load == 6.0
    assert bench.ask("load", "MEAS:ALLC?") == "4.0000,2.0000"
    assert bench.ask("load", "CHAN?;:MEAS:CURR?") == "2;2.0000"
    bench.say("load", "CHAN:ACT OFF")
    bench.world.advance(1)
    assert bench.world.point.load == 4.0


def test_two_modules_cannot_regulate_different_things(open_bench: OpenBench) -> None:
    bench = open_bench(overrides={"load": {"channels": 2}})
    bench.say("load", "CURR:STAT:L1 4", "LOAD ON", "CHAN 2", "MODE CVH", "VOLT:STAT:L1 80", "LOAD ON")
    assert bench.ask("load", "LOAD?;:SYST:ERR?") == 'OFF;-221,"Settings conflict"'


def test_reset_forgets_levels_and_switches_off(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "MODE CPH", "POW:STAT:L1 100", "LOAD ON", "*RST")
    assert bench.ask("load", "LOAD?;:MODE?;:POW:STAT:L1?") == "OFF;CCH;0.0000"


def test_supply_and_load_share_one_operating_point(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=110, current=10)
    bench.say("load", "CURR:STAT:L1 4", "LOAD ON")
    bench.world.advance(1)
    point = bench.world.point
    assert abs(point.supply - point.load - point.battery) < 1e-9
    (supply_current,) = bench.numbers("supply", "MEAS:CURR?")
    assert supply_current - float(bench.ask("load", "MEAS:CURR?")) == pytest.approx(6.0)
    voltages = bench.numbers("supply", "MEAS:VOLT?")[0], float(bench.ask("load", "MEAS:VOLT?"))
    assert voltages[0] == pytest.approx(voltages[1], abs=0.006)


def test_local_at_the_panel_refuses_every_setting_until_control_is_taken_anew(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("load", "MODE CCH", "CURR:STAT:L1 2", "LOAD ON")
    bench.world.inject("panel-pressed:load")
    bench.say("load", "LOAD OFF", "CHAN 1")
    assert bench.ask("load", "LOAD?;:CONF:REM?") == "ON;OFF"
    assert [bench.ask("load", "SYST:ERR?")[:4] for _ in range(3)] == ["-221", "-221", '+0,"']
    bench.say("load", "CONF:REM ON", "LOAD OFF")
    assert bench.ask("load", "LOAD?") == "OFF"
