"""What a station cannot show it says so of, with what would do, instead of giving a figure."""

from collections.abc import Callable, Mapping
from math import isnan, nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Pulse
from bench.station import SHIPPED, load_station
from bench.testing import TestBench
from bench.verdicts import InputError, Measurement, Verdict
from reports import kpi
from reports.decidable import Bench, doubts
from reports.kpi.needs import Means
from reports.kpi.registry import found
from reports.recording import Recording
from reports.uncertainty import budget

SUPPLY = {"name": "supply", "roles": ["source", "sink"]}


def a_pulse(period: float, **instrument: Any) -> Recording:
    """2 A out of 80 V and 0.3 ohm, sampled each `period` s, behind a minute of rest; `instrument` is its emulator's."""
    time = np.arange(-60.0, 120.0 + period / 2, period)
    current = np.where(time > 0, -2.0, 0.0)
    table = {
        "Test Time / s": time, "Step Count / 1": np.where(time > 0, 2.0, 1.0), "Current / A": current,
        "Voltage / V": 80.0 + 0.3 * current,
    }  # fmt: skip
    events = [
        {"type": "step started", "time": -60.0, "index": 1, "name": "rest", "kind": "Rest"},
        {"type": "step ended", "time": 0.0, "index": 1, "ended_by": "time"},
        {"type": "step started", "time": 0.0, "index": 2, "name": "pulse", "kind": "Pulse"},
        {"type": "step ended", "time": 120.0, "index": 2, "ended_by": "time"},
    ]
    manifest = {
        "pack": {"capacity": 2.0},
        "instruments": [SUPPLY, {"name": "emulator", "roles": ["emulator"], **instrument}],
    }
    return Recording(manifest, events, list(table), np.column_stack(list(table.values())))


@pytest.mark.parametrize(("period", "at", "shown"), [(1.0, 2.0, True), (1.1, 2.0, False), (5.0, 10.0, True)])
def test_a_resistance_wants_two_samples_by_its_time(period: float, at: float, shown: bool) -> None:
    figure = kpi.dc_resistance(a_pulse(period), "pulse", at=at)
    assert isnan(figure.value) is not shown
    assert (figure.unmeasurable == "") is shown


@pytest.mark.parametrize(
    ("drift", "apart", "shown"),
    [
        (0.0, 60.0, True),  # it stands: whenever it was looked at, it was that
        (0.13, 60.0, True), (-0.13, 60.0, True),  # within 2 % of its change when it was looked at last
        (0.15, 60.0, False), (-0.15, 60.0, False),
        (0.13, 6.0, True), (-0.5, 6.0, True),  # near enough to be drawn between
        (-0.5, 6.1, False),
    ],
)  # fmt: skip
def test_who_looked_rarely_later_shows_a_voltage_that_stood(drift: float, apart: float, shown: bool) -> None:
    """2 A out of 80 V and 0.3 ohm, of each second up to the fifth, or up to `at`, and of one behind it."""
    last = 5.0 if apart > 10.0 else 8.0
    time = np.array([*np.arange(-5.0, last + 0.5), last + apart])
    current = np.where(time > 0, -2.0, 0.0)
    volts = 80.0 + 0.3 * current
    volts[-1] += drift
    pulse = a_pulse(1.0)
    rows = np.column_stack([time, np.where(time > 0, 2.0, 1.0), current, volts])
    figure = kpi.dc_resistance(Recording(pulse.manifest, pulse.events, pulse.columns, rows), "pulse", at=10.0)
    assert isnan(figure.value) is not shown
    if shown:
        assert figure.value == pytest.approx(0.3 - drift * (10.0 - last) / apart / 2)


