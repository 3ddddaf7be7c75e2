"""A kind of step is found by its procedure, ours or somebody else's; without one nothing is switched on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from math import nan
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bench.columns import DERIVED, INDEX
from bench.grid.steps import FollowPower
from bench.recording.run import RunRecord
from bench.running.flow import Flow
from bench.running.procedures import (
    Control,
    Direction,
    Envelope,
    Extremes,
    Procedure,
    Stage,
    procedure_for,
    registry,
    whose_procedure,
)
from bench.scenario import (
    Charge,
    ConstantPower,
    Discharge,
    Profile,
    Rest,
    Soak,
    Step,
    Until,
    elapsed,
)
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError, PackFailure, TestError
from instruments.roles import AMPERES, BMS_CHANNELS, CHAMBER_AIR, TERMINALS, VOLTS, WATTS, Channel, Ratings
from tests.bench import fakes
from tests.bench.conftest import STATION, Install, OpenTestBench
from tests.bench.fakes import Plant

SOON = elapsed(seconds=20)


@dataclass(frozen=True)
class Trickle(Step):
    """A step of somebody else's: charges at `current` A."""

    step_type: ClassVar[str] = "TRICKLE"
    current: float = 0.5
    name: str = field(default="trickle", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        return (SOON,)


class TrickleProcedure(Procedure[Trickle]):
    kind = Trickle
    direction: Direction = "charge"

    def envelope(self) -> Envelope:
        return {("source", "current"): Extremes(0, 1), ("source", "voltage"): Extremes(0, self.place.pack.voltage_max)}

    def begin(self, stage: Stage) -> Control:
        return lambda _row, _time: stage.flow.charge(self.step.current, self.place.pack.voltage_max)


@dataclass(frozen=True)
class Unknown(Step):
    """A step that nobody knows how to carry out."""

    name: str = field(default="unknown", kw_only=True)


Bring = Callable[..., None]


@pytest.fixture
def bring(install: Install, monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Install packages that bring steps: (name of the kind, where its procedure is)."""

    def brought(*entries: tuple[str, str]) -> None:
        for name, value in entries:
            install(registry.GROUP, name, f"{__name__}:{value}")
        monkeypatch.setattr(registry, "_found", {})

    return brought


def column(run: RunRecord, name: str) -> np.ndarray[Any, Any]:
    return run.rows[:, run.columns.index(name)]


class Watchful(TrickleProcedure):
    """Notes how its step ended; to clear up fails."""

    ends: ClassVar[list[str]] = []

    def ended(self, stage: Stage) -> None:
        self.ends.append("ended")

    def abandoned(self, stage: Stage) -> None:
        self.ends.append(f"abandoned, source {'off' if stage.place.roles.source.source_is_off() else 'on'}")
        raise BenchFault("it cannot be cleared up", "no-answer")


# --- who carries it out -----------------------------------------------------------------------------------------------


def test_a_kind_that_nobody_brings_is_refused_and_nothing_is_switched_on(little_bench: TestBench, plant: Plant) -> None:
    plant.calls.clear()
    with pytest.raises(InputError, match=r"Step 'unknown': Steps of kind Unknown \(.*\) have no procedure"):
        little_bench.run(Charge(1.0, SOON), Unknown())
    assert plant.calls == []


def test_a_kind_that_nobody_brings_is_told_with_what_there_is_and_how_one_is_brought(
    little_bench: TestBench, bring: Bring
) -> None:
    bring(("Trickle", "TrickleProcedure"))

    @dataclass(frozen=True)
    class Trickel(Step):
        name: str = field(default="trickel", kw_only=True)

    with pytest.raises(InputError) as refused:
        procedure_for(Trickel(), little_bench.engine.bench)
    assert str(refused.value).startswith(
        f"Steps of kind Trickel ({__name__}) have no procedure: nobody knows how to carry them out; install the "
        "package that brings one (entry point 'Trickel' of the group 'packbench.steps'); did you mean 'Trickle'? "
        "(allowed: AskOperator, Charge, ConstantPower, "
    )


def test_a_procedure_is_called_by_its_class_and_that_of_a_package_by_where_it_is(bring: Bring) -> None:
    bring(("Trickle", "TrickleProcedure"), ("Charge", "TrickleProcedure"))
    assert whose_procedure(Charge) == "its procedure (ChargeProcedure)"
    assert whose_procedure(Trickle) == f"its procedure ({__name__}:TrickleProcedure, of an unknown package)"


def test_somebody_elses_kind_is_carried_out_recorded_and_judged(little_bench: TestBench, bring: Bring) -> None:
    bring(("Trickle", "TrickleProcedure"))
    run = little_bench.run(Trickle(0.25))
    started = next(event for event in run.events if event["type"] == "step started")
    assert (started["kind"], started["direction"], started["step_type"]) == ("Trickle", "charge", "TRICKLE")
    assert column(run, "Set Current / A")[-1] == 0.25
    assert column(run, "Current / A")[-1] == pytest.approx(0.25)


def test_a_step_that_something_else_ends_is_cleared_up_by_its_procedure_behind_the_outputs(
    little_bench: TestBench, plant: Plant, bring: Bring
) -> None:
    bring(("Trickle", "Watchful"))
    Watchful.ends.clear()
    little_bench.run(Trickle(0.25))
    assert Watchful.ends == ["ended"]
    plant.on_scan.append(lambda: setattr(plant, "insulation", 0.0))
    with pytest.raises(PackFailure, match="insulation"):
        little_bench.run(Trickle(0.25))
    assert Watchful.ends == ["ended", "abandoned, source off"]


class Prepared(TrickleProcedure):
    """Notes what has been done before it prepares, and before it begins."""

    preparation = 40.0
    notes: ClassVar[list[str]] = []

    def prepare(self, stage: Stage) -> None:
        self.notes.append("prepare")

    def begin(self, stage: Stage) -> Control:
        self.notes.append("begin")
        return super().begin(stage)


def test_what_takes_long_is_done_before_a_contactor_closes_and_whoever_watches_knows(
    little_bench: TestBench, plant: Plant, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(("Trickle", "Prepared"))
    Prepared.notes.clear()
    monkeypatch.setattr(little_bench.engine, "alive", lambda silence: Prepared.notes.append(f"silent {silence:g} s"))
    called = plant.called
    monkeypatch.setattr(plant, "called", lambda what: (Prepared.notes.append(what), called(what)))
    little_bench.run(Trickle(0.25))
    begun = Prepared.notes.index("begin")
    assert Prepared.notes[: begun - 1] == ["silent 40 s", "prepare", "request CHARGE"]


def test_set_points_of_an_instrument_that_is_slow_to_answer_are_waited_for_and_whoever_watches_knows(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer comes in time, and all of them together last longer than a heartbeat."""
    told = list[str]()
    monkeypatch.setattr(fakes.FakeSupply, "slowest_answer", 1.5, raising=False)
    monkeypatch.setattr(little_bench.engine, "alive", lambda silence: told.append(f"silent {silence:g} s"))
    called = plant.called
    monkeypatch.setattr(plant, "called", lambda what: (told.append(what), called(what)))
    little_bench.run(Charge(2.0, until=elapsed(seconds=3)))
    before = [told[index - 1] for index, what in enumerate(told) if what == "charge"]
    assert set(before) == {"silent 18 s"}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([("Trickle", "nowhere")], "cannot be imported: AttributeError"),
        ([("Trickle", "SOON")], "is no Procedure: derive it from"),
        ([("Trickle", "Procedure")], "says that it carries out nothing: its `kind` must be the class of the step."),
        ([("Trickle", "WarmProcedure")], "says that it carries out Warm: its `kind` must be the class of the step."),
        ([("Trickle", "TrickleProcedure"), ("Trickle", "Procedure")], "is brought by several packages"),
    ],
)
def test_an_extension_that_is_wrong_is_told_in_one_sentence(
    little_bench: TestBench, plant: Plant, bring: Bring, entries: list[tuple[str, str]], says: str
) -> None:
    bring(*entries)
    plant.calls.clear()
    with pytest.raises(InputError) as refused:
        little_bench.run(Trickle())
    assert says in str(refused.value)
    assert plant.calls == []


