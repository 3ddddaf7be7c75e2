"""How well a figure is known: each error source of each meter that it came from, moved, and the figure computed again.

The referees are outside of the program: sums and square roots by hand (GUM 5.1), and a Monte-Carlo of meters that
measure a known truth (GUM supplement 1), written here and sharing nothing with what is tested.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, inf, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.recording.rows import Columns, Rows
from bench.verdicts import Measurement, TestError, Verdict
from reports import kpi
from reports.kpi import Kpi
from reports.kpi.base import Registered
from reports.kpi.registry import found
from reports.recording import Recording
from reports.uncertainty import budget, uncertainty

Floats = NDArray[np.float64]
ROOT3 = sqrt(3)
CELLS = 6

SUPPLY_I = {"reading": 0.001, "offset": 0.004, "resolution": 0.001}
LOAD_I = {"reading": 0.0004, "offset": 0.002, "resolution": 0.0001}
VOLTS = {"reading": 0.0002, "offset": 0.02, "resolution": 0.01}
CELL = {"offset": 0.6e-3, "resolution": 1e-4}
SOC = {"offset": 0.02, "reading": 0.02, "resolution": 0.001}
SENSOR = {"offset": 1.0, "resolution": 1e-3}


def instrument(name: str, *roles: str, **accuracy: Mapping[str, float]) -> dict[str, Any]:
    known = {channel.replace("_", " "): [limits] for channel, limits in accuracy.items()}
    return {"name": name, "driver": "a driver", "roles": list(roles), "accuracy": known}


BENCH = (
    instrument("supply", "source", voltage=VOLTS, current=SUPPLY_I),
    instrument("load", "sink", voltage=VOLTS, current=LOAD_I),
    instrument("emulator", "emulator", cell=CELL),
    instrument("temperatures", "temperatures", sensor=SENSOR),
    instrument("bms", "bms", soc_min=SOC),
)
BOTH_WAYS = (instrument("supply", "source", "sink", voltage=VOLTS, current=SUPPLY_I), *BENCH[2:])


@dataclass
class Truth:
    """What really happened: rows of one step after the other, and what the steps were."""

    instruments: Sequence[Mapping[str, Any]] = BENCH
    columns: dict[str, list[float]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    clock: str = "virtual"
    time: float = 0.0

    def step(self, name: str, kind: str, seconds: int, ended_by: str = "time", **signals: Any) -> None:
        """`seconds` rows, one a second; a signal is a number or a function of the time in the step."""
        index = sum(event["type"] == "step started" for event in self.events) + 1
        self.events.append({"time": self.time, "type": "step started", "index": index, "name": name, "kind": kind})
        within = np.arange(1, seconds + 1, dtype=np.float64)
        shown = {"Test Time / s": self.time + within, "Step Count / 1": np.full(seconds, index, dtype=np.float64)}
        shown |= {
            column: np.broadcast_to(each(within) if callable(each) else each, seconds)
            for column, each in signals.items()
        }
        for column, values in shown.items():
            self.columns.setdefault(column, []).extend(np.asarray(values, dtype=np.float64).tolist())
        self.time += seconds
        self.events.append({
            "time": self.time, "type": "step ended", "index": index, "ended_by": ended_by, "reached": {},
        })  # fmt: skip

    def measured(self, wrong: Mapping[str, tuple[float, float, float]] | None = None) -> Recording:
        """What meters show that are wrong by a gain, an offset, and a rounding to their last digit."""
        raw = {name: np.array(values) for name, values in self.columns.items()}
        for name, (gain, offset, digit) in (wrong or {}).items():
            shown = raw[name] * (1 + gain) + offset
            shown = np.round(shown / digit) * digit if digit else shown
            raw[name] = np.where((raw[name] == 0) & name.endswith("/ A"), 0.0, shown)
        table = {**raw, **self._derived(raw)}
        manifest = {
            "instruments": list(self.instruments), "clock": {"kind": self.clock}, "pack": {"capacity": 2.0},
        }  # fmt: skip
        return Recording(manifest, self.events, list(table), np.column_stack(list(table.values())))

    def _derived(self, raw: Mapping[str, Floats]) -> dict[str, Floats]:
        """As the bench derives it, worked out anew."""
        found = {}
        time = raw["Test Time / s"]
        current = sum(
            (raw[each] for each in ("Supply Current / A", "Load Current / A") if each in raw), np.zeros(len(time))
        )
        volts = raw.get("Supply Voltage / V", np.full(len(time), np.nan))
        found["Voltage / V"], found["Current / A"], found["Power / W"] = volts, current, volts * current
        hours = np.diff(time, prepend=0.0) / 3600
        for name, flow in (("Capacity / Ah", current), ("Energy / Wh", volts * current)):
            for way, sign in (("Charging", 1), ("Discharging", -1)):
                found[f"{way} {name}"] = np.cumsum(np.where(sign * current > 0, sign * flow, 0.0) * hours)
        for stem, column in (("Emulator Cell", "Cell Voltage"), ("Temperatures Sensor", "Cell Temperature")):
            each = np.array([values for name, values in raw.items() if name.startswith(stem)])
            unit = "V" if "Voltage" in column else "degC"
            if len(each):
                found[f"{column} Min / {unit}"], found[f"{column} Max / {unit}"] = each.min(axis=0), each.max(axis=0)
        if "Bms Soc Min / 1" in raw:
            found["SOC / 1"] = raw["Bms Soc Min / 1"]
        return found


def cells(*volts: float) -> dict[str, float]:
    return {f"Emulator Cell {number} / V": each for number, each in enumerate(volts, 1)}


def a_cycle(instruments: Sequence[Mapping[str, Any]] = BENCH) -> Truth:
    """An hour of 1.2345 A out, and 70 minutes of 1.0567 A in, at 80 V."""
    truth = Truth(instruments)
    flows = ("Supply Current / A", "Load Current / A") if instruments is BENCH else ("Supply Current / A",) * 2
    idle = dict.fromkeys(flows, 0.0)
    truth.step("before", "Rest", 5, **idle, **{"Supply Voltage / V": 80.0})
    truth.step("discharge", "Discharge", 3600, **{**idle, flows[1]: -1.2345, "Supply Voltage / V": 78.0})
    truth.step("charge", "Charge", 4200, **{**idle, flows[0]: 1.0567, "Supply Voltage / V": 82.0})
    return truth


def standards(figure: Kpi) -> dict[str, float]:
    return {each.source: each.standard for each in budget(figure).contributions}


def test_a_discharge_is_known_as_well_as_the_meter_that_measured_it() -> None:
    hours, amperes = 1.0, 1.2345
    found = budget(kpi.capacity(a_cycle().measured(), "discharge"))
    by_hand = hypot(0.0004 * amperes * hours / ROOT3, 0.002 * hours / ROOT3, 1e-4 * hours / sqrt(12))
    assert found.expanded == pytest.approx(2 * by_hand, rel=1e-3)
    assert {each.source.partition(",")[0] for each in found.contributions} == {"load current"}  # its time ended it
    assert found.coverage == 2


def test_a_charge_is_known_as_well_as_the_supply() -> None:
    found = standards(kpi.capacity(a_cycle().measured(), "charge"))
    assert found["supply current, offset"] == pytest.approx(0.004 / ROOT3 * 4200 / 3600, rel=1e-3)
    assert not [name for name in found if name.startswith("load")]


def test_an_efficiency_by_two_meters_has_the_errors_of_both() -> None:
    figure = kpi.coulombic_efficiency(a_cycle().measured(), "discharge", "charge")
    share = hypot(0.0004, 0.002 / 1.2345, 0.001, 0.004 / 1.0567) / ROOT3
    rounding = hypot(1e-4 / 1.2345, 1e-3 / 1.0567) / sqrt(12)
    assert uncertainty(figure) == pytest.approx(2 * figure.value * hypot(share, rounding), rel=5e-3)


class Counting(Rows):
    """Rows of which it is counted how many were read."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.read += np.size(found) if not isinstance(found, Rows) else 0
        return found


