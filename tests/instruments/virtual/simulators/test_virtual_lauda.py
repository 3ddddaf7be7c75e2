"""LAUDA Integral: its manuals' own examples and tables, its plate, its watchdog, and what can be wrong with one."""

from collections.abc import Callable
from typing import Any

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.virtual.simulators.lauda_integral import Settings

OpenBench = Callable[..., Any]


class Line:
    """A thermostat at the end of a serial line, and the world that it stands in."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.world = bench.world
        self.port = serial.serial_for_url("packbench://coolant", timeout=1.0)

    def ask(self, message: str) -> str:
        return self.raw(message.encode() + b"\r\n").decode().removesuffix("\r\n")

    def raw(self, data: bytes) -> bytes:
        self.port.write(data)
        return bytes(self.port.read(self.port.in_waiting))

    def number(self, message: str) -> float:
        return float(self.ask(message))

    def drive(self, temperature: float, flow: float = 8.0) -> None:
        """Have it pump coolant of a temperature."""
        for message in (f"OUT_SP_00_{temperature:.2f}", f"OUT_SP_09_{flow:.2f}", "START"):
            assert self.ask(message) == "OK"


@pytest.fixture
def open_line(open_bench: OpenBench, kept: Callable[[Line], Line]) -> Callable[..., Line]:
    def open_one(defects: tuple[str, ...] = (), construction: dict[str, float] | None = None, **chosen: object) -> Line:
        bench = open_bench(
            "supply", "coolant", overrides={"coolant": chosen}, defects=defects,
            construction=construction or {"coolant": 60.0},
        )  # fmt: skip
        return kept(Line(bench))

    return open_one


@pytest.fixture
def line(open_line: Callable[..., Line]) -> Line:
    return open_line()


def test_the_manuals_example(line: Line) -> None:
    """LRZ 926 p19, Integral IN p53: "OUT_SP_00_30.5"CRLF is answered by "OK"CRLF."""
    assert line.raw(b"OUT_SP_00_30.5\r\n") == b"OK\r\n"
    assert line.ask("IN_SP_00") == "030.50"


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n\r"])
def test_a_message_ends_in_three_ways_and_an_answer_in_one(line: Line, end: bytes) -> None:
    """LRZ 926 p19."""
    assert line.raw(b"TYPE" + end) == b"INT\r\n"
    assert line.raw(b"STATUS" + end) == b"0\r\n"


def test_blank_and_underscore_are_the_same(line: Line) -> None:
    assert line.ask("OUT SP 00 -5.25") == "OK"
    assert line.ask("IN SP 00") == "-005.25"


@pytest.mark.parametrize("value", ["-15.25", "-15.2", "-15.", "-15", "15.25", "5.", "5", "-.25", "-.5", ".25", ".5"])
def test_every_permitted_format_is_taken(line: Line, value: str) -> None:
    """LRZ 926 p19, table 4."""
    assert line.ask(f"OUT_SP_00_{value}") == "OK"
    assert line.number("IN_SP_00") == float(value)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("OUT_SP_00_12345", 5), ("OUT_SP_00_1.234", 5), ("OUT_SP_00_1,5", 5), ("OUT_SP_00_", 5), ("OUT_SP_00_nan", 5),
        ("OUT_SP_00_500", 6), ("OUT_SP_09_20.01", 6), ("OUT_SP_08_61", 6), ("OUT_MODE_00_2", 6),
        ("IN_PV_99", 3), ("*IDN?", 3), ("OUT_SP_77_1", 3), ("OUT_SP_04_-41", 32), ("OUT_SP_05_120", 32),
        ("OUT_SP_00_" + "0" * 80, 2),
    ],
)  # fmt: skip
def test_what_it_does_not_do_has_a_number(line: Line, message: str, error: int) -> None:
    """PRO p51, MC p43."""
    assert line.ask(message) == f"ERR_{error}"
    assert line.number("IN_SP_00") == 20.0


def test_a_set_point_outside_its_limits_is_not_permitted(line: Line) -> None:
    assert line.ask("OUT_SP_04_50") == "OK"
    assert line.ask("OUT_SP_00_50.01") == "ERR_6"
    assert line.ask("OUT_SP_00_50") == "OK"


def test_without_a_probe_there_is_none_to_read(open_line: Callable[..., Line]) -> None:
    assert open_line(probe=False).ask("IN_PV_03") == "ERR_33"


def test_in_standby_everything_stands(line: Line) -> None:
    """LRZ 913 p22: 0 is switched on, 1 is standby."""
    assert (line.ask("IN_MODE_02"), line.number("IN_PV_07")) == ("1", 0.0)
    line.drive(60.0)
    assert (line.ask("IN_MODE_02"), line.number("IN_PV_07")) == ("0", pytest.approx(8.0, abs=0.2))
    line.world.advance(60.0)
    warm = line.number("IN_PV_00")
    assert warm > 30.0
    assert line.ask("STOP") == "OK"
    line.world.advance(60.0)
    assert line.number("IN_PV_00") <= warm
    assert line.number("IN_PV_07") == 0.0


def test_a_heater_that_is_held_off_heats_nothing_and_the_pump_goes_on(line: Line) -> None:
    assert line.ask("OUT_SP_13_0") == "OK"
    line.drive(60.0)
    line.world.advance(600.0)
    assert line.number("IN_PV_00") == pytest.approx(25.0, abs=0.7)
    assert line.number("IN_PV_07") == pytest.approx(8.0, abs=0.2)
    assert line.number("IN_PV_08") == 0.0


@pytest.mark.parametrize("target", [45.0, 5.0])
def test_the_plate_brings_the_cells_to_the_coolant(line: Line, target: float) -> None:
    """60 W/K against the air's: with time the cells are nearer to the coolant than to the air."""
    line.drive(target)
    line.world.advance(3600.0)
    cells = float(line.world.plant.temperature.mean())
    assert abs(cells - target) < abs(cells - 25.0)
    assert line.number("IN_PV_00") == pytest.approx(target, abs=0.8)
    # What comes back has been to the plate.
    back = line.number("IN_PV_03")
    assert min(target, cells) - 0.8 <= back <= max(target, cells) + 0.8


