"""Small parts of simulated instruments: error queue, status register, meter, and what can be wrong with any of them."""

from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.dialect import QUEUE_OVERFLOW, ErrorQueue, Instrument, Meter, StatusRegister
from instruments.virtual.simulator import Specimen
from tests.instruments.virtual.conftest import OpenBench

TEXTS = {0: "No error", -113: "Undefined header", -350: "Queue overflow"}


# --- error queue ------------------------------------------------------------------------------------------------------


def test_errors_come_out_in_the_order_in_which_they_went_in() -> None:
    errors = ErrorQueue(3, TEXTS)
    for number in (-113, -222):
        errors.push(number)
    assert [errors.pop() for _ in range(3)] == ['-113,"Undefined header"', '-222,"Command error"', '0,"No error"']


def test_what_does_not_fit_is_lost_and_the_oldest_stay() -> None:
    errors = ErrorQueue(2, {}, "{}")
    for number in (-1, -2, -3):
        errors.push(number)
    assert len(errors) == 2
    assert [errors.pop() for _ in range(3)] == ["-1", "-2", "0"]


def test_where_there_is_an_overflow_it_stands_in_place_of_the_newest() -> None:
    """SCPI-99 volume 2, 21.8.1."""
    errors = ErrorQueue(2, {}, "{}", overflow=QUEUE_OVERFLOW)
    for number in (-1, -2, -3, -4):
        errors.push(number)
    assert [errors.pop() for _ in range(3)] == ["-1", "-350", "0"]


def test_every_error_is_noted_also_one_that_does_not_fit() -> None:
    noted: list[int] = []
    errors = ErrorQueue(1, {}, noted=noted.append)
    for number in (-1, -2):
        errors.push(number)
    assert noted == [-1, -2]


@given(st.integers(1, 20), st.lists(st.integers(-400, -1), max_size=30))
def test_a_full_queue_is_as_long_as_it_is_and_empty_once_cleared(depth: int, before: list[int]) -> None:
    errors = ErrorQueue(depth, {}, "{}")
    for number in before:
        errors.push(number)
    errors.fill(-200)
    errors.fill(-200)
    assert len(errors) == depth
    kept = [errors.pop() for _ in range(depth)]
    assert kept == [str(number) for number in before[:depth]] + ["-200"] * (depth - len(before[:depth]))
    errors.fill(-200)
    errors.clear()
    assert (len(errors), errors.pop()) == (0, "0")


# --- status -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 255), st.booleans()), max_size=20))
def test_an_event_is_latched_by_each_rise_and_kept_until_it_is_read(steps: list[tuple[int, bool]]) -> None:
    """What stands and was read is no new event."""
    register, before, latched = StatusRegister(), 0, 0
    for condition, is_read in steps:
        register.update(condition)
        for bit in range(8):
            if condition >> bit & 1 and not before >> bit & 1:
                latched |= 1 << bit
        before = condition
        if is_read:
            assert (register.take_event(), register.condition) == (latched, condition)
            latched = 0
    assert (register.take_event(), register.take_event()) == (latched, 0)


def test_only_an_enabled_event_counts_in_the_summary() -> None:
    register = StatusRegister(enable=0b10)
    register.update(0b01)
    assert not register.summary
    register.update(0b11)
    assert register.summary
    register.update(0)
    assert register.summary
    register.take_event()
    assert not register.summary


# --- meters -----------------------------------------------------------------------------------------------------------


@given(
    st.floats(0.5, 2.0), st.floats(-10, 10), st.integers(0, 8),
    st.lists(st.floats(-1000.0, 1000.0), min_size=1, max_size=4),
)  # fmt: skip
def test_a_display_shows_whole_counts_of_what_is_read(
    gain: float, offset: float, decimals: int, values: list[float]
) -> None:
    meter = Meter(gain, offset, decimals)
    for value in values:
        shown = meter.read(value)
        assert shown == pytest.approx(value * gain + offset, abs=0.5000001 * 10**-decimals)
        assert shown * 10**decimals == pytest.approx(round(shown * 10**decimals), abs=1e-4)
        assert float(meter.text(value)) == pytest.approx(shown, abs=1e-9)
        assert len(meter.text(value).partition(".")[2]) == decimals
    assert Meter.read_all([meter] * len(values), values) == [meter.read(value) for value in values]


@pytest.mark.parametrize("value", [-0.0, -0.0004, 0.0004])
def test_no_minus_stands_before_a_zero(value: float) -> None:
    assert Meter(decimals=3).text(value) == "0.000"


def test_as_many_meters_as_values_are_read() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Meter.read_all([Meter()] * 2, [1.0])