def test_of_a_long_recording_a_second_figure_of_a_step_reads_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million rows are not gone through again for each error source of each figure."""
    whole = a_cycle().measured()
    table = np.asarray(whole.rows)
    monkeypatch.setattr("reports.recording.LONG", 100)
    rows = Counting(Columns(list(table.T)))
    long = Recording(whole.manifest, whole.events, whole.columns, rows)
    for figure in (kpi.energy(long, "discharge"), kpi.mean_power(long, "discharge")):
        before = rows.read
        spread = uncertainty(figure)
        read = rows.read - before
    assert spread == pytest.approx(uncertainty(kpi.mean_power(whole, "discharge")))
    assert read < long.step("discharge").sample_count / 10


def test_the_gain_of_one_meter_for_both_ways_cancels_and_its_offset_does_not() -> None:
    """An offset makes the charge larger and the discharge, which is negative, smaller."""
    found = standards(kpi.coulombic_efficiency(a_cycle(BOTH_WAYS).measured(), "discharge", "charge"))
    value = 100 * 1.2345 * 3600 / (1.0567 * 4200)
    assert found.get("supply current, gain", 0.0) < 1e-6
    assert found["supply current, offset"] == pytest.approx(value * 0.004 / ROOT3 * (1 / 1.2345 + 1 / 1.0567), rel=5e-3)


def test_an_energy_is_known_as_well_as_voltage_and_current() -> None:
    found = standards(kpi.energy(a_cycle().measured(), "charge"))
    hours, amperes, volts = 4200 / 3600, 1.0567, 82.0
    assert found["supply voltage, offset"] == pytest.approx(0.02 / ROOT3 * amperes * hours, rel=1e-3)
    assert found["supply current, gain"] == pytest.approx(0.001 / ROOT3 * amperes * volts * hours, rel=1e-3)


def test_a_resistance_is_a_difference_whose_offset_cancels_and_whose_roundings_do_not() -> None:
    truth = Truth()
    truth.step("rest", "Rest", 5, **{"Supply Current / A": 0.0, "Load Current / A": 0.0, "Supply Voltage / V": 80.004})
    truth.step(
        "pulse", "Pulse", 18, **{"Supply Current / A": 0.0, "Load Current / A": -2.0, "Supply Voltage / V": 78.512}
    )
    found = standards(kpi.dc_resistance(truth.measured(), "pulse"))
    assert found.get("supply voltage, offset", 0.0) < 1e-9
    assert found["supply voltage, display"] == pytest.approx(sqrt(2) * 0.01 / sqrt(12) / 2.0, rel=0.25)
    assert found["load current, gain"] == pytest.approx(0.746 * 0.0004 / ROOT3, rel=0.01)


def test_a_spread_is_that_of_channels_with_errors_of_their_own() -> None:
    """Two cells far from the others: the difference of two offsets, whatever the pack's voltmeter is like."""
    truth = Truth()
    truth.step("rest", "Rest", 20, **{"Supply Voltage / V": 20.0, **cells(3.40, 3.3, 3.3, 3.3, 3.3, 3.2)})
    found = uncertainty(kpi.cell_spread(truth.measured(), "rest"))
    assert found == pytest.approx(2 * sqrt(2) * hypot(0.6e-3 / ROOT3, 1e-4 / sqrt(12)), rel=0.15)