def test_a_pack_without_a_plate_has_nothing_of_it(open_line: Callable[..., Line]) -> None:
    line = open_line(construction={"contact_resistance": 0.0})
    line.drive(60.0)
    line.world.advance(3600.0)
    assert float(line.world.plant.temperature.mean()) == pytest.approx(25.0, abs=0.5)


def test_a_pack_has_one_plate(open_bench: OpenBench) -> None:
    two = {"second": {"simulator": "lauda-integral"}, "coolant": {"simulator": "lauda-integral"}}
    with pytest.raises(ValueError, match="has a second coolant; a world has one, remove it"):
        open_bench("coolant", simulators=two, links={"second": "packbench://second"})


def test_dummy_cells_have_no_plate(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match="dummy cells beside an emulator have no plate for a coolant"):
        open_bench("supply", "emulator", "coolant")


def test_silence_ends_everything_or_what_its_safe_mode_leaves(open_line: Callable[..., Line]) -> None:
    """LRZ 926 p20 and 21: alarm 22 and all stands, or with Safe Mode a warning, and the safe set point."""
    for safe_mode, mode, diagnosis, flow in ((False, "1", "0100000", 0.0), (True, "0", "0010000", 8.0)):
        line = open_line(safe_mode=safe_mode)
        line.drive(50.0)
        assert line.ask("OUT_SP_08_10") == "OK"
        line.world.advance(9.0)
        assert line.ask("STAT") == "0000000"
        line.world.advance(11.0)
        assert (line.ask("IN_MODE_02"), line.ask("STAT")) == (mode, diagnosis)
        assert line.number("IN_PV_07") == pytest.approx(flow, abs=0.2)
        line.port.close()
        line.world.close()


@pytest.mark.parametrize(
    ("defect", "diagnosis", "mode", "flow"),
    [
        ("coolant-empty", "0100100", "1", 0.0),
        ("coolant-pump-stopped", "0000000", "0", 0.0),
        ("coolant-hose-bent:0.25", "0000000", "0", 2.0),
        ("coolant-off", "0000000", "1", 0.0),
    ],
)
def test_what_stops_the_flow_and_what_of_it_is_told(
    line: Line, defect: str, diagnosis: str, mode: str, flow: float
) -> None:
    line.drive(40.0)
    line.world.inject(defect)
    assert (line.ask("STAT"), line.ask("IN_MODE_02")) == (diagnosis, mode)
    assert line.number("IN_PV_07") == pytest.approx(flow, abs=0.1)
    line.world.repair(defect.partition(":")[0])
    assert (line.ask("STAT"), line.ask("IN_MODE_02")) == ("0000000", "0")
    assert line.number("IN_PV_07") == pytest.approx(8.0, abs=0.2)


def test_one_that_is_empty_says_ok_to_start_and_stands(line: Line) -> None:
    line.world.inject("coolant-empty")
    assert line.ask("START") == "OK"
    assert line.ask("IN_MODE_02") == "1"


@pytest.mark.parametrize(
    ("defect", "shown", "felt"),
    [
        ("coolant-stuck:60", 60.0, 60.0),
        ("coolant-runaway:600", 45.0, 45.0),
        ("coolant-lies:600", 25.0, 45.0),
        ("coolant-set-by-hand:20", 20.0, 20.0),
    ],
)
def test_coolant_that_goes_where_nobody_has_sent_it(line: Line, defect: str, shown: float, felt: float) -> None:
    """The second is what a thermometer of somebody else's would feel."""
    line.drive(25.0, flow=0.0)
    line.world.inject(defect)
    line.world.advance(120.0)
    assert line.number("IN_PV_00") == pytest.approx(shown, abs=2.5)
    assert line.bench.world.part("coolant").bath.temperature == pytest.approx(felt, abs=2.5)


def test_a_reversed_sensor_makes_its_controller_run_away(line: Line) -> None:
    line.drive(26.0, flow=0.0)
    line.world.inject("coolant-sensor-reversed")
    line.world.advance(600.0)
    bath = line.bench.world.part("coolant").bath.temperature
    assert line.number("IN_PV_00") == pytest.approx(50.0 - bath, abs=1.5)
    assert abs(bath - 26.0) > 1.0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=40),
        st.tuples(st.sampled_from(["OUT_SP_00_", "OUT_SP_04 ", "IN_", "OUT_MODE_00_"]), st.text(max_size=12)).map(
            lambda parts: "".join(parts).encode()
        ),
    )
)
def test_whatever_comes_is_answered_in_its_words_or_not_at_all(line: Line, data: bytes) -> None:
    for answer in line.raw(data + b"\r\n").split(b"\r\n")[:-1]:
        assert answer == b"OK" or answer.startswith(b"ERR_") or answer.strip(b"-0123456789.") in {b"", b"INT"}


def test_it_is_what_the_registry_has_by_its_name() -> None:
    from instruments.virtual.registry import simulator_named

    assert simulator_named("lauda-integral").settings is Settings