def test_an_envelope_beyond_what_is_allowed_is_refused_whoever_wrote_the_step(
    little_bench: TestBench, plant: Plant, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand amperes, of a kind that pre-flight has never heard of."""
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, "envelope", lambda _self: {("source", "current"): Extremes(0, 1e4)})
    plant.calls.clear()
    with pytest.raises(InputError, match=r"10000 A, the pack's charge_current allows more than 0 and at most 4 A"):
        little_bench.run(Trickle(1e4))
    assert plant.calls == []


def test_a_quantity_that_nothing_bounds_is_refused(
    little_bench: TestBench, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, "envelope", lambda _self: {("source", "charm"): Extremes(0, 1)})
    with pytest.raises(InputError, match="asks the source for a charm, and nothing says how much of it is allowed"):
        little_bench.run(Trickle())


def test_a_role_that_nobody_plays_is_told_in_plain_words(
    little_bench: TestBench, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, "envelope", lambda _self: {("emulator", "voltage"): Extremes(0, 1)})
    with pytest.raises(InputError, match="it needs an emulator, and nobody plays that on station little"):
        little_bench.run(Trickle())


def test_an_envelope_that_lies_is_found_out_before_anything_is_sent(
    little_bench: TestBench, plant: Plant, bring: Bring
) -> None:
    bring(("Trickle", "TrickleProcedure"))
    with pytest.raises(TestError, match="asks its source for a current of 2 and has declared 0 to 1") as caught:
        little_bench.run(Trickle(2.0))
    assert "charge" not in plant.calls
    concluded = little_bench.conclude(caught.value)
    assert concluded.verdict == "TEST ERROR"
    assert concluded.bench is not None
    assert concluded.bench.safe


def test_its_own_problems_are_told_beside_the_others(
    little_bench: TestBench, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def problems(self: TrickleProcedure) -> Iterable[str]:
        yield f"{self.step.current:g} A is my unlucky number."

    bring(("Trickle", "TrickleProcedure"))
    monkeypatch.setattr(TrickleProcedure, "problems", problems)
    with pytest.raises(InputError, match=r"Step 'too hot'.*Step 'trickle': 0.13 A is my unlucky number"):
        little_bench.run(Soak(90, name="too hot"), Trickle(0.13))


# --- constant power ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [10.0, -10.0])
def test_constant_power_is_constant_whatever_the_voltage_does(little_bench: TestBench, power: float) -> None:
    run = little_bench.run(ConstantPower(power, until=elapsed(minutes=20)))
    voltage, flowing = column(run, "Voltage / V"), column(run, "Power / W")[5:]
    assert np.ptp(voltage[5:]) > 0.05
    assert flowing == pytest.approx(power, rel=2e-3)
    assert set(column(run, "Command Power / W")[5:]) == {power}


def test_a_bms_that_allows_less_cuts_the_power_and_the_command_stays(little_bench: TestBench, plant: Plant) -> None:
    plant.charge_limit = 0.4
    run = little_bench.run(ConstantPower(10.0, until=elapsed(minutes=1)))
    assert column(run, "Current / A")[-1] == pytest.approx(0.4)
    assert column(run, "Command Power / W")[-1] == 10.0


@pytest.fixture
def bench_with_a_charger(new_bench: OpenTestBench) -> Iterator[TestBench]:
    """Its source and sink are a charger without losses."""
    bench = new_bench(station=STATION + "charger: {standby: 0, proportional: 0, quadratic: 0, dead_time: 0}\n")
    bench.open()
    yield bench
    bench.conclude()


@pytest.mark.parametrize(
    "step",
    [
        lambda power: ConstantPower(power, until=SOON), lambda power: Profile([(0, power), (60, 0)], quantity="power"),
        lambda power: FollowPower([(0, power), (60, 0)]),
    ],
    ids=["constant power", "profile", "follow power"],
)  # fmt: skip
@pytest.mark.parametrize("power", [10.0, -10.0])
@pytest.mark.parametrize(
    ("voltage", "taken"),
    [(13.0, 13.0), (12.2, 12.2), (12.0, 12.2), (0.1, 12.2), (0.0, 13.8), (-0.1, 13.8), (nan, 13.8)],
)
def test_a_voltage_that_is_low_counts_as_the_packs_lowest_and_one_that_is_missing_as_its_highest(
    bench_with_a_charger: TestBench, plant: Plant, step: Callable[[float], Step], power: float, voltage: float,
    taken: float,
) -> None:  # fmt: skip
    """Nobody knows the voltage: the least current that makes this power at any voltage of the pack."""
    engine, row = bench_with_a_charger.engine, [0.0] * len(DERIVED)
    known = {"Voltage / V": voltage, "Charge Current Limit / A": 9.0, "Discharge Current Limit / A": 9.0}
    for name, value in {**known, "Cell Voltage Max / V": 3.2, "Cell Voltage Min / V": 3.2}.items():
        row[INDEX[name]] = value
    procedure = procedure_for(step(power), engine.bench)
    flow = Flow(engine.bench.roles, procedure.envelope(), engine.sampler.ask, "a power")
    control = procedure.begin(Stage(engine.bench, flow, engine.sampler, engine.log))
    for time in (0.0, 1.0):  # a charger's power rises
        control(row, time)
    assert (plant.source_on, plant.sink_on) == (power > 0, power < 0)
    assert plant.set_current == pytest.approx(abs(power) / taken)


@pytest.mark.parametrize(
    ("cells", "share"),
    [
        ((3.08,), 1.0), ((3.065,), 0.5), ((3.05,), 0.0), ((3.0,), 0.0), ((3.3,), 1.0), ((nan,), 1.0),
        ((3.065, nan), 0.5), ((3.05, nan), 0.0), ((3.065, nan, 3.08), 1.0),
    ],
)  # fmt: skip
def test_what_the_ac_side_takes_fades_with_the_lowest_cell_as_it_was_known_last(
    bench_with_a_charger: TestBench, plant: Plant, cells: tuple[float, ...], share: float
) -> None:
    """30 mV above its lowest voltage nothing of the current is left out, at it there is none."""
    engine, row = bench_with_a_charger.engine, [0.0] * len(DERIVED)
    row[INDEX["Voltage / V"]], row[INDEX["Discharge Current Limit / A"]] = 13.0, 9.0
    procedure = procedure_for(FollowPower([(0, -13.0), (60, 0)]), engine.bench)
    flow = Flow(engine.bench.roles, procedure.envelope(), engine.sampler.ask, "a power")
    control = procedure.begin(Stage(engine.bench, flow, engine.sampler, engine.log))
    for time, row[INDEX["Cell Voltage Min / V"]] in enumerate((3.3, *cells)):
        control(row, time)
    assert plant.set_current == pytest.approx(share, abs=1e-9)


def test_a_voltage_that_is_missing_for_a_scan_ends_no_step(little_bench: TestBench, plant: Plant) -> None:
    scans = count()
    plant.on_scan.append(lambda: setattr(plant, "bus", nan if plant.source_on and next(scans) == 20 else None))
    run = little_bench.run(Profile([(0, 10.0), (60, 0)], quantity="power"))
    volts, asked = column(run, "Voltage / V"), column(run, "Set Current / A")
    (missing,) = np.flatnonzero(np.isnan(volts) & (asked > 0))
    assert asked[missing + 1] == pytest.approx(10 / 13.8)


@pytest.mark.parametrize(("power", "says"), [(0, "a power of 0 W moves nothing"), (500, "W is more than the source's")])
def test_a_power_that_cannot_be_is_refused(little_bench: TestBench, power: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        little_bench.run(ConstantPower(power, until=SOON))


# --- a soak -----------------------------------------------------------------------------------------------------------


def set_points(bench: TestBench, step: Soak) -> list[tuple[str, str, float, str]]:
    """What is recorded of a soak that has no time to settle."""
    with pytest.raises(BenchFault, match="did not settle"):
        bench.run(step)
    told = [event for event in bench.run_log.events if event["type"] == "set point"]
    return [(event["instrument"], event["quantity"], event["value"], event["unit"]) for event in told]


def test_a_soak_tells_what_it_asks_of_the_chamber(little_bench: TestBench, plant: Plant) -> None:
    plant.air_stuck = True
    assert set_points(little_bench, Soak(40.0, timeout=20.0)) == [("chamber", "temperature", 40.0, "°C")]


@pytest.mark.parametrize(("can", "asked"), [((0.0, 40.0), 40.0), ((0.0, 50.0), 50.0), ((52.0, 80.0), 52.0)])
def test_a_coolant_unit_goes_as_far_with_a_soak_as_it_can(
    on: OpenTestBench, monkeypatch: pytest.MonkeyPatch, can: tuple[float, float], asked: float
) -> None:
    bench = on("virtual-vehicle")
    monkeypatch.setattr(bench.engine.bench.drivers["coolant"], "temperature_range", can)
    assert set_points(bench, Soak(50.0, timeout=20.0)) == [
        ("chamber", "temperature", 50.0, "°C"), ("coolant", "temperature", asked, "°C"),
    ]  # fmt: skip


# --- a profile --------------------------------------------------------------------------------------------------------


def test_a_profile_is_followed_on_the_time_of_the_step_in_both_directions(little_bench: TestBench) -> None:
    """A sign change at every point: no scan is missed and none is late."""
    points = [(float(time), 1.0 + time % 3 if time % 2 else -1.0) for time in range(60)]
    run = little_bench.run(Profile([*points, (60.0, 0.0)]))
    began = next(event["time"] for event in run.events if event["type"] == "step started")
    rows = [row for row in run.rows if not np.isnan(row[run.columns.index("Command Power / W")])]
    time, asked = run.columns.index("Test Time / s"), run.columns.index("Set Current / A")
    start = rows[0][time] - 1.0
    assert [row[asked] for row in rows] == [points[round(row[time] - start) - 1][1] for row in rows]
    assert len(rows) == 60
    assert rows[-1][time] - began == pytest.approx(60, abs=3)


def test_a_profile_in_a_file_is_scaled_and_ends_with_its_last_point(little_bench: TestBench, tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("time_s,power_W\n0,100\n10,-200\n20,0\n", encoding="utf-8")
    run = little_bench.run(Profile(path, quantity="power", scale=0.1))
    command = column(run, "Command Power / W")
    assert set(command[~np.isnan(command)]) == {10.0, -20.0}
    ended = next(event for event in run.events if event["type"] == "step ended")
    assert ended["ended_by"] == "Step Time at least 20 s"


def test_between_two_points_is_a_line_where_that_is_asked_for(little_bench: TestBench) -> None:
    run = little_bench.run(Profile([(0, 0), (10, 2)], interpolation="linear"))
    asked = column(run, "Set Current / A")
    asked = asked[~np.isnan(asked)]
    assert np.diff(asked) == pytest.approx(0.2, abs=1e-6)


def test_points_that_come_faster_than_scans_are_scanned(little_bench: TestBench) -> None:
    run = little_bench.run(Profile([(number / 5, 1.0 + number % 2) for number in range(26)]))
    asked = column(run, "Set Current / A")
    assert np.diff(asked[~np.isnan(asked)]).tolist() == pytest.approx([1.0, -1.0] * 12, abs=1e-9)


UNEVEN = [(0.0, 1.0), (1.0, -1.0), (1.7, 1.0), (2.7, -1.0), (3.4, 1.0), (4.4, 0.0)]
EVERY_OTHER = [(0.0, 1.0), (1.5, 2.0), (3.0, 1.0), (4.5, 0.0)]
COARSE = [(0.0, 1.0), (7.0, 2.0), (21.0, 0.0)]


def sent(run: RunRecord) -> list[tuple[float, float]]:
    """When a new current was asked for, s from the first on, and which, A."""
    time, asked = column(run, "Test Time / s"), column(run, "Set Current / A")
    rows = [row for row in range(1, len(asked)) if not np.isnan(asked[row]) and asked[row] != asked[row - 1]]
    return [(round(float(time[row - 1] - time[rows[0] - 1]), 6), float(asked[row])) for row in rows]


@pytest.mark.parametrize("points", [UNEVEN, EVERY_OTHER, COARSE])
def test_every_point_is_sent_when_it_is_due(little_bench: TestBench, points: list[tuple[float, float]]) -> None:
    """Wherever they lie: neither the shortest interval nor the scan period needs to come to all of them."""
    run = little_bench.run(Profile(points))
    assert sent(run) == points[:-1]
    rows = column(run, "Test Time / s")[~np.isnan(column(run, "Set Current / A"))]
    assert np.diff(rows).max() <= 1.0 + 1e-9  # the pace of the bench, where no point is nearer
    assert len(rows) <= 22


def test_a_profile_whose_points_a_steady_pace_meets_keeps_it(little_bench: TestBench) -> None:
    run = little_bench.run(Profile(COARSE), Profile(UNEVEN))
    paces = [event["scan_period"] for event in run.events if event["type"] == "step started"]
    assert paces == [1.0, None]


def test_the_command_changes_when_a_point_is_due_and_not_when_a_late_row_sends_it(
    little_bench: TestBench, plant: Plant
) -> None:
    """A scan that takes 0.4 s comes with its row at 1.4 s: for 0.4 s of its 1.4 s the other current was wanted."""
    bench = little_bench._open
    assert bench is not None
    plant.on_scan.append(lambda: bench.clock.sleep(0.4) if plant.source_on and plant.set_current == 1.0 else None)
    run = little_bench.run(Profile([(0, 1.0), (1, 2.0), (3, 1.5), (5, 0)]))
    time, command = column(run, "Test Time / s"), column(run, "Command Power / W")
    volts, asked = column(run, "Voltage / V"), column(run, "Set Current / A")
    first = int(np.flatnonzero(asked == 1.0)[0])
    assert time[first] - time[first - 1] == pytest.approx(1.4)
    wanted = (command[first:] / volts[first - 1 : -1]).tolist()
    assert wanted[:3] == pytest.approx([(1.0 * 1.0 + 0.4 * 2.0) / 1.4, 2.0, 2.0], rel=1e-4)


def test_scans_are_due_with_the_points_however_long_each_takes(little_bench: TestBench, plant: Plant) -> None:
    """A tenth of a second each: every row is as late as its scan is long, none is due by how late the last one was."""
    bench = little_bench._open
    assert bench is not None
    plant.on_scan.append(lambda: bench.clock.sleep(0.1) if plant.source_on or plant.sink_on else None)
    run = little_bench.run(Profile(UNEVEN))
    time, asked = column(run, "Test Time / s"), column(run, "Set Current / A")
    rows = np.flatnonzero(~np.isnan(asked))
    assert time[rows] - time[rows[0] - 1] == pytest.approx([due + 0.1 for due, _ in UNEVEN[1:]])
    assert asked[rows].tolist() == [current for _, current in UNEVEN[:-1]]


def test_between_two_points_of_a_line_the_command_is_its_mean(little_bench: TestBench) -> None:
    run = little_bench.run(Profile([(0, 0), (10, 20)], quantity="power", interpolation="linear"))
    command = column(run, "Command Power / W")
    assert command[~np.isnan(command)] == pytest.approx(np.arange(1.0, 20.0, 2.0), abs=1e-5)


def test_the_record_says_what_was_played_and_how(little_bench: TestBench, tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("time_s,power_W\n0,100\n2,0\n", encoding="utf-8")
    steps = [Profile(path, quantity="power", scale=0.1), Profile([(0, 0), (2, 1)], interpolation="linear")]
    run = little_bench.run(*steps)
    words = [event["words"] for event in run.events if event["type"] == "step started"]
    assert words == [
        {"file": str(path), "digest": steps[0].survey.digest, "quantity": "power", "scale": "0.1",
         "interpolation": "previous"},
        {"digest": steps[1].survey.digest, "quantity": "current", "scale": "1", "interpolation": "linear"},
    ]  # fmt: skip


def test_what_the_bms_allows_cuts_both_directions_by_the_limit_received_last(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.charge_limit, plant.discharge_limit = 0.5, 0.75
    run = little_bench.run(Profile([(0, 2.0), (10, -2.0), (20, 0)]))
    asked = column(run, "Set Current / A")
    assert set(asked[~np.isnan(asked)]) == {0.5, -0.75}


@pytest.mark.parametrize(("way", "sign"), [("charge_limit", 1.0), ("discharge_limit", -1.0)])
def test_a_limit_of_the_bms_that_changes_on_the_way_is_obeyed_from_the_scan_that_brings_it(
    little_bench: TestBench, plant: Plant, way: str, sign: float
) -> None:
    allows = iter([2.0] * 10 + [0.75] * 5 + [1.5] * 20)
    plant.on_scan.append(lambda: setattr(plant, way, next(allows, 1.5) if plant.source_on or plant.sink_on else 2.0))
    run = little_bench.run(Profile([(0, 3.0 * sign), (30, 0)]))
    limits = {1.0: "Charge Current Limit / A", -1.0: "Discharge Current Limit / A"}
    asked, allowed = column(run, "Set Current / A"), column(run, limits[sign])
    flowing = np.flatnonzero(~np.isnan(asked))
    assert asked[flowing].tolist() == (sign * allowed[flowing - 1]).tolist()
    assert set(allowed[flowing]) == {2.0, 0.75, 1.5}


def test_nothing_is_discharged_before_the_bms_has_said_how_much_it_allows(
    little_bench: TestBench, plant: Plant
) -> None:
    began = plant.now()
    plant.discharge_limit = nan
    plant.on_scan.append(lambda: setattr(plant, "discharge_limit", nan if plant.now() < began + 4 else 3.0))
    run = little_bench.run(Profile([(0, -2.0), (10, 0)]))
    asked, allowed = column(run, "Set Current / A"), column(run, "Discharge Current Limit / A")
    flowing = asked[~np.isnan(asked)]
    assert set(flowing) == {0.0, -2.0}
    assert np.isnan(allowed).any()


def test_a_profile_ends_where_another_condition_holds_before(little_bench: TestBench) -> None:
    run = little_bench.run(Profile([(0, 2.0), (600, 0)], until=elapsed(seconds=5)))
    assert next(e for e in run.events if e["type"] == "step ended")["ended_by"] == "Step Time at least 5 s"


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Profile([(0, 5.0), (1, 0)]), "5 A, the pack's charge_current allows more than 0 and at most 4 A"),
        (Profile([(0, -6.0), (1, 0)]), "6 A, the pack's discharge_current allows more than 0 and at most 5 A"),
        (Profile([(0, 1.0), (1, 0)], scale=9), "9 A, the pack's charge_current allows"),
        (Profile([(0, 1.0), (1, 0)], scale=0), "a scale of 0 leaves nothing of a profile"),
        (Profile([(0, 0.0), (1, 0)]), "the profile is 0 throughout"),
        (Profile([(0, 1.0), (0, 0)]), "Step 'profile': the profile of current in the test, point 2: 0 s comes again"),
        (Profile("nowhere.csv"), "Step 'profile': profile nowhere.csv cannot be read"),
        (Profile([(0, 1.0), (1, 0)], quantity="voltage"), "a profile of 'voltage' is none"),  # type: ignore[arg-type]
        (Profile([(0, 1.0), (1, 0)], interpolation="cubic"), "the interpolation 'cubic' is none"),  # type: ignore[arg-type]
    ],
)
def test_a_profile_is_checked_whole_before_anything_is_switched_on(
    little_bench: TestBench, plant: Plant, step: Step, says: str
) -> None:
    plant.calls.clear()
    with pytest.raises(InputError) as refused:
        little_bench.run(Rest(until=SOON), step)
    assert says in str(refused.value)
    assert plant.calls == []


@pytest.mark.parametrize(("current", "power"), [(2.0, 27.7), (2.0, None), (-2.0, 27.7)])
def test_the_power_of_a_current_is_judged_at_the_highest_voltage_of_the_pack(
    new_bench: OpenTestBench, monkeypatch: pytest.MonkeyPatch, current: float, power: float | None
) -> None:
    """2 A at 13.8 V are 27.6 W: a supply of 27.7 W can, one of 27.5 W cannot."""
    ratings = Ratings(60.0, 8.0, power or 27.5)
    monkeypatch.setattr(fakes.FakeSupply, "source_ratings", ratings)
    monkeypatch.setattr(fakes.FakeSupply, "sink_ratings", ratings)
    bench = new_bench()
    bench.open()
    with nullcontext() if power else pytest.raises(InputError, match=r"27\.6 W is more than the source's 27\.5 W"):
        bench.run(Profile([(0, current), (5, 0)]))
    bench.conclude()


def test_a_pause_leaves_the_profile_where_it_was(little_bench: TestBench, plant: Plant) -> None:
    """The air leaves its band after 100 s: the outputs are off until it is back, then the profile goes on."""
    soak_end = 600.0
    plant.on_scan.append(
        lambda: setattr(plant, "air", 30.0 if soak_end + 100 <= plant.now() < soak_end + 400 else 25.0)
    )
    run = little_bench.run(Soak(25.0), Profile([(float(time), 0.1 + 0.001 * time) for time in range(601)]))
    assert [event["type"] for event in run.events if event["type"].startswith("hold")] == ["hold started", "hold ended"]
    asked = column(run, "Set Current / A")
    # Not even the point that became due in the last second before the pause is asked for twice, or left out.
    assert np.diff(asked[~np.isnan(asked)]) == pytest.approx(0.001)
    assert asked[~np.isnan(asked)][-1] == pytest.approx(0.699)


def test_the_same_file_with_other_points_is_another_step(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("time_s,current_A\n0,1\n10,2\n", encoding="utf-8")
    before = Profile(path).identity
    path.write_text("time_s,current_A\n0,1\n10,2.5\n", encoding="utf-8")
    assert Profile(path).identity != before
    assert Discharge(1.0, SOON).identity == Discharge(1.0, SOON).identity


# --- who can play a role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("player", "channels", "says"),
    [
        (
            "FakeSupply",
            (VOLTS, WATTS),
            "has no channel 'current' (it has voltage, power), which the source must measure.",
        ),
        (
            "FakeSupply",
            (VOLTS, Channel("current", "current", "mA"), WATTS),
            "measures as 'current' a current in mA and not a current in A, which the source must measure.",
        ),
        (
            "FakeSupply",
            (replace(AMPERES, name="voltage"), replace(VOLTS, name="current"), WATTS),
            "measures as 'voltage' a current in A and not a voltage in V, which the source must measure.",
        ),
        ("FakeSupply", (*TERMINALS, VOLTS), "has two channels of one name"),
        ("FakeSupply", ("voltage", "current"), "tells of its channel 'voltage' neither quantity nor unit"),
        (
            "FakeChamber",
            CHAMBER_AIR[1:],
            "has no channel 'air' (it has set point), which the chamber must measure.",
        ),
        (
            "FakeBms",
            (BMS_CHANNELS["state"], BMS_CHANNELS["age"]),
            "has no channel 'soc min' (it has state, age), which the bms must measure.",
        ),
    ],
)
def test_a_player_that_does_not_measure_what_its_role_must_is_refused_when_the_bench_opens(
    new_bench: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch,
    player: str, channels: tuple[object, ...], says: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(fakes.__dict__[player], "channels", channels)
    bench = new_bench()
    with pytest.raises(InputError) as refused:
        bench.open()
    bench.conclude(refused.value)
    assert says in str(refused.value)
    assert not {"charge", "discharge", "request CHARGE"} & set(plant.calls)


# --- what is asked of other roles -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Warm(Step):
    """Sends the chamber somewhere, declared or not."""

    declared: float = 30.0
    asked: float = 30.0
    name: str = field(default="warm", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        return (SOON,)


class WarmProcedure(Procedure[Warm]):
    kind = Warm

    def envelope(self) -> Envelope:
        return {("chamber", "temperature"): Extremes(self.step.declared, self.step.declared)}

    def begin(self, stage: Stage) -> Control:
        stage.place.roles.chamber.set_temperature(temperature=self.step.asked)
        return lambda _row, _time: None


class Hasty(WarmProcedure):
    """Acts where only its wishes are asked for."""

    def __init__(self, step: Warm, place: Any) -> None:
        super().__init__(step, place)
        place.roles.chamber.set_temperature(self.step.declared)


def test_a_chamber_hears_nothing_that_was_not_declared(little_bench: TestBench, plant: Plant, bring: Bring) -> None:
    bring(("Warm", "WarmProcedure"))
    little_bench.run(Warm())
    assert plant.air == 30.0
    with pytest.raises(TestError, match=r"Step 'warm' asks its chamber for .* 70 and has declared 30 to 30"):
        little_bench.run(Warm(asked=70.0))
    assert plant.air == 30.0


def test_a_procedure_sends_nothing_before_its_wishes_were_judged(
    little_bench: TestBench, plant: Plant, bring: Bring
) -> None:
    bring(("Warm", "Hasty"))
    with pytest.raises(TestError, match="has declared none"):
        little_bench.run(Warm(declared=45.0))
    assert plant.air == 25.0


@dataclass(frozen=True)
class Endless(Step):
    name: str = field(default="endless", kw_only=True)


class EndlessProcedure(Procedure[Endless]):
    kind = Endless


def test_a_step_that_nothing_ends_is_refused(little_bench: TestBench, bring: Bring) -> None:
    bring(("Endless", "EndlessProcedure"))
    with pytest.raises(InputError, match="Step 'endless' would never end"):
        little_bench.run(Endless())