def test_cells_with_a_certificate_are_known_as_well_as_it_says() -> None:
    """An expanded uncertainty of 0.6 mV, k = 2: 0.3 mV of each of the two."""
    certified = instrument("emulator", "emulator", cell={"offset": 0.6e-3, "divisor": 2.0})
    truth = Truth((*BENCH[:2], certified, *BENCH[3:]))
    truth.step("rest", "Rest", 20, **{"Supply Voltage / V": 20.0, **cells(3.40, 3.3, 3.3, 3.3, 3.3, 3.2)})
    assert uncertainty(kpi.cell_spread(truth.measured(), "rest")) == pytest.approx(2 * sqrt(2) * 0.3e-3, rel=0.15)


def test_of_cells_that_are_alike_a_spread_is_shown_that_is_none() -> None:
    """The highest of several wrong channels is too high: how far, a Monte-Carlo says."""
    truth = Truth()
    truth.step("rest", "Rest", 20, **{"Supply Voltage / V": 20.0, **cells(*[3.3] * CELLS)})
    random, shown = np.random.default_rng(1), []
    for _ in range(200):
        wrong = {name: (0.0, random.uniform(-0.6e-3, 0.6e-3), 1e-4) for name in cells(*[3.3] * CELLS)}
        shown.append(kpi.cell_spread(truth.measured(wrong), "rest"))
    covered = [each.value <= uncertainty(each) for each in shown]
    assert sum(covered) / len(covered) >= 0.95