@pytest.mark.parametrize(
    ("capacity", "amps", "shown"),
    [
        (2.0, 0.02, False),
        (2.0, nextafter(0.02, 1.0), True),
        (None, 2e-6, True),
        (None, 1e-6, False),
        (0.0, 0.001, True),
    ],
)
def test_a_current_that_has_begun_changes_by_more_than_a_hundredth_of_the_capacity(
    capacity: float | None, amps: float, shown: bool
) -> None:
    """Less is a display that counts; where nobody has said how much the pack holds, by more than a microampere."""
    pulse = a_pulse(1.0)
    rows = pulse.rows.copy()
    flows = rows[:, 0] > 0
    rows[flows, 2], rows[flows, 3] = -amps, 80.0 - 0.3 * amps
    pack = {} if capacity is None else {"capacity": capacity}
    figure = kpi.dc_resistance(Recording(pulse.manifest | {"pack": pack}, pulse.events, pulse.columns, rows), "pulse")
    assert figure.value == pytest.approx(0.3 if shown else float("nan"), rel=1e-6, nan_ok=True)


def test_it_says_why_and_which_station_would_do() -> None:
    figure = kpi.dc_resistance(a_pulse(5.0), "pulse", at=2.0)
    assert figure.unmeasurable == (
        "there is a sample each 5 s, and 2 s after a current begins wants one each 1 s; a station with a scan_period "
        "of at most 1 s would do"
    )


def test_an_instrument_that_is_asked_more_rarely_counts() -> None:
    run = a_pulse(1.0)
    ages = np.arange(len(run.rows)) % 5.0
    told = {}
    for name in ("Supply", "Emulator"):
        columns, rows = [*run.columns, f"{name} Sample Age / s"], np.column_stack([np.asarray(run.rows), ages])
        told[name] = kpi.dc_resistance(Recording(run.manifest, run.events, columns, rows), "pulse", at=2.0).unmeasurable
    assert "a sample each 5 s" in told["Supply"]
    assert told["Emulator"] == "", "it measures no current and no voltage of the pack"


def test_an_emulator_that_is_told_too_slowly_has_no_dynamics() -> None:
    """Four rows, two messages each, 0.3 s apart: 2.4 s, of the 2 s in which a cell's resistance has grown."""
    slow = a_pulse(1.0, follows=2.4)
    told = kpi.dc_resistance(slow, "pulse", at=2.0).unmeasurable
    assert told.startswith("emulator takes 2.4 s until its cells oppose what cells would by then")
    assert "a station with a real pack would do" in told
    assert kpi.dc_resistance(slow, "pulse", at=10.0).value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("instruments", "sources"),
    [({"follows": 0.4}, {"emulator tables"}), ({"follows": 0.0}, {"emulator tables"}), ({}, set())],
)
def test_an_emulator_that_follows_its_cells_is_off_by_its_tables(
    instruments: Mapping[str, float], sources: set[str]
) -> None:
    """By 4 % either way of 0.3 ohm."""
    found = kpi.dc_resistance(a_pulse(1.0, **instruments), "pulse", at=2.0)
    tables = {each.source: each.standard for each in budget(found).contributions if "tables" in each.source}
    assert tables == {name: pytest.approx(0.04 * 0.3 / 2) for name in sources}


@pytest.mark.parametrize(
    ("own", "meters", "period"),
    [
        ({}, ["source"], 0.1),  # it is asked as often as the bench is scanned
        ({"scan_period": None}, ["source"], 0.1),
        ({"scan_period": 5.0}, ["source"], 5.0),
        ({"scan_period": 5.0}, ["supply"], 5.0),  # by its name as well
        ({"scan_period": 5.0}, ["scanner"], 0.1),
        ({"scan_period": 0.05}, ["sink"], 0.1),
    ],
)
def test_a_bench_shows_as_much_as_the_slowest_of_its_meters(
    own: Mapping[str, Any], meters: list[str], period: float
) -> None:
    others = {"name": "chamber", "roles": ["chamber"], "scan_period": 30.0}, {"name": "logger", "scan_period": 60.0}
    assert Means.planned(0.1, [{**SUPPLY, **own}, *others], meters).period == period


