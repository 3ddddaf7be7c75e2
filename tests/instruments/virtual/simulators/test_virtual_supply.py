"""EA PSB 10000: its dialect by the programming guide (PGMBEN rev. 24), its behaviour on the terminals."""

from collections.abc import Callable
from typing import Any

import pytest
import pyvisa

from tests.instruments.virtual.conftest import LINKS

OpenBench = Callable[..., Any]
REMOTE, OUTPUT_ON = 1 << 10, 1 << 11
CV, CC, CP, SINK = 1 << 8, 1 << 9, 1 << 10, 1 << 12


def test_identity_in_the_form_of_the_guide(open_bench: OpenBench) -> None:
    """p39: manufacturer, model, serial number, firmware versions with their dates; then the user text, if any (p40)."""
    bench = open_bench(overrides={"supply": {"model": "EL 9080-340", "serial_number": "1240210002"}})
    expected = "EA Elektro-Automatik GmbH&Co.KG, EL 9080-340, 1240210002, V2.14 14.05.2018 V2.24 04.06.2018 V1.6.5"
    assert bench.ask("supply", "*IDN?") == expected
    bench.say("supply", "SYST:LOCK 1", 'SYST:CONF:USER:TEXT "bench 4"')
    assert bench.ask("supply", "*IDN?") == f"{expected}, bench 4"


def test_set_commands_need_remote_control_which_is_never_taken_by_itself(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "VOLT 12", "OUTP ON")
    assert bench.ask("supply", "SYST:LOCK:OWN?") == "NONE"
    assert bench.ask("supply", "VOLT?;:OUTP?") == "0.00V;OFF"
    assert bench.ask("supply", "SYST:ERR:ALL?") == '-221,"Settings conflict", -221,"Settings conflict"'


def test_the_guides_set_value_examples(open_bench: OpenBench) -> None:
    """p45: short and long forms, with unit and magnitude, and keywords; replies carry the unit."""
    bench = open_bench()
    bench.say("supply", "SYST:LOCK ON", "SOUR:VOLTAGE 24.5V", "SOUR:CURRENT 45.3A", "SOUR:POWER 3.5kW")
    assert bench.ask("supply", "VOLT?;CURR?;POW?") == "24.50V;45.30A;3500W"
    bench.say("supply", "VOLT 80;CURR 20;POW 3kW")
    assert bench.ask("supply", "VOLT?;CURR?;POW?") == "80.00V;20.00A;3000W"
    bench.say("supply", "SOURCE:VOLTAGE MIN;CURRENT MAX", "SINK:CURR 120;POW 4500")
    assert bench.ask("supply", "VOLT?;CURR?") == "0.00V;428.40A"
    assert bench.ask("supply", "SINK:CURR?;POW?") == "120.00A;4500W"
    assert bench.ask("supply", "SYST:ERR?") == '0,"No error"'


def test_a_value_outside_its_limits_is_ignored_with_an_error(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "SYST:LOCK ON", "VOLT 100", "VOLT:LIM:HIGH 120", "VOLT 120.1", "VOLT 204.1")
    assert bench.ask("supply", "VOLT?") == "100.00V"
    assert bench.ask("supply", "SYST:ERR:ALL?") == '-222,"Data out of range", -222,"Data out of range"'


def test_an_adjustment_limit_cannot_pass_its_set_value(open_bench: OpenBench) -> None:
    """p54."""
    bench = open_bench()
    bench.say("supply", "SYST:LOCK ON", "VOLT 100", "VOLT:LIM:LOW 101", "VOLT:LIM:HIGH 99")
    assert bench.ask("supply", "VOLT:LIM:LOW?;HIGH?") == "0.00V;204.00V"
    assert bench.ask("supply", "SYST:ERR:ALL?") == '-221,"Settings conflict", -221,"Settings conflict"'


def test_the_error_queue_is_five_deep_and_first_in_first_out(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "FROB", "SYST:LOCK ON", *["VOLT 999"] * 7)
    replies = [bench.ask("supply", "SYST:ERR?") for _ in range(6)]
    assert replies == ['-100,"Command error"', *['-222,"Data out of range"'] * 4, '0,"No error"']


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("FROB?", -100),
        ("VOLT 'x", -102),
        ("MEAS:VOLT? 3", -108),
        ("*RST 1", -108),
        ("VOLT 10,5", -223),
        ("VOLT", -220),
        ("VOLT five", -220),
        ("OUTP MAYBE", -224),
        ("VOLT 1;" * 5 + "VOLT 2", -223),
        ("VOLT " + "0" * 260, -225),
    ],
)
def test_errors_by_the_guides_table(open_bench: OpenBench, message: str, error: int) -> None:
    """p38."""
    bench = open_bench()
    bench.say("supply", "SYST:LOCK ON", message)
    assert bench.ask("supply", "SYST:ERR?").startswith(f"{error},")