TAPER = "Current at most C/20 for 10 s"


def a_taper() -> Truth:
    """1 A that falls by 1 mA in 4 s, in the end from 0.1 A."""
    truth = Truth()
    truth.step("rest", "Rest", 5, **{"Supply Current / A": 0.0, "Supply Voltage / V": 86.4})
    falling = lambda time: 1.0 - 0.00025 * time  # noqa: E731
    truth.step("charge", "Charge", 3600, TAPER, **{"Supply Current / A": falling, "Supply Voltage / V": 86.4})
    return truth


def test_a_taper_ends_by_as_much_too_late_as_its_meter_is_off_over_how_fast_the_current_falls() -> None:
    found = budget(kpi.duration(a_taper().measured(), "charge"))
    expected = hypot(0.004 / ROOT3, 0.001 * 0.1 / ROOT3, 0.001 / sqrt(12)) / 0.00025
    assert found.ended_by == TAPER
    assert found.expanded == pytest.approx(2 * hypot(expected, 1 / ROOT3), rel=0.02)  # seen up to a scan late
    assert found.end == pytest.approx(found.expanded)


def test_what_the_end_condition_moves_is_told_apart_from_what_the_meter_moves() -> None:
    """0.1 A times as long as the end is off, of a charge that the same meter counted."""
    found = budget(kpi.capacity(a_taper().measured(), "charge"))
    late = hypot(0.004 / ROOT3, 0.001 * 0.1 / ROOT3, 0.001 / sqrt(12)) / 0.00025
    assert found.end == pytest.approx(2 * 0.1 * hypot(late, 1 / ROOT3) / 3600, rel=0.05)
    assert found.expanded > 5 * found.end


def test_a_time_by_the_display_has_the_errors_of_the_display() -> None:
    truth = Truth()
    rising = lambda time: 0.1 + 0.7 * time / 3600  # noqa: E731
    shown: dict[str, Any] = {"Supply Current / A": 0.0, "Supply Voltage / V": 86.4, "Bms Soc Min / 1": 0.1}
    truth.step("rest", "Rest", 5, **shown)
    shown |= {"Supply Current / A": 1.4, "Bms Soc Min / 1": rising}
    truth.step("charge", "FastRecharge", 3601, "SOC at least 0.8", **shown)
    found = standards(kpi.charge_time(truth.measured({"Bms Soc Min / 1": (0.0, 0.0, 0.001)}), "charge"))
    assert found["bms soc min, gain"] == pytest.approx(0.02 / ROOT3 * 3600, rel=0.1)
    assert found["bms soc min, display"] > 1.0


def test_the_clock_counts_where_time_is_real() -> None:
    virtual, wall = a_taper(), a_taper()
    wall.clock = "wall"
    assert "clock" not in standards(kpi.duration(virtual.measured(), "charge"))
    assert standards(kpi.duration(wall.measured(), "charge"))["clock"] == pytest.approx(3600 * 1e-4 / ROOT3)
    found = standards(kpi.capacity(wall.measured(), "charge"))
    assert found["clock"] == pytest.approx(kpi.capacity(wall.measured(), "charge").value * 1e-4 / ROOT3, rel=0.01)


