"""NGI N83624: its dialect by the SCPI guide V20240130, and being the battery."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvisa

from models.cell import load_cell

OpenBench = Callable[..., Any]
ALL = f"(@{','.join(str(channel) for channel in range(1, 25))})"
CV_SOC = 3
CAPACITY = load_cell("nmc811-21700").nominal_capacity
"""Ah of the table that `emulate` uploads."""


@pytest.fixture
def bench(open_bench: OpenBench) -> Any:
    return open_bench("supply", "load", "emulator")


def upload_the_guides_example(bench: Any, channels: str = "1") -> None:
    """7.3: three rows, 1200 mAh at 5 V down to 800 mAh at 3 V, starting at 4.8 V."""
    root = f"SOC{channels}:EDIT"
    bench.say("emulator", f"OUTP{channels}:ONOFF 0", f"OUTP{channels}:MODE 3", f"{root}:LENG 3")
    for step, charge, voltage, resistance in ((1, 1200, 5.0, 0.1), (2, 900, 4.0, 0.2), (3, 800, 3.0, 0.3)):
        bench.say("emulator", f"{root}:STEP {step}", f"{root}:Q {charge}", f"{root}:VOLT {voltage}")
        bench.say("emulator", f"{root}:OUTCURR 1000", f"{root}:R {resistance}")
    bench.say("emulator", f"{root}:SVOL 4.8", f"OUTP{channels}:ONOFF 1")


def test_identity(bench: Any) -> None:
    """p8."""
    assert bench.ask("emulator", "*IDN?") == "NGI,N83624,0,V1.00"


def test_the_guides_soc_example(bench: Any) -> None:
    upload_the_guides_example(bench)
    assert bench.ask("emulator", "OUTP1:ONOFF?;MODE?;STAT?") == "1;3;1"
    assert bench.ask("emulator", "SOC1:RUN:STEP?;Q?") == "2;1140.000"
    assert bench.ask("emulator", "SOC1:OPEN:VOLT?") == "4.8000"
    assert bench.ask("emulator", "MEAS1:VOLT?") == "4.8000"
    assert bench.ask("emulator", "SOC1:EDIT:STEP 2;Q?;VOLT?;OUTCURR?;R?") == "900.000;4.0000;1000.00;0.200"


def test_list_and_suffix_forms(bench: Any) -> None:
    """p4: a list behind the value, with and without a space in a query."""
    bench.say("emulator", "SOUR:VOLT 3.5(@1,2,3)", "SOUR4:VOLT 2.54;OUTCURR 1000", f"OUTP:ONOFF 1{ALL}")
    assert bench.ask("emulator", "MEAS:VOLT?(@1,2,4,5)") == "3.5000,3.5000,2.5400,0.0000"
    assert bench.ask("emulator", "MEAS:VOLT? (@4)") == "2.5400"
    assert bench.ask("emulator", "SOUR4:OUTCURR?") == "1000.00"


def test_the_guides_compound_message(bench: Any) -> None:
    """p6."""
    assert bench.ask("emulator", "MEASure:VOLTage?;:SOURce:VOLTage 1;:OUTPut:ONOFF 1") == "0.0000"
    assert bench.ask("emulator", "MEAS1:VOLT?") == "1.0000"


def test_what_cannot_be_queried_is_silence(bench: Any) -> None:
    """p6: -115, and nothing is returned."""
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("emulator", "*RST?")
    assert bench.ask("emulator", "SYST:ERR?") == '-115,"Command cannot query"'


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("MEAS25:VOLT?", -114),
        ("SOUR:VOLT 1(@0)", -114),
        ("SOUR1:VOLT 6.1", -222),
        ("OUTP1:MODE 2", -224),
        ("OUTP1:MODE", -109),
        ("MEAS1:VOLT 3", -116),
        ("SOC1:EDIT:STEP 201", -224),
        ("SOC1:EDIT:LENG 201", -224),
        ("SOUR1:VOLT x", -120),
    ],
)
def test_errors_by_number(bench: Any, message: str, error: int) -> None:
    bench.say("emulator", message)
    assert bench.ask("emulator", "SYST:ERR?").startswith(f"{error},")


def test_mode_cannot_change_under_power_and_a_table_must_be_there(bench: Any) -> None:
    bench.say("emulator", "SOUR1:VOLT 1", "OUTP1:ONOFF 1", "OUTP1:MODE 3")
    assert bench.ask("emulator", "OUTP1:MODE?;:SYST:ERR?") == '0;-221,"Setting conflict"'
    bench.say("emulator", "OUTP2:MODE 3", "OUTP2:ONOFF 1")
    assert bench.ask("emulator", "OUTP2:ONOFF?;:SYST:ERR?") == '0;-221,"Setting conflict"'


def test_fault_relays_only_in_source_mode_without_voltage(bench: Any) -> None:
    """p13: else event bit 6 (mode) or 5 (voltage and current at the port)."""
    bench.say("emulator", "OUTP1:MODE 1", "FAUL1:SIMU 1")
    assert bench.ask("emulator", "FAUL1:SIMU?;:OUTP1:EVEN?") == "0;64"
    bench.say("emulator", "SOUR2:VOLT 3", "OUTP2:ONOFF 1", "FAUL2:SIMU 8")
    assert bench.ask("emulator", "FAUL2:SIMU?;:OUTP2:EVEN?") == "0;33"
    bench.say("emulator", "FAUL3:SIMU 4")
    assert bench.ask("emulator", "FAUL3:SIMU?;:OUTP3:EVEN?") == "4;0"


def test_factory_reset_takes_ten_seconds_and_zeroes_everything(bench: Any) -> None:
    """p8."""
    bench.say("emulator", "PRO1:VOLT 5", "SOUR1:VOLT 3", "*RST")
    bench["emulator"].timeout = 2000
    with pytest.raises(pyvisa.VisaIOError):
        bench.ask("emulator", "*IDN?")
    bench.world.advance(8.5)
    assert bench.ask("emulator", "PRO1:VOLT?;:SOUR1:VOLT?") == "0.0000;0.0000"


def test_one_list_query_reads_all_cells(bench: Any) -> None:
    bench.emulate(soc=0.5)
    cells = [float(cell) for cell in bench.ask("emulator", f"MEAS:VOLT?{ALL}").split(",")]
    assert len(cells) == 24
    assert sum(cells) == pytest.approx(bench.numbers("supply", "MEAS:VOLT?")[0], abs=0.02)


def test_the_channels_follow_their_tables_by_charge(bench: Any) -> None:
    bench.emulate(soc=0.5)
    bench.source(voltage=110, current=5)
    bench.world.advance(720)  # 1 Ah
    assert float(bench.ask("emulator", "SOC1:RUN:Q?")) == pytest.approx(500 * CAPACITY + 1000, abs=0.001)
    assert bench.world.plant.soc == pytest.approx(np.full(24, 0.5 + 1 / CAPACITY), abs=1e-6)
    measured = float(bench.ask("emulator", "MEAS1:VOLT?"))
    drop = float(bench.ask("emulator", "SOC1:SIM:RES?")) / 1000 * 5
    assert measured == pytest.approx(float(bench.ask("emulator", "SOC1:OPEN:VOLT?")) + drop, abs=2e-4)
    assert float(bench.ask("emulator", "MEAS1:CURR?")) == -5000.0
    assert float(bench.ask("emulator", "MEAS1:MAH?")) == pytest.approx(-1000.0)


def test_the_ends_of_a_table_are_the_ends_of_the_battery(bench: Any) -> None:
    bench.emulate(soc=0.95)
    bench.source(voltage=140, current=5)
    bench.world.advance(600)
    assert bench.world.plant.soc == pytest.approx(np.ones(24))
    assert bench.ask("emulator", "SOC1:RUN:Q?") == f"{1000 * CAPACITY:.3f}"


def test_resistance_can_be_rewritten_while_running(bench: Any) -> None:
    bench.emulate(soc=0.5, rows=3, resistance=0.010)
    bench.source(voltage=110, current=5)
    bench.world.advance(1)
    before = float(bench.ask("emulator", "MEAS1:VOLT?"))
    for row in (1, 2, 3):
        bench.say("emulator", f"SOC:EDIT:STEP {row}{ALL};R 30{ALL}")
    bench.world.advance(1)
    assert float(bench.ask("emulator", "MEAS1:VOLT?")) - before == pytest.approx(5 * 0.020, abs=1e-3)
    assert float(bench.ask("emulator", "SOC1:RUN:Q?")) == pytest.approx(500 * CAPACITY + 2.8, abs=0.1)


@pytest.mark.parametrize("seed", range(8))
def test_a_running_table_is_what_was_written_into_it_last(bench: Any, seed: int) -> None:
    """Rows in any order, written anew one by one while a current leads from row to row: numpy says what they mean."""
    random = np.random.default_rng(seed)
    bench.emulate(soc=0.5)
    bench.say("emulator", "OUTP1:ONOFF 0", "SOC1:EDIT:LENG 5")
    charges = np.sort(random.choice(range(10, 400, 10), size=5, replace=False)).astype(float)
    voltages, resistances = np.linspace(3.2, 3.6, 5), random.integers(10, 40, size=5).astype(float)
    order = random.permutation(5)
    for step, row in enumerate(order, start=1):
        bench.say("emulator", f"SOC1:EDIT:STEP {step};Q {charges[row]};VOLT {voltages[row]};OUTCURR 5000")
        bench.say("emulator", f"SOC1:EDIT:R {resistances[row]}")
    bench.say("emulator", "SOC1:EDIT:SVOL 3.2", "OUTP1:ONOFF 1")
    bench.source(voltage=110, current=2)
    for _ in range(20):
        bench.world.advance(40)
        step, row = (number := int(random.integers(5))) + 1, order[number]
        if random.integers(2):
            resistances[row] = random.integers(10, 40)
            bench.say("emulator", f"SOC1:EDIT:STEP {step};R {resistances[row]}")
        else:
            voltages[row] += 0.01
            bench.say("emulator", f"SOC1:EDIT:STEP {step};VOLT {voltages[row]}")
        held = float(bench.ask("emulator", "SOC1:RUN:Q?"))
        assert float(bench.ask("emulator", "SOC1:SIM:RES?")) == pytest.approx(
            np.interp(held, charges, resistances), abs=2e-3
        )
        assert float(bench.ask("emulator", "SOC1:OPEN:VOLT?")) == pytest.approx(
            np.interp(held, charges, voltages), abs=1e-4
        )
    assert held == charges[-1]


def test_rows_may_be_written_in_any_order(bench: Any) -> None:
    bench.say("emulator", "OUTP1:MODE 3", "SOC1:EDIT:LENG 2")
    bench.say("emulator", "SOC1:EDIT:STEP 1;Q 0;VOLT 3;STEP 2;Q 1000;VOLT 4;SVOL 3.25", "OUTP1:ONOFF 1")
    assert bench.ask("emulator", "SOC1:RUN:Q?") == "250.000"


@pytest.mark.parametrize(("setting", "bit"), [("CURR 4000", 4), ("VOLT 3.6", 2), ("POWE 10000", 8)])
def test_a_protection_opens_the_string(bench: Any, setting: str, bit: int) -> None:
    bench.emulate(soc=0.3)
    bench.say("emulator", f"PRO7:{setting}")
    bench.source(voltage=110, current=5)
    bench.world.advance(1)
    assert bench.ask("emulator", "OUTP7:STAT?") == str(bit)
    assert bench.world.point.battery == 0.0
    assert bench.numbers("supply", "MEAS:CURR?") == [0.0]


def test_the_string_carries_no_more_than_its_current_limit(bench: Any) -> None:
    bench.emulate(soc=0.5)
    for row in range(1, 42):
        bench.say("emulator", f"SOC:EDIT:STEP {row}(@5);OUTCURR 2000(@5)")
    bench.source(voltage=110, current=5)
    bench.world.advance(1)
    assert bench.world.point.battery == 2.0
    assert bench.world.point.voltage == 110.0


def test_one_channel_off_opens_the_string(bench: Any) -> None:
    bench.emulate(soc=0.5)
    bench.say("emulator", "OUTP12:ONOFF 0")
    bench.source(voltage=110, current=5)
    bench.world.advance(1)
    assert bench.world.point.battery == 0.0
    assert bench.ask("emulator", "MEAS12:VOLT?") == "0.0000"


def test_a_weak_cell_leaves_its_table_faster(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "emulator", defects=["weak-cell:7:0.7", "high-resistance:3:2"])
    bench.emulate(soc=0.5, resistance=0.02)
    bench.source(voltage=110, current=5)
    bench.world.advance(360)
    soc = bench.world.plant.soc
    assert soc[0] == pytest.approx(0.5 + 0.5 / CAPACITY, abs=1e-6)
    assert soc[6] == pytest.approx(0.5 + 0.5 / CAPACITY / 0.7, abs=1e-6)
    assert bench.ask("emulator", "SOC:SIM:RES?(@2,3)") == "20.000,40.000"


def test_dummy_cells_are_heated_by_what_is_emulated(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "emulator", "chamber", "temperatures")
    bench.emulate(soc=0.3, resistance=0.040)
    bench.source(voltage=140, current=10)
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:120)")
    bench.world.advance(600)
    readings = [float(reading) for reading in bench.ask("temperatures", "READ?").split(",")]
    assert min(readings) > 30.0


def test_more_cells_than_channels_are_refused(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match="24 channels, 96 cells in series do not fit"):
        open_bench("supply", "emulator", series=96)
