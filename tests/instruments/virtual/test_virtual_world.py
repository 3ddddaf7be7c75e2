"""The world: time, determinism, plants, defects, and what it says about wrong settings."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import pyvisa

from instruments.virtual import open_world
from models.cell import load_cell

OpenBench = Callable[..., Any]


def scripted(bench: Any) -> list[str]:
    """A short session, and everything it heard."""
    heard = [bench.ask("supply", "*IDN?")]
    bench.source(voltage=99, current=5)
    for _ in range(20):
        bench.world.advance(7.3)
        heard.append(bench.ask("supply", "MEAS:ARR?;:STAT:OPER:COND?"))
        heard.append(bench.ask("temperatures", "READ?") if bench.world.time > 10 else "")
        bench.say("temperatures", "CONF:TEMP TC,K,(@101:112)")
    return heard


def test_same_seed_same_bytes(open_bench: OpenBench) -> None:
    runs = []
    for seed, serial_number in ((1, "A"), (1, "A"), (2, "A"), (1, "B")):
        overrides = {"supply": {"accuracy": 0.001}, "temperatures": {"accuracy": 0.002}}
        bench = open_bench(
            "supply", "chamber", "temperatures", seed=seed, serial_number=serial_number, spread={}, overrides=overrides
        )
        runs.append(scripted(bench))
        bench.world.close()
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert runs[0] != runs[3], "another serial number is another individual"


def test_time_is_what_was_advanced(open_bench: OpenBench) -> None:
    bench = open_bench()
    for seconds in (0.0, 0.1, 0.25, 3600.0):
        bench.world.advance(seconds)
    assert bench.world.time == pytest.approx(3600.35)
    for never in (-1.0, inf, nan):
        with pytest.raises(ValueError, match=f"cannot go on by {never:g} s: advance by a number of them from 0 on"):
            bench.world.advance(never)


def test_the_length_of_a_call_does_not_change_physics(open_bench: OpenBench) -> None:
    states = []
    for step in (1.0, 60.0):
        bench = open_bench("supply", "chamber")
        bench.source(voltage=99, current=5)
        for _ in range(int(600 / step)):
            bench.world.advance(step)
        states.append((bench.world.plant.soc.copy(), bench.world.plant.temperature.copy()))
        bench.world.close()
    np.testing.assert_allclose(states[0], states[1], rtol=1e-12)


def test_charge_is_conserved_between_terminals_and_cells(open_bench: OpenBench) -> None:
    bench = open_bench(soc=0.2)
    before = bench.world.plant.soc.copy()
    bench.source(voltage=110, current=5)
    bench.world.advance(1800)
    cell = load_cell("nmc811-21700")
    gained = (bench.world.plant.soc - before) * cell.nominal_capacity
    assert gained == pytest.approx(np.full(24, 2.5 * cell.coulombic_efficiency), rel=1e-6)


def test_emulator_and_pack_agree_in_open_circuit_voltage(open_bench: OpenBench) -> None:
    pack = open_bench("supply", soc=0.4)
    true = pack.world.plant.voltage.copy()
    pack.world.close()
    emulated = open_bench("supply", "emulator", soc=0.4)
    emulated.emulate(soc=0.4)
    np.testing.assert_allclose(emulated.world.plant.voltage, true, atol=2e-3)


def test_both_plants_are_the_same_individuals(open_bench: OpenBench) -> None:
    pack = open_bench("supply", soc=0.4, spread={})
    soc, capacity = pack.world.plant.soc.copy(), pack.world.plant.capacity.copy()
    pack.world.close()
    emulated = open_bench("supply", "emulator", soc=0.4, spread={})
    emulated.emulate(soc=0.4)
    np.testing.assert_allclose(emulated.world.plant.capacity, capacity)
    np.testing.assert_allclose(emulated.world.plant.soc, soc, atol=1e-3)


def test_without_a_chamber_the_air_stays(open_bench: OpenBench) -> None:
    bench = open_bench(temperature=10.0)
    bench.world.advance(3600)
    assert bench.world.air_temperature == 10.0


# ---- defects ----


def test_a_weak_cell_reaches_the_limit_first(open_bench: OpenBench) -> None:
    bench = open_bench("supply", defects=["weak-cell:7:0.7"])
    bench.source(voltage=110, current=5)
    bench.world.advance(1200)
    assert bench.world.plant.voltage.argmax() == 6


def test_an_instrument_can_claim_to_be_another(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "load", defects=["wrong-identity:load"])
    assert bench.ask("load", "*IDN?").startswith("CHROMA,X-9000,")
    assert "PSB 10200-420" in bench.ask("supply", "*IDN?")


def test_an_instrument_can_fall_silent_and_still_obey(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "load", defects=["silent:supply:60"])
    bench.source(voltage=110, current=5)
    bench.world.advance(61)
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("supply", "OUTP?")
    bench.say("supply", "OUTP OFF")
    bench.world.advance(1)
    assert bench.world.point.battery == 0.0


@pytest.mark.parametrize(
    ("defect", "sentence"),
    [
        ("weak-sell:7:0.7", "unknown defect 'weak-sell'.*did you mean 'weak-cell'"),
        ("gremlins", "unknown defect 'gremlins'.*allowed: .*weak-cell"),
        ("weak-cell:7", r"has 1 parts.*write weak-cell:<cell from 1>:<capacity factor>"),
        ("weak-cell:0:0.7", "'0' where a whole number from 1 to 24"),
        ("weak-cell:25:0.7", "'25' where a whole number from 1 to 24"),
        ("weak-cell:7:-1", "'-1' where a number above 0"),
        ("chamber-stuck:cold", "'cold' where a number above -273.15"),
        ("bms-silent:nan", "'nan' where a number"),
        ("wrong-identity:suply", "names .suply.*did you mean .supply"),
        ("silent:supply:soon", "'soon' where a number"),
    ],
)
def test_ill_formed_defects_are_one_sentence(open_bench: OpenBench, defect: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_bench("supply", "load", defects=[defect])


# ---- settings ----


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"sock": 0.3}, "unknown key 'sock' in virtual; did you mean 'soc'"),
        ({"soc": 1.5}, "virtual.soc is 1.5: give a number from 0 to 1"),
        ({"temperature": "warm"}, "virtual.temperature is 'warm'"),
        ({"soc": nan}, "virtual.soc is nan: give a number from 0 to 1"),
        ({"temperature": inf}, "virtual.temperature is inf: give a number from -60 to 120"),
        ({"spread": {"capacitee": 0.1}}, "unknown key 'capacitee' in virtual.spread; did you mean 'capacity'"),
        ({"spread": {"soc": "wide"}}, "virtual.spread.soc is 'wide': give a standard deviation, 0 or more"),
        ({"spread": {"soc": nan}}, "virtual.spread.soc is nan: give a standard deviation"),
        ({"spread": {"temperature": -1.0}}, "virtual.spread.temperature is -1.0: give a standard deviation"),
        ({"spread": {"resistance": inf}}, "virtual.spread.resistance is inf: give a standard deviation"),
        ({"spread": {"capacity": 0.34}}, "capacity spread 0.34; give a relative deviation from 0 to below 1/3"),
        ({"plant": "real"}, "virtual.plant is 'real': allowed are 'pack' and 'emulator'"),
        ({"plant": "emulator"}, "no simulator has an emulator port"),
        ({"simulators": {"supply": {"simulator": "ea-psb1000"}}}, "did you mean 'ea-psb10000'"),
        (
            {"simulators": {"supply": {"simulator": "ea-psb10000", "volts": 3}}},
            "unknown key 'volts'.*did you mean 'vol",
        ),
        ({"simulators": {"suply": {"simulator": "ea-psb10000"}}}, "no instrument of that name.*did you mean 'supply'"),
        (
            {"simulators": {"supply": {"simulator": "ngi-n83624"}, "load": {"simulator": "ngi-n83624"}}},
            "virtual.simulators.load has a second emulator; a world has one",
        ),
    ],
)
def test_wrong_settings_are_one_sentence(open_bench: OpenBench, section: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        open_bench("supply", **section)
    assert "\n" not in str(raised.value)


def test_an_unknown_cell_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="nmc811-21700"):
        open_world(
            {}, links={}, cell="nmc811-2170", series=1, parallel=1, serial_number="", seed=0, defects=[], wait=id
        )