def test_the_peaks_of_a_current_that_comes_and_goes_decide_when_it_has_been_low_for_long() -> None:
    """A limit that is taken back each other second: the last peak above 0.1 A was 10 s before, they fall by 0.1 mA a s.

    Between two peaks a scan shows a current that changes by 0.1 A in a second, and all would be known to 20 ms.
    """
    truth = Truth()
    truth.step("rest", "Rest", 5, **{"Supply Current / A": 0.0, "Supply Voltage / V": 86.4})
    coming = lambda time: np.where(time % 2 == 1, 0.1 + (3589 - time) * 1e-4, 1e-3)  # noqa: E731
    truth.step("charge", "Charge", 3600, TAPER, **{"Supply Current / A": coming, "Supply Voltage / V": 86.4})
    found = budget(kpi.duration(truth.measured(), "charge"))
    late = hypot(0.004 / ROOT3, 0.001 * 0.1 / ROOT3, 0.001 / sqrt(12)) / 1e-4
    assert found.expanded == pytest.approx(2 * hypot(late, 1 / ROOT3), rel=0.1)


FIGURES = ("capacity", "energy", "mean_power")


@pytest.mark.long
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("step", ["discharge", "charge"])
def test_a_monte_carlo_of_the_meters_finds_as_much(name: str, step: str) -> None:
    """1000 benches that measure the same truth: 95 % of them are off by about as much as is stated, or less."""
    truth, random, figure = a_cycle(), np.random.default_rng(5), getattr(kpi, name)
    stated, true = uncertainty(figure(truth.measured(), step)), figure(truth.measured(), step).value
    limits = {"Supply Current / A": SUPPLY_I, "Load Current / A": LOAD_I, "Supply Voltage / V": VOLTS}
    errors = []
    for _ in range(300):
        wrong = {
            column: (
                random.uniform(-1, 1) * each["reading"],
                random.uniform(-1, 1) * each["offset"],
                each["resolution"],
            )
            for column, each in limits.items()
        }
        errors.append(abs(figure(truth.measured(wrong), step).value - true))
    assert 0.7 <= stated / float(np.quantile(errors, 0.95)) <= 1.5


def test_no_figure_of_a_run_that_was_recorded_before_is_exact() -> None:
    """Recorded without accuracies: the data sheets of the drivers that it names, or what is assumed."""
    run = Recording.load(Path(__file__).parents[1] / "recordings" / "ended-9e90314")
    figures = kpi.compute_all(run)
    assert figures
    assert all(0 < uncertainty(figure) < inf for figure in figures)


def test_a_recording_from_elsewhere_has_what_is_assumed_of_its_columns() -> None:
    truth = a_cycle()
    recording = truth.measured()
    foreign = Recording({"pack": {"capacity": 2.0}}, recording.events, recording.columns, recording.rows)
    figure = kpi.capacity(foreign, "charge")
    assert uncertainty(figure) == pytest.approx(0.002 * figure.value, rel=0.01)


def test_what_was_not_computed_from_a_recording_is_not_known() -> None:
    assert uncertainty(Kpi("it", "x", 2.0, "Ah", "step", "…", "it", "at_least")) == inf


def test_the_largest_contributions_are_kept_and_the_rest_is_one() -> None:
    stored = budget(kpi.energy_round_trip_efficiency(a_cycle().measured(), "discharge", "charge")).as_dict()
    told = [each["standard"] for each in stored["contributions"]]
    assert stored["contributions"][-1]["source"] == "others"
    assert told[:-1] == sorted(told[:-1], reverse=True)
    assert 2 * hypot(*told) == pytest.approx(stored["uncertainty"])


def test_moving_meters_leaves_the_recording_as_it_was() -> None:
    recording = a_taper().measured()
    before = np.array(recording.rows)
    for figure in kpi.compute_all(recording):
        budget(figure)
    assert np.array_equal(recording.rows, before, equal_nan=True)