@given(st.integers(0, 2**32), st.floats(1e-6, 0.05), st.floats(1.0, 1000.0))
def test_a_specimen_is_wrong_by_no_more_than_its_accuracy_and_always_by_the_same(
    seed: int, accuracy: float, full_scale: float
) -> None:
    meter = Meter.drawn(Random(seed), accuracy, full_scale, 4)
    assert abs(meter.gain - 1.0) <= accuracy * (1 + 1e-9) + 1e-15
    assert abs(meter.offset) <= accuracy * full_scale / 100 * (1 + 1e-9)
    assert meter == Meter.drawn(Random(seed), accuracy, full_scale, 4)


# --- what can be wrong with any ---------------------------------------------------------------------------------------


class Voltmeter(Instrument):
    """Says a voltage of 100 V, and lets its range be set."""

    QUANTITIES = {"voltage": "V", "current": "A"}  # noqa: RUF012
    SWITCHING = ("ON", "OFF")

    def __init__(self) -> None:
        self._specimen = Specimen("VM-1", "7")
        self._meters = {"V": Meter(1.01, 0.5, 3), "A": Meter(decimals=2)}
        self.range = "10"

    def handle(self, message: str) -> str | None:
        if message.startswith("RANGE "):
            self.range = message.removeprefix("RANGE ")
        return {"V?": self._meters["V"].text(100.0), "RANGE?": self.range, "ID?": self._specimen.model}.get(message)

    def refuse(self) -> str | None:
        return "NO"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_meter_is_wrong_by_all_that_lasts_and_in_the_end_as_it_was(order: tuple[int, ...]) -> None:
    meter = Voltmeter()
    errors = {0: (1.1, 0.0), 1: (1.0, 3.0), 2: (0.5, -1.0)}
    healthy = meter.handle("V?")
    ends = [meter.miscalibrate("voltage", *error) for error in errors.values()]
    for number in order:
        ends[number]()
        ends[number]()
        del errors[number]
        gain, offset = 1.01, 0.5
        for each in errors.values():
            gain, offset = gain * each[0], offset + each[1]
        assert float(meter.handle("V?") or "") == pytest.approx(100.0 * gain + offset, abs=1e-3)
    assert meter.handle("V?") == healthy
    assert meter._meters["A"] == Meter(decimals=2)


def test_of_two_errors_that_overlap_neither_outlasts_its_time(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "load")
    bench.source(99.0, 10.0)
    bench.world.advance(1.0)
    (healthy,) = bench.numbers("supply", "MEAS:CURR?")
    bench.world.inject("meter-gain:supply:2@10+10", "meter-offset:supply:1@15+10")
    seen = []
    for _ in range(4):
        bench.world.advance(5.5)
        seen.append(bench.numbers("supply", "MEAS:CURR?")[0])
    bench.world.advance(10.0)
    assert seen == pytest.approx([healthy, 2 * healthy, 2 * healthy + 1, healthy + 1], abs=0.02)
    assert bench.numbers("supply", "MEAS:CURR?") == [healthy]


def test_who_ignores_sets_still_answers_and_switches() -> None:
    meter = Voltmeter()
    said: list[str] = []

    def overheard(healthy: Callable[[str], str | None]) -> Callable[[str], str | None]:
        def handle(message: str) -> str | None:
            said.append(message)
            return healthy(message)

        return handle

    meter.swap("handle", overheard)
    end = meter.ignore_sets()
    assert meter.handle("RANGE 100") is None
    assert meter.handle("RANGE?") == "10"
    meter.handle("on now")
    assert said == ["RANGE?", "on now"]
    end()
    meter.handle("RANGE 100")
    assert meter.handle("RANGE?") == "100"


def test_who_refuses_sets_complains_of_switching_too_and_answers() -> None:
    meter = Voltmeter()
    end = meter.refuse_sets()
    assert (meter.handle("RANGE 100"), meter.handle("ON"), meter.handle("RANGE?")) == ("NO", "NO", "10")
    end()
    assert meter.handle("ON") is None


def test_who_gives_another_model_s_name_keeps_the_serial_number() -> None:
    meter = Voltmeter()
    end = meter.impersonate("X-9000")
    assert (meter.handle("ID?"), meter._specimen.serial_number) == ("X-9000", "7")
    end()
    assert meter.handle("ID?") == "VM-1"


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_lines_are_taken_apart_and_the_rest_waits(packets: list[bytes]) -> None:
    meter, found, rest = Voltmeter(), list[bytes](), b""
    for packet in packets:
        messages, rest = meter.frames(rest + packet)
        found += messages
    assert b"\n".join([*found, rest]) == b"".join(packets)
    assert b"\n" not in rest


def test_who_knows_no_status_byte_says_0() -> None:
    assert Voltmeter().status_byte() == 0