def test_a_reply_that_overflows_the_buffer_is_silence(open_bench: OpenBench) -> None:
    """p38: five times `*IDN?` is more than 256 characters."""
    bench = open_bench()
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", ";".join(["*IDN?"] * 5))
    assert bench.ask("supply", "SYST:ERR?") == '-225,"Out of memory"'


def test_the_guides_status_example(open_bench: OpenBench) -> None:
    """p43: 3072 says remote control and output on; reading the event register clears it."""
    bench = open_bench()
    bench.source(voltage=95, current=2)
    assert bench.ask("supply", "STAT:QUES?") == "3072"
    assert bench.ask("supply", "STAT:QUES:EVEN?") == "0"
    assert bench.ask("supply", "STAT:QUES:COND?") == "3072"


def test_status_byte_follows_the_enable_registers(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.say("supply", "STAT:QUES:ENAB 2048")
    assert bench.ask("supply", "STAT:QUES:ENAB?") == "2048"
    bench.say("supply", "*SRE 8")
    bench.source(voltage=95, current=2)
    assert bench.ask("supply", "*STB?") == str(0x08 | 0x40)


def test_measured_values_in_the_form_of_the_guide(open_bench: OpenBench) -> None:
    """p48: `12.5V, 33.3A, 420W`; off, the terminals still see the battery."""
    bench = open_bench()
    voltage = bench.world.plant.voltage.sum()
    assert bench.ask("supply", "MEAS:ARR?") == f"{voltage:.2f}V, 0.00A, 0W"
    assert bench.ask("supply", "MEASURE:SCALAR:VOLTAGE:DC?") == f"{voltage:.2f}V"


def test_charging_goes_from_constant_current_to_constant_voltage(open_bench: OpenBench) -> None:
    bench = open_bench(soc=0.7)
    bench.source(voltage=24 * 4.15, current=2)
    bench.world.advance(60)
    assert int(bench.ask("supply", "STAT:OPER:COND?")) == CC
    assert bench.numbers("supply", "MEAS:ARR?")[1] == pytest.approx(2.0)
    bench.world.advance(3600)
    assert int(bench.ask("supply", "STAT:OPER:COND?")) == CV
    voltage, current, _ = bench.numbers("supply", "MEAS:ARR?")
    assert voltage == pytest.approx(24 * 4.15, abs=0.01)
    assert 0.0 < current < 2.0


def test_power_limits_hold_each_way(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=110, current=50)
    bench.say("supply", "POW 300;:SINK:CURR 50;:SINK:POW 200")
    bench.world.advance(1)
    assert int(bench.ask("supply", "STAT:OPER:COND?")) == CP
    assert bench.numbers("supply", "MEAS:POW?") == [pytest.approx(300, abs=1)]
    bench.say("supply", "VOLT 50")
    bench.world.advance(1)
    assert int(bench.ask("supply", "STAT:OPER:COND?")) == CP | SINK
    _, current, power = bench.numbers("supply", "MEAS:ARR?")
    assert current < 0
    assert power == pytest.approx(-200, abs=1)


def test_what_was_set_shows_at_once(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=110, current=5)
    assert bench.numbers("supply", "MEAS:CURR?") == [5.0]
    bench.say("supply", "OUTP OFF")
    assert bench.numbers("supply", "MEAS:CURR?") == [0.0]
    assert bench.world.time == 0.0


@pytest.mark.parametrize(
    ("protection", "bit", "counter"),
    [("VOLT:PROT 90", 1, "OVOL"), ("CURR:PROT 4", 2, "OCUR"), ("POW:PROT 300", 4, "OPOW")],
)
def test_protections_latch_until_they_are_acknowledged(
    open_bench: OpenBench, protection: str, bit: int, counter: str
) -> None:
    bench = open_bench()
    bench.source(voltage=110, current=5)
    bench.say("supply", protection)
    bench.world.advance(1)
    assert bench.ask("supply", "OUTP?") == "OFF"
    assert int(bench.ask("supply", "STAT:QUES:COND?")) == REMOTE | bit
    bench.say("supply", "OUTP ON")
    assert bench.ask("supply", "OUTP?") == "OFF"
    assert bench.ask("supply", "SYST:ERR?") == '-221,"Settings conflict"'
    assert int(bench.ask("supply", "STAT:QUES:COND?")) == REMOTE
    assert bench.ask("supply", f"SYST:ALAR:COUN:{counter}?") == "1"
    assert bench.ask("supply", f"SYST:ALAR:COUN:{counter}?") == "0"


@pytest.mark.parametrize(
    ("setting", "bit"), [("SINK:CURR:PROT 4", 2), ("SINK:POW:PROT 300", 4), ("SYST:SINK:CONF:OCD 4;OCD:ACT ALAR", 64)]
)
def test_sink_mode_has_protection_of_its_own(open_bench: OpenBench, setting: str, bit: int) -> None:
    """p52, p54: thresholds of the other direction stay out of it."""
    bench = open_bench()
    bench.source(voltage=110, current=5)
    bench.say("supply", setting)
    bench.world.advance(1)
    assert bench.ask("supply", "OUTP?") == "ON"
    bench.say("supply", "SINK:CURR 5", "VOLT 50")
    bench.world.advance(1)
    assert bench.ask("supply", "OUTP?") == "OFF"
    assert int(bench.ask("supply", "STAT:QUES:COND?")) & 0x1FF == bit


def test_a_protection_equal_to_its_set_value_wins(open_bench: OpenBench) -> None:
    """p51."""
    bench = open_bench()
    bench.source(voltage=110, current=5)
    bench.say("supply", "CURR:PROT 5")
    bench.world.advance(1)
    assert bench.ask("supply", "OUTP?") == "OFF"


def test_reading_errors_does_not_acknowledge_an_alarm_whose_cause_is_there(open_bench: OpenBench) -> None:
    """p42: the battery itself is above the over-voltage threshold."""
    bench = open_bench()
    bench.source(voltage=110, current=5)
    bench.say("supply", "VOLT:PROT 60")
    bench.world.advance(1)
    assert bench.ask("supply", "SYST:ERR?") == '0,"No error"'
    assert int(bench.ask("supply", "STAT:QUES:COND?")) & 1
    bench.say("supply", "VOLT:PROT 150")
    bench.world.advance(1)
    assert bench.ask("supply", "SYST:ERR?") == '0,"No error"'
    assert not int(bench.ask("supply", "STAT:QUES:COND?")) & 1


@pytest.mark.parametrize(("action", "output"), [("NONE", "ON"), ("SIGN", "ON"), ("WARNING", "ON"), ("ALARM", "OFF")])
def test_supervision_does_what_its_action_says(open_bench: OpenBench, action: str, output: str) -> None:
    """p53: under-voltage while discharging."""
    bench = open_bench()
    bench.source(voltage=50, current=5)
    bench.say("supply", "SINK:CURR 5", "SYST:CONF:UVD 90", f"SYST:CONF:UVD:ACT {action}")
    bench.world.advance(1)
    assert bench.ask("supply", "OUTP?") == output
    assert bool(int(bench.ask("supply", "STAT:QUES:COND?")) & 0x20) == (action != "NONE")
    assert bench.ask("supply", "SYST:CONF:UVD?;:SYST:CONF:UVD:ACT?") == f"90.00V;{action[:4]}"


def test_the_interface_monitor_switches_off_when_nobody_speaks(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=95, current=2)
    bench.say("supply", "SYST:COMM:MON:TIM 10;ACT ON")
    assert bench.ask("supply", "SYST:COMM:MON:TIM?;ACT?") == "10;ON"
    bench.world.advance(9)
    assert bench.ask("supply", "OUTP?") == "ON"
    bench.world.advance(12)
    assert bench.ask("supply", "OUTP?") == "OFF"
    assert int(bench.ask("supply", "STAT:OPER:COND?")) & 0x80


@pytest.mark.parametrize(("setting", "output"), [("OFF", "OFF"), ("AUTO", "ON")])
def test_the_interface_monitor_ends_remote_control_and_the_output_does_what_it_does_then(
    open_bench: OpenBench, setting: str, output: str
) -> None:
    """ELR 10000 manual, 3.5.3.3: exit remote control; the DC terminal as "state after remote" says."""
    bench = open_bench()
    bench.source(voltage=95, current=2)
    bench.say("supply", f"POW:STAG:AFT:REM {setting};:SYST:COMM:MON:TIM 5;ACT ON")
    bench.world.advance(7)
    assert bench.ask("supply", "SYST:LOCK:OWN?;:OUTP?") == f"NONE;{output}"


def test_the_interface_monitor_watches_nobody_but_who_has_remote_control_and_him_again(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=95, current=2)
    bench.say("supply", "SYST:COMM:MON:TIM 5;ACT ON", "POW:STAG:AFT:REM AUTO;:SYST:LOCK OFF")
    bench.world.advance(20)
    assert int(bench.ask("supply", "STAT:OPER:COND?")) & 0x80 == 0
    for _ in range(2):
        bench.say("supply", "SYST:LOCK ON")
        bench.world.advance(20)
        assert bench.ask("supply", "SYST:LOCK:OWN?") == "NONE"


@pytest.mark.parametrize(("setting", "output"), [("OFF", "OFF"), ("AUTO", "ON")])
def test_what_the_output_does_when_remote_control_ends(open_bench: OpenBench, setting: str, output: str) -> None:
    """p58."""
    bench = open_bench()
    bench.source(voltage=95, current=2)
    bench.say("supply", f"POW:STAG:AFT:REM {setting}", "SYST:LOCK OFF")
    assert bench.ask("supply", "SYST:LOCK:OWN?;:OUTP?") == f"NONE;{output}"


def test_local_at_the_panel_refuses_every_set_and_once_released_lets_control_be_taken_again(
    open_bench: OpenBench,
) -> None:
    """Nothing is said to whoever had control: a set is refused without a word, and queries are answered as ever."""
    bench = open_bench()
    bench.source(voltage=100, current=2)
    bench.world.inject("local-mode:supply")
    bench.say("supply", "OUTP OFF", "SYST:LOCK ON")
    assert [bench.ask("supply", message) for message in ("OUTP?", "SYST:LOCK:OWN?")] == ["ON", "LOCAL"]
    assert bench.ask("supply", "SYST:ERR:ALL?") == '-201,"Invalid while in local", -201,"Invalid while in local"'
    bench.world.repair("local-mode")
    bench.say("supply", "OUTP OFF")
    assert [bench.ask("supply", message) for message in ("OUTP?", "SYST:LOCK:OWN?")] == ["ON", "NONE"]
    assert bench.ask("supply", "SYST:ERR?") == '-221,"Settings conflict"'
    bench.say("supply", "SYST:LOCK ON", "OUTP OFF")
    assert bench.ask("supply", "OUTP?") == "OFF"


def test_a_keep_alive_option_keeps_silent_sockets_open(open_bench: OpenBench) -> None:
    for setting, patience in ((None, 5.0), (2.5, 2.5), (0, None)):
        bench = open_bench("supply", "load", overrides={"supply": {"idle_close": setting}})
        line = bench.world.exchange.connect(LINKS["supply"])
        assert line is not None
        assert line.device.hangs_up_after == patience
        bench.world.close()


def test_reset_takes_remote_control_and_switches_off(open_bench: OpenBench) -> None:
    """p40."""
    bench = open_bench()
    bench.source(voltage=95, current=2)
    bench.say("supply", "SYST:LOCK OFF", "*RST")
    assert bench.ask("supply", "SYST:LOCK:OWN?;:OUTP?;:STAT:QUES?") == "REMOTE;OFF;0"


def test_counters_add_up_charge_and_energy_each_way(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.source(voltage=110, current=4)
    bench.world.advance(1800)
    bench.say("supply", "VOLT 50;:SINK:CURR 2")
    bench.world.advance(1800)
    assert bench.ask("supply", "FETC:AHO?;:FETC:SINK:AHO?") == "2.00Ah;1.00Ah"
    charged, discharged = bench.ask("supply", "FETC:WHO?;:FETC:SINK:WHO?").split(";")
    assert float(charged.removesuffix("kWh")) == pytest.approx(2.0 * 97 / 1000, abs=0.01)
    assert float(discharged.removesuffix("kWh")) == pytest.approx(1.0 * 90 / 1000, abs=0.01)


def test_ratings_with_unit(open_bench: OpenBench) -> None:
    assert open_bench().ask("supply", "SYST:NOM:VOLT?;CURR?;POW?") == "200.00V;420.00A;30000W"


def test_every_specimen_has_errors_of_its_own_within_its_accuracy(open_bench: OpenBench) -> None:
    seen = set()
    for seed in range(3):
        bench = open_bench(seed=seed, overrides={"supply": {"accuracy": 0.002}})
        (voltage,) = bench.numbers("supply", "MEAS:VOLT?")
        true = float(bench.world.plant.voltage.sum())
        assert abs(voltage - true) <= 0.002 * true + 0.00002 * 200 + 0.005
        seen.add(round(voltage - true, 2))
        bench.world.close()
    assert len(seen) > 1