def test_what_nobody_has_read_of_a_meter_is_assumed() -> None:
    known, guessed = a_cycle(), a_cycle((instrument("supply", "source", voltage=VOLTS, current=SUPPLY_I), *BENCH[1:]))
    guessed.instruments[0]["accuracy"]["current"][0] = {**SUPPLY_I, "assumed": True}
    of = {
        name: {each.source for each in budget(kpi.capacity(truth.measured(), "charge")).contributions if each.assumed}
        for name, truth in (("known", known), ("guessed", guessed))
    }
    assert of == {
        "known": set(),
        "guessed": {"supply current, gain", "supply current, offset", "supply current, display"},
    }
    stored = budget(kpi.capacity(guessed.measured(), "charge")).as_dict()["contributions"]
    assert [each.get("assumed") for each in stored if each["source"].startswith("supply")] == [True] * 3


def test_two_readings_of_a_display_are_rounded_each_by_itself_whichever_they_are() -> None:
    """Of a hundred pairs none is rounded as if both were one: by hand, the root of the squares of two roundings."""
    found = []
    for count in range(100):
        truth = Truth()
        idle = {"Supply Current / A": 0.0, "Load Current / A": 0.0}
        truth.step("rest", "Rest", 5, **idle, **{"Supply Voltage / V": 80.0 + 0.01 * count})
        truth.step("pulse", "Pulse", 18, **{**idle, "Load Current / A": -2.0, "Supply Voltage / V": 78.5})
        found.append(standards(kpi.dc_resistance(truth.measured(), "pulse")).get("supply voltage, display", 0.0))
    by_hand = sqrt(2) * 0.01 / sqrt(12) / 2.0
    assert min(found) > 0.5 * by_hand
    assert float(np.mean(found)) == pytest.approx(by_hand, rel=0.05)


def test_which_sensor_is_really_the_hottest_is_not_known_where_their_errors_are_larger_than_their_differences() -> None:
    """One warms by 1 K and reads too high, the others by 2 K: the highest reading rose by 1 K, the pack by 2."""
    truth = Truth()
    warming = lambda kelvin: lambda time: 25.0 + kelvin * time / 600  # noqa: E731
    sensors = {f"Temperatures Sensor {number} / degC": warming(1.0 if number == 1 else 2.0) for number in range(1, 9)}
    still = dict.fromkeys(sensors, 25.0)
    truth.step("soak", "Soak", 5, **still, **{"Supply Current / A": 0.0, "Supply Voltage / V": 80.0})
    truth.step("charge", "Charge", 600, **sensors, **{"Supply Current / A": 1.0, "Supply Voltage / V": 80.0})
    high = truth.measured({"Temperatures Sensor 1 / degC": (0.0, 1.5, 0.0)})
    figure = kpi.temperature_rise(high, "charge")
    assert figure.value == pytest.approx(1.0, abs=0.01)
    assert figure.value + uncertainty(figure) > 2.0


def test_an_end_that_comes_earlier_cuts_what_only_happened_later() -> None:
    """The spread opens in the last minute only, and the display may have shown 80 % two minutes too late."""
    truth = Truth()
    level = lambda time: 0.2 + 0.6 * time / 3600  # noqa: E731
    opening = lambda time: 3.3 + np.where(time > 3540, (time - 3540) * 1e-3, 0.0)  # noqa: E731
    signals = {"Supply Current / A": 1.0, "Supply Voltage / V": 80.0, "Bms Soc Min / 1": level}
    truth.step("charge", "FastRecharge", 3600, "SOC at least 0.8", **signals, **cells(3.3, 3.3, 3.3, 3.3, 3.3, opening))  # type: ignore[arg-type]
    found = budget(kpi.largest_cell_spread(truth.measured(), "charge"))
    # By hand: offset and gain of the display each move the end by a minute, either way, and with it all of 60 mV. What
    # comes behind the end is as much straight on, and at one of six places of the last half that missed by as much.
    seconds = (3600 / 0.6) * 0.02 / ROOT3, (3600 / 0.6) * 0.8 * 0.02 / ROOT3
    behind = sqrt((1 + (2**2 + 5) / 6) / 2)
    by_hand = 2 * behind * hypot(*(min(each, 60.0) * 1e-3 for each in seconds))
    assert found.expanded == pytest.approx(by_hand, rel=0.05)