def test_evaluation_leaves_it_open_and_never_gives_a_figure() -> None:
    answers = kpi.evaluate(a_pulse(30.0))
    assert not [each for each in answers.figures if each.key.startswith("dc resistance")]
    assert [each.unmeasurable for each in answers.unanswered if each.key == "dc resistance 10 s"] != [""]


def test_its_verdict_is_neither_pass_nor_fail() -> None:
    measured = Measurement(
        "dc resistance 2 s", float("nan"), "Ω", at_most=0.5, unmeasurable="there is a sample each 5 s"
    )
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert str(measured) == (
        "dc resistance 2 s: not measurable here: there is a sample each 5 s (allowed: at most 0.5 Ω)"
    )
    assert measured.as_dict()["unmeasurable"] == "there is a sample each 5 s"
    assert "unmeasurable" not in Measurement("m", 1.0, "Ω").as_dict()


Opened = Callable[..., TestBench]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A bench like virtual-module, keys of whose instruments are changed."""

    def open_one(instruments: Mapping[str, Mapping[str, Any]], requirements: Mapping[str, Any]) -> TestBench:
        text = yaml.safe_load((SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8"))
        for name, changed in instruments.items():
            text["instruments"][name] |= changed
        station = tmp_path / "bench.yaml"
        station.write_text(yaml.safe_dump(text), encoding="utf-8")
        pack, file = load_pack("lfp-24s")
        asked = pack.model_copy(
            update={
                "requirements": pack.requirements | {key: {"": {25.0: value}} for key, value in requirements.items()}
            }
        )
        bench = TestBench(
            Setup(*load_station(str(station)), asked, file), tmp_path / "runs", TestIdentity("x", "x", "x")
        )
        bench.adviser = lambda planned, state: doubts(planned, Bench(bench.run_log.manifest, bench.pack, *state))
        bench.open()
        return bench

    return open_one


@pytest.mark.parametrize(
    ("instruments", "words"),
    [
        ({"supply": {"scan_period": 5.0}}, "there is a sample each 5 s"),
        ({"emulator": {"gap": 0.13}}, "emulator takes 1 s until"),
        ({"chamber": {"scan_period": 5.0}, "temperatures": {"scan_period": 5.0}}, ""),
        ({}, ""),
    ],
    ids=["a meter", "emulator", "what does not measure it", "as shipped"],
)
def test_pre_flight_tells_it_before_the_hours_are_spent(
    opened: Opened, instruments: Mapping[str, Mapping[str, Any]], words: str
) -> None:
    bench = opened(instruments, {"dc resistance 2 s": 0.5})
    told: list[str] = []
    adviser = bench.adviser
    bench.engine.adviser = lambda planned, state: told.extend(adviser(planned, state)) or ["enough"]
    bench.engine.bench.station = bench.station.model_copy(update={"undecidable": "refuse"})
    with pytest.raises(InputError, match="enough"):
        bench.run(Pulse("1C", duration=18))
    bench.conclude()
    beginning = "dc resistance 2 s of step 'pulse' is not measurable here: "
    assert [beginning in each and words in each for each in told] == ([True] if words else [])


def test_a_run_says_the_same_of_its_meter(opened: Opened) -> None:
    bench = opened({"supply": {"scan_period": 5.0}}, {})
    try:
        recorded = Recording(*bench.run(Pulse("1C", duration=18)))
    finally:
        bench.conclude()
    assert "there is a sample each 5 s" in kpi.dc_resistance(recorded, "pulse", at=2.0).unmeasurable


def test_a_key_says_what_it_was_asked_with() -> None:
    resistance, charge_time = found().named("dc resistance 2.5 s"), found().named("charge time 10 to 80 %")
    assert resistance is not None
    assert charge_time is not None
    assert resistance.asked_by("dc resistance 2.5 s") == {"at": 2.5}
    assert charge_time.asked_by("charge time 10 to 80 %") == {"start": 0.1, "stop": 0.8}
    assert resistance.asked_by("capacity") == {}
    assert resistance.missing(Means(), {"at": 2.0}) == "", "what nobody knows of a bench is no reason"