def test_what_comes_behind_an_end_is_as_unsure_as_it_was_before_it() -> None:
    """A spread that goes up and down by turns: straight on from its end is wrong at each turn, as it was before.

    The referee is the signal itself, which goes on: 40 ends of it, each seen too early by up to the display's limits.
    """
    turn = lambda time: np.clip((time % 400) / 60, 0, 1)  # noqa: E731 - for a minute of each 400 s
    by_turns = lambda time: 3.3 + 0.02 * np.abs(np.floor(time / 400) % 2 - turn(time))  # noqa: E731
    within, shares = [], []
    for phase in range(40):
        seconds = 3600 + 20 * phase
        level = lambda time, end=seconds: 0.8 + 0.6 * (time - end) / 3600  # noqa: E731
        truth = Truth()
        signals = {"Supply Current / A": 1.0, "Supply Voltage / V": 80.0, "Bms Soc Min / 1": level}
        truth.step("charge", "FastRecharge", seconds, "SOC at least 0.8", **signals, **cells(3.3, by_turns))  # type: ignore[arg-type]
        figure = kpi.cell_spread(truth.measured(), "charge")
        off = np.random.default_rng(phase).uniform(0, 0.02) * 6000
        true = by_turns(float(seconds) + off) - 3.3
        within.append(abs(true - figure.value) <= uncertainty(figure))
        shares.append((true - figure.value) / uncertainty(figure))
    assert np.mean(within) >= 0.9
    assert 0.7 <= 1 / (2 * float(np.sqrt(np.mean(np.square(shares))))) <= 2.0


@pytest.mark.parametrize("steps", [5, 10, 20])
def test_a_current_that_rises_step_by_step_has_begun_in_the_same_sample_for_every_meter(steps: int) -> None:
    """A BMS raises its limit by 0.25 A a second: of ten steps the first one is a tenth, of which a meter makes less.

    A supply that is off shows 0, however far off it is.
    """

    def shown(off: float) -> Kpi:
        truth = Truth()
        truth.step("rest", "Rest", 5, **{"Supply Current / A": 0.0, "Supply Voltage / V": 75.0})
        rising = lambda time: 0.25 * np.minimum(time, steps) + off  # noqa: E731
        polarised = lambda time: 75.0 + 0.02 * time**2  # noqa: E731
        truth.step("charge", "FastRecharge", 60, **{"Supply Current / A": rising, "Supply Voltage / V": polarised})
        return kpi.dc_resistance(truth.measured(), "charge")

    found = [shown(off).value for off in (-1e-3, 0.0, 1e-3)]
    assert np.ptp(found) < 0.005 * found[1]


def stated_over_found(figures: Sequence[tuple[Kpi, float]]) -> tuple[float, float]:
    """How often the truth lies within what is stated of figures, and that over twice what their errors are."""
    shares = np.array([(figure.value - true) / uncertainty(figure) for figure, true in figures])
    return float(np.mean(np.abs(shares) <= 1)), 1 / (2 * float(np.sqrt(np.mean(shares**2))))


@pytest.mark.parametrize("apart", [0.0, 0.15e-3, 0.35e-3, 2e-3, 50e-3])
def test_a_spread_is_as_unsure_as_a_monte_carlo_finds_however_far_cells_are_really_apart(apart: float) -> None:
    """Packs and meters drawn: cells that are alike, apart by less than the meters' errors, by as much, and by more."""
    random, found = np.random.default_rng(11), []
    for _ in range(40):
        truth, volts = Truth(), 3.3 + apart * random.standard_normal(24)
        truth.step("rest", "Rest", 5, **{"Supply Voltage / V": 79.2, **cells(*volts)})
        wrong = {name: (0.0, random.uniform(-0.6e-3, 0.6e-3), 1e-4) for name in cells(*volts)}
        found.append((kpi.cell_spread(truth.measured(wrong), "rest"), float(np.ptp(volts))))
    within, ratio = stated_over_found(found)
    assert within >= 0.95
    assert 0.65 <= ratio <= 1.5  # 0.7, as far as so many packs can tell


@pytest.mark.parametrize("lasting", [0.0, 0.1, 0.3, 1.0, 5.0])
def test_a_temperature_rise_is_as_unsure_as_a_monte_carlo_finds(lasting: float) -> None:
    """Sensors that may be 1 K off, on cells that last some K apart and warm each by 3 K, a tenth more or less."""
    random, found = np.random.default_rng(7), []
    for _ in range(40):
        truth = Truth()
        soaked, rises = 25.0 + lasting * random.standard_normal(8), 3.0 + 0.3 * random.standard_normal(8)
        names = [f"Temperatures Sensor {number} / degC" for number in range(1, 9)]
        warming = {
            name: (lambda time, first=first, rise=rise: first + rise * time / 60)
            for name, first, rise in zip(names, soaked, rises, strict=True)
        }
        truth.step("soak", "Soak", 5, **dict(zip(names, soaked, strict=True)), **{"Supply Current / A": 0.0})
        truth.step("charge", "Charge", 60, **warming, **{"Supply Current / A": 1.0})
        wrong = {name: (0.0, random.uniform(-1.0, 1.0), 1e-3) for name in names}
        figure = kpi.temperature_rise(truth.measured(wrong), "charge")
        found.append((figure, float((soaked + rises).max() - soaked.max())))
    within, ratio = stated_over_found(found)
    assert within >= 0.9
    assert 0.65 <= ratio <= 1.5


def _held(counting: bool, value: float = 6.0) -> Kpi:
    @kpi.of_step("events", symbol="n", unit="1", sense="at_most", columns=(), applies=kpi.on_request, counts=counting)
    def events(run: Recording, step: kpi.Step) -> float:
        """What was noted."""
        return value

    truth = Truth()
    truth.step("rest", "Rest", 1000, **{"Supply Voltage / V": 80.0})
    return events(truth.measured(), "rest")


def test_a_count_is_exact_and_what_is_none_is_known_to_one_sample() -> None:
    """A limit that is just kept is kept: six of six allowed events are no doubt of anybody's meters."""
    counted, share = _held(True), _held(False)
    assert (uncertainty(counted), uncertainty(share) > 0) == (0.0, True)
    judged = Measurement("events", counted.value, "1", at_most=6, uncertainty=uncertainty(counted))
    assert (judged.verdict, str(judged)) == (Verdict.PASS, "events: 6 (allowed: at most 6)")


def test_a_count_that_is_no_whole_number_is_a_mistake_in_its_function() -> None:
    with pytest.raises(TestError, match=r"KPI 'events' .*it counts, and returned 2.5, which is no whole number"):
        _held(True, 2.5)


def test_a_count_that_a_meter_moves_is_as_sure_as_that_meter() -> None:
    @kpi.of_step(
        "high samples", symbol="n", unit="1", sense="at_most", columns=("Voltage / V",), applies=kpi.on_request,
        counts=True,
    )  # fmt: skip
    def high(run: Recording, step: kpi.Step) -> int:
        """Samples above 80 V."""
        return int((run.values("Voltage / V", step) > 80.0).sum())

    truth = Truth()
    truth.step("rest", "Rest", 100, **{"Supply Voltage / V": lambda at: 79.95 + at / 1000})
    assert uncertainty(high(truth.measured(), "rest")) > 1


COUNTS = [each for each in found().kpis if each.unit == "1" and each.symbol.startswith("n_")]


@pytest.mark.parametrize("counting", COUNTS, ids=str)
def test_what_is_written_as_a_number_of_events_counts(counting: Registered) -> None:
    assert counting.counts
