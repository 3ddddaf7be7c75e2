"""Roles are records: one that somebody else brings is opened, scanned, guarded and made safe as ours are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from math import inf, isnan, nan
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pytest

from bench import columns, roles
from bench.pack import PackFile
from bench.players import Players
from bench.recording import aftermath
from bench.recording.run import RunRecord
from bench.roles import Column, Power, Role, SafeStep
from bench.roles.driving import ParallelSinks, ParallelSources
from bench.safety import limits, powercut, rescue
from bench.safety.faults import Fault
from bench.safety.guard import Limit
from bench.scenario import Charge, Discharge, Rest, Soak, elapsed, soc_above
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError, PackFailure
from instruments.roles import Channel, InstrumentFault, Protections, Ratings
from tests.bench.conftest import STATION, Install, OpenTestBench, WriteFile
from tests.bench.fakes import Fake, FakeChamber, FakeLogger, FakeSupply, Plant

SOON = elapsed(seconds=20)
MINE = __name__
RESISTANCE = "Insulation Resistance / Ohm"

# --- a role, a driver and a guard limit that another package brings ---------------------------------------------------


@runtime_checkable
class CanTest(Protocol):
    """Puts a test voltage between pack and case."""

    def test_voltage_off(self) -> None: ...

    def test_voltage_is_off(self) -> bool: ...


class FakeTester(Fake):
    """Its test voltage is on when the bench is opened: whoever used it before left it on."""

    channels = (Channel("resistance", "resistance", "Ohm"), Channel("test voltage", "voltage", "V"))  # type: ignore[assignment]
    ohms: ClassVar[float] = 20e6
    on: ClassVar[bool] = False

    def test_voltage_off(self) -> None:
        self.plant.called("test_voltage_off")
        FakeTester.on = self.plant.switches_stuck and FakeTester.on

    def test_voltage_is_off(self) -> bool:
        return not FakeTester.on

    def collect(self) -> list[float]:
        return [FakeTester.ohms, 500.0 if FakeTester.on else 0.0]


TESTER = Role(
    name="insulation tester",
    protocol=CanTest,
    channels=(Channel("resistance", "resistance", "Ohm"),),
    opens_after=("bms",),
    power=Power("test voltage", "test voltage still reads on", "test_voltage_is_off", "test_voltage_off"),
    steps=(SafeStep("test voltage off", rank=5, before={"contactor open": "it would stand on open contacts"}),),
    columns=(Column(RESISTANCE, "resistance"),),
)
LEAK = Fault(
    name="leak to the case",
    meaning="The pack touches its case.",
    detection="Insulation resistance below its limit.",
    layer="guard",
    action="trip",
    blame="pack",
)
SAME_STEP = replace(TESTER, name="other", steps=(SafeStep("sink off", rank=7),))
CIRCLE = replace(TESTER, opens_after=("insulation tester",))
NO_ROLE = "something else"


def leak_limits(_pack: PackFile, station: StationFile) -> Iterable[Limit]:
    """Nothing where no tester is."""
    if station.players("insulation tester"):
        yield Limit("leak-to-case", RESISTANCE, "Ohm", at_least=1e6, debounce=1.0)


def unknown_fault(_pack: PackFile, _station: StationFile) -> Iterable[Limit]:
    yield Limit("leek-to-case", RESISTANCE, "Ohm", at_least=1e6)


def no_limits(_pack: PackFile, _station: StationFile) -> Iterable[Any]:
    yield RESISTANCE


def nobody_measures(_pack: PackFile, _station: StationFile) -> Iterable[Limit]:
    yield Limit("insulation", "Insulatoin", "Ohm", at_least=1e6, label="insulation")


def raises(_pack: PackFile, _station: StationFile) -> Iterable[Limit]:
    raise ZeroDivisionError("by zero")


WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "nan": ({"at_most": nan}, "whose at_most is nan; it must be a number."),
    "text": ({"at_least": "90"}, "whose at_least is '90'; it must be a number."),
    "crossed": ({"at_least": 2.0, "at_most": 1.0}, "whose at_least 2 is above its at_most 1: no value would be"),
    "debounce": ({"debounce": -1.0}, "whose debounce is -1 s; allowed: 0 and more."),
    "forever": ({"debounce": inf}, "whose debounce is inf s; allowed: 0 and more."),
    "when": ({"when": "often"}, "whose when is 'often'; did you mean 'open'?"),
    "explains": (
        {"explains": frozenset({"insulatio"})},
        "explains has the fault 'insulatio'; did you mean 'insulation'?",
    ),
}
"""Limits that would be found out by their first violation, or guard nothing."""


def __getattr__(name: str) -> Any:
    """`wrong_<one of WRONG>`: a maker of that limit."""
    if not name.startswith("wrong_"):
        raise AttributeError(name)
    values, _ = WRONG[name.removeprefix("wrong_")]
    return lambda _pack, _station: [Limit("insulation", RESISTANCE, "Ohm", **values)]


def with_instrument(line: str, station: str = STATION) -> str:
    return station.replace("wiring:", f"  {line}\nwiring:")


WITH_TESTER = with_instrument(f'tester: {{driver: "{MINE}:FakeTester", resource: plant, roles: [insulation tester]}}')


@pytest.fixture
def tester(install: Install) -> Install:
    """Somebody's package with the role, its fault and its limit is installed."""
    FakeTester.ohms, FakeTester.on = 20e6, False
    install("packbench.roles", "insulation tester", f"{MINE}:TESTER")
    install("packbench.faults", "leak-to-case", f"{MINE}:LEAK")
    install("packbench.limits", "leak", f"{MINE}:leak_limits")
    return install


Opened = Callable[[str], TestBench]


@pytest.fixture
def opened(new_bench: OpenTestBench) -> Iterable[Opened]:
    """Open a bench of a station; it is concluded at the end."""
    benches: list[TestBench] = []

    def open_it(station: str) -> TestBench:
        bench = new_bench(station=station)
        benches.append(bench)
        bench.open()
        return bench

    yield open_it
    for bench in benches:
        bench.conclude()


def values(run: RunRecord, name: str) -> list[float]:
    return [float(value) for value in run.rows[:, run.columns.index(name)]]


@pytest.mark.usefixtures("tester")
def test_somebody_elses_role_is_scanned_under_its_own_column_and_under_its_instruments(opened: Opened) -> None:
    run = opened(WITH_TESTER).run(Charge(1.0, until=SOON))
    assert set(values(run, RESISTANCE)) == {20e6} == set(values(run, "Tester Resistance / Ohm"))
    assert run.columns.index(RESISTANCE) == len(columns.DERIVED)


@pytest.mark.usefixtures("tester")
def test_what_somebody_elses_role_left_on_is_told_off_in_its_place_of_the_safe_state(
    opened: Opened, plant: Plant
) -> None:
    FakeTester.on = True
    bench = opened(WITH_TESTER)
    assert bench.engine.bench.opening.found["tester"] is True
    plant.calls.clear()
    safe = bench.engine.bench.make_safe()
    names = [step.name for step in safe.steps]
    assert names == ["sink off", "source off", "test voltage off", "current gone", *names[4:]]
    (step,) = (step for step in safe.steps if step.name == "test voltage off")
    assert (step.done, step.verified, FakeTester.on) == (True, None, False)
    assert plant.calls.index("test_voltage_off") < plant.calls.index("request STANDBY")


@pytest.mark.usefixtures("tester")
def test_a_bench_is_not_safe_while_somebody_elses_role_reads_on(opened: Opened, plant: Plant) -> None:
    bench = opened(WITH_TESTER)
    FakeTester.on, plant.switches_stuck = True, True
    safe = bench.engine.bench.make_safe()
    assert not safe.safe
    assert "test voltage still reads on" in next(step.detail for step in safe.steps if step.name == "test voltage off")
    manifest = bench.engine.bench.manifest()
    assert "tester" in aftermath.left_by(asdict(safe), manifest).instruments
    plant.switches_stuck = False


def left_on(step: str) -> Sequence[str]:
    """Who has to be looked at where this step was not verified on a bench with a player of every role."""
    manifest = {"instruments": [{"name": f"the {role}", "roles": [role]} for role in (*roles.own_names(), "gone")]}
    steps = [{"name": step, "done": False, "verified": False, "detail": "silent", "duration": 0.0}]
    return aftermath.left_by({"steps": steps}, manifest).instruments


def test_who_is_looked_at_first_is_whom_a_step_of_the_safe_state_is_about() -> None:
    about = {step: left_on(step) for step in (*roles.safe_order(roles.own_names()), "safe state", "of nobody")}
    assert about == {
        "sink off": ("the sink",), "source off": ("the source",), "charger off": ("the charger",),
        "current gone": ("the charger", "the sink", "the source"), "contactor open": ("the bms",),
        "bus discharged": ("the sink", "the source"), "emulator off": ("the emulator",),
        "chamber to rest": ("the chamber",), "coolant to rest": ("the coolant",),
        "safe state": tuple(f"the {role}" for role in
                            ("bms", "chamber", "charger", "coolant", "emulator", "sink", "source")),
        "of nobody": (),
    }  # fmt: skip


@pytest.mark.usefixtures("tester")
def test_somebody_elses_limit_ends_the_run_and_blames_whom_its_fault_blames(opened: Opened) -> None:
    bench = opened(WITH_TESTER)
    FakeTester.ohms = 1e3
    with pytest.raises(PackFailure, match="leak to the case: 1000 Ohm is below the allowed 1e"):
        bench.run(Charge(1.0, until=SOON))


@pytest.mark.usefixtures("tester")
def test_the_supervisor_and_the_power_cut_know_somebody_elses_role(write: WriteFile) -> None:
    station = load_station(str(write("station.yaml", WITH_TESTER)))[0]
    assert "tester" in rescue.instruments_that_matter(station)
    assert {"instrument": "tester", "what": "test voltage", "stays_on_for": None} in powercut.left_on(station, {})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (f"{MINE}:NOWHERE", "cannot be imported: AttributeError"),
        ("no.such.module:ROLE", "cannot be imported: ModuleNotFoundError"),
        (f"{MINE}:NO_ROLE", "is no Role: its entry point must name one"),
        (f"{MINE}:SAME_STEP", "calls itself 'other': name its entry point so"),
        (f"{MINE}:CIRCLE", "each want to be opened behind another"),
    ],
)
def test_a_role_that_cannot_be_used_is_told_when_the_station_is_read(
    install: Install, write: WriteFile, value: str, says: str
) -> None:
    install("packbench.roles", "insulation tester", value)
    with pytest.raises(InputError) as refused:
        load_station(str(write("station.yaml", WITH_TESTER)))
    assert says in str(refused.value)


def test_two_packages_cannot_both_bring_a_role(tester: Install, write: WriteFile) -> None:
    tester("packbench.roles", "insulation tester", f"{MINE}:TESTER")
    with pytest.raises(InputError, match="brought by several packages"):
        load_station(str(write("station.yaml", WITH_TESTER)))


def test_a_package_cannot_bring_a_role_of_ours(install: Install, write: WriteFile) -> None:
    install("packbench.roles", "bms", f"{MINE}:TESTER")
    with pytest.raises(InputError, match=r"the role 'bms' \(.*\) has a name that packbench's own has"):
        load_station(str(write("station.yaml", STATION)))


def test_a_package_cannot_bring_a_fault_of_ours(new_bench: OpenTestBench, install: Install) -> None:
    """Its limit would blame whom ours blames."""
    install("packbench.faults", "insulation", f"{MINE}:LEAK")
    bench = new_bench()
    with pytest.raises(
        InputError, match=r"The fault 'insulation' \(.*\) has a name that packbench's own has"
    ) as refused:
        bench.open()
    bench.conclude(refused.value)


def test_a_module_that_ends_its_process_while_it_is_imported_is_told(
    install: Install, write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_here.py").write_text("raise SystemExit(0)", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    install("packbench.roles", "insulation tester", "ends_here:ROLE")
    with pytest.raises(InputError, match="cannot be imported: SystemExit: 0"):
        load_station(str(write("station.yaml", WITH_TESTER)))


def test_two_roles_cannot_mean_different_things_by_one_step(install: Install, write: WriteFile) -> None:
    install("packbench.roles", "other", f"{MINE}:SAME_STEP")
    text = with_instrument(f'tester: {{driver: "{MINE}:FakeTester", resource: plant, roles: [other]}}')
    with pytest.raises(InputError, match="both have a step 'sink off' of the safe state and mean different things"):
        load_station(str(write("station.yaml", text)))


def test_a_role_that_nobody_has_is_named_with_the_nearest(write: WriteFile) -> None:
    with pytest.raises(InputError, match="there is no such role; did you mean 'temperatures'"):
        load_station(str(write("station.yaml", STATION.replace("roles: [temperatures]", "roles: [temperature]"))))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("unknown_fault", "has the fault 'leek-to-case', which is not in the fault catalogue"),
        ("no_limits", "made 'Insulation Resistance / Ohm', which is no Limit"),
        ("raises", "failed: ZeroDivisionError: by zero"),
        ("NOWHERE", "cannot be imported: AttributeError"),
        ("nobody_measures", "The limit 'insulation' guards 'Insulatoin', which nobody on this bench measures; "),
        *[(f"wrong_{name}", says) for name, (_, says) in WRONG.items()],
    ],
)
def test_limits_that_cannot_be_used_are_told_before_anything_is_switched_on(
    new_bench: OpenTestBench, install: Install, plant: Plant, value: str, says: str
) -> None:
    install("packbench.limits", "leak", f"{MINE}:{value}")
    bench = new_bench()
    with pytest.raises(InputError) as refused:
        bench.open()
    bench.conclude(refused.value)
    assert says in str(refused.value)
    assert not {"charge", "discharge", "request CHARGE"} & set(plant.calls)


# --- several players of one role -------------------------------------------------------------------------------------


class Load(FakeSupply):
    """A sink among others: it measures and switches its own share."""

    shares: ClassVar[dict[str, float]] = {}
    sink_ratings = Ratings(60.0, 8.0, 400.0)

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        self.plant.called(f"{self.name} discharge")
        Load.shares[self.name] = current
        self._follow()

    def sink_off(self) -> None:
        self.plant.called(f"{self.name} off")
        if not (self.plant.switches_stuck and self.name == "small"):
            Load.shares[self.name] = 0.0
        self._follow()

    def sink_is_off(self) -> bool:
        return not Load.shares.get(self.name)

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        self.plant.armed[self.name] = under_voltage, over_current, over_power
        return Protections(None, over_current, over_power)

    def _follow(self) -> None:
        self.plant.set_current = sum(Load.shares.values())
        self.plant.sink_on = self.plant.set_current > 0

    def collect(self) -> list[float]:
        voltage, current = self.plant.bus_voltage, -Load.shares.get(self.name, 0.0)
        return [voltage, current, voltage * current]


class SmallLoad(Load):
    sink_ratings = Ratings(60.0, 2.0, 400.0)


class Supply(FakeSupply):
    """A source alone: what the loads draw is not its current."""

    def collect(self) -> list[float]:
        voltage, current = self.plant.bus_voltage, max(0.0, self.plant.current)
        return [voltage, current, voltage * current]


TWO_LOADS = with_instrument(
    f'small: {{driver: "{MINE}:SmallLoad", resource: plant, roles: [sink]}}',
    with_instrument(
        f'big: {{driver: "{MINE}:Load", resource: plant, roles: [sink]}}',
        STATION.replace('"tests.bench.fakes:FakeSupply"', f'"{MINE}:Supply"').replace("[source, sink]", "[source]"),
    ),
)


@pytest.fixture(autouse=True)
def _nothing_drawn() -> None:
    Load.shares.clear()


def test_two_loads_share_a_current_by_their_ratings_and_are_recorded_as_one(opened: Opened, plant: Plant) -> None:
    run = opened(TWO_LOADS).run(Discharge(4.0, until=SOON))
    drawn = (values(run, name)[-1] for name in ("Big Current / A", "Small Current / A", "Current / A"))
    assert tuple(drawn) == pytest.approx((-3.2, -0.8, -4.0))
    assert set(Load.shares.values()) == {0.0}
    assert plant.armed["big"][1] == pytest.approx(4 * plant.armed["small"][1])


def test_one_of_two_loads_that_stays_on_is_named(opened: Opened, plant: Plant) -> None:
    bench = opened(TWO_LOADS)
    Load.shares |= {"big": 1.0, "small": 1.0}
    plant.switches_stuck = True
    (step,) = (step for step in bench.engine.bench.make_safe().steps if step.name == "sink off")
    assert step.verified is False
    assert step.detail.startswith("small: input still reads on")
    assert Load.shares["big"] == 0.0
    plant.switches_stuck = False


def test_the_load_that_carries_what_nobody_asked_of_it_is_the_one_that_is_blamed(opened: Opened, plant: Plant) -> None:
    bench = opened(TWO_LOADS)
    bench.run(Rest(until=SOON))
    Load.shares["small"] = 0.0

    def draw() -> None:
        Load.shares["small"] = 1.5 if plant.source_on else 0.0

    plant.on_scan.append(draw)
    with pytest.raises(BenchFault) as ended:
        bench.run(Charge(2.0, until=elapsed(minutes=5)))
    assert "small" in str(ended.value)
    assert "big" not in str(ended.value)


class Warm(FakeLogger):
    """Sensors of its own."""

    def collect(self) -> list[float]:
        return [30.0, 31.0]


def test_the_sensors_of_two_loggers_make_one_extreme(opened: Opened) -> None:
    station = with_instrument(f'upper: {{driver: "{MINE}:Warm", resource: plant, roles: [temperatures]}}')
    run = opened(station).run(Rest(until=SOON))
    assert values(run, columns.CELL_TEMPERATURE_MIN)[-1] == 25.0
    assert values(run, columns.CELL_TEMPERATURE_MAX)[-1] == 31.0
    assert values(run, columns.SURFACE)[-1] == pytest.approx((25 + 25 + 30 + 31) / 4)


def test_the_hot_sensor_of_several_loggers_is_named_with_its_logger(opened: Opened) -> None:
    station = with_instrument(f'upper: {{driver: "{MINE}:Hot", resource: plant, roles: [temperatures]}}')
    with pytest.raises((PackFailure, BenchFault), match="upper sensor 2"):
        opened(station).run(Rest(until=elapsed(minutes=5)))


class Hot(FakeLogger):
    def collect(self) -> list[float]:
        return [25.0, 90.0]


class Player:
    """A source and sink that notes what it is told."""

    source_ratings = sink_ratings = Ratings(60.0, 5.0, 100.0)

    def __init__(self, fails: bool = False) -> None:
        self.told: list[Any] = []
        self._fails = fails

    def charge(self, *asked: float | None) -> None:
        self.told.append(asked)

    discharge = charge

    def source_off(self) -> None:
        self.told.append("off")
        if self._fails:
            raise BenchFault("does not answer", "no-answer")

    sink_off = source_off

    def source_is_off(self) -> bool:
        return not self._fails

    sink_is_off = source_is_off


@pytest.mark.parametrize("role", ["source", "sink"])
def test_all_of_several_are_told_off_whatever_one_of_them_raises(role: str) -> None:
    dead, alive = Player(fails=True), Player()
    several = Players({role: {"dead": dead, "alive": alive}})[role]
    with pytest.raises(BenchFault, match="does not answer"):
        getattr(several, f"{role}_off")()
    assert alive.told == ["off"]
    assert not getattr(several, f"{role}_is_off")()


@pytest.mark.parametrize(("kind", "verb"), [(ParallelSources, "charge"), (ParallelSinks, "discharge")])
def test_a_power_is_shared_as_the_current_is_and_a_voltage_is_not(kind: Callable[..., Any], verb: str) -> None:
    players = {"one": Player(), "other": Player()}
    getattr(kind(players), verb)(3.0, 50.0, 200.0)
    assert [player.told for player in players.values()] == [[(1.5, 50.0, 100.0)]] * 2


# --- what a station must have -----------------------------------------------------------------------------------------


def without(*names: str) -> str:
    return "".join(line for line in STATION.splitlines(keepends=True) if line.split(":")[0].strip() not in names)


def test_a_station_without_a_sink_charges_and_cannot_discharge(opened: Opened) -> None:
    bench = opened(STATION.replace("[source, sink]", "[source]"))
    with pytest.raises(InputError, match="Step 'discharge': it needs a sink, and nobody plays that on station little"):
        bench.run(Discharge(1.0, until=SOON))
    run = bench.run(Charge(1.0, until=SOON))
    assert values(run, columns.CURRENT)[-1] == pytest.approx(1.0)
    assert bench.engine.bench.make_safe().steps[0].name == "source off"


def test_a_station_without_a_chamber_charges_and_cannot_soak(opened: Opened) -> None:
    bench = opened(without("chamber"))
    with pytest.raises(InputError, match="Step 'soak': it needs a chamber"):
        bench.run(Soak(25.0))
    assert isnan(values(bench.run(Charge(1.0, until=SOON)), columns.AMBIENT)[-1])


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("bms", "the pack's cell_voltage needs a guard: nobody measures 'Cell Voltage Min / V' on station little; add "
         "an instrument that plays bms or emulator."),
        ("temperatures", "the pack's charge_temperature needs a guard: nobody measures 'Cell Temperature Max / degC'"),
    ],
)  # fmt: skip
def test_no_energy_moves_where_a_limit_of_the_pack_has_nobody_who_measures_it(
    opened: Opened, plant: Plant, missing: str, says: str
) -> None:
    plant.bus = 13.0
    bench = opened(without(missing))
    plant.calls.clear()
    with pytest.raises(InputError) as refused:
        bench.run(Charge(1.0, until=SOON))
    assert says in str(refused.value)
    assert plant.calls == []
    bench.run(Rest(until=SOON))


class FakeCells(Fake):
    """An emulator of four cells that play the pack."""

    channels = tuple(Channel(f"cell {number}", "voltage", "V") for number in range(1, 5))  # type: ignore[assignment]
    cell_count = 4

    def emulate(self, _cells: Sequence[object]) -> None: ...

    def update_resistance(self, _resistance: Sequence[float], _rows: object = None) -> None: ...

    def emulator_off(self) -> None: ...

    def emulator_is_off(self) -> bool:
        return True

    def collect(self) -> list[float]:
        return [self.plant.cell] * 4


def test_a_station_without_a_bms_charges_its_emulated_cells_and_guards_them(opened: Opened, plant: Plant) -> None:
    plant.bus = 13.0
    station = with_instrument(
        f'cells: {{driver: "{MINE}:FakeCells", resource: plant, roles: [emulator]}}', without("bms")
    )
    bench = opened(station)
    with pytest.raises(InputError, match="nobody measures 'SOC / 1' on station little; add an instrument"):
        bench.run(Charge(1.0, until=soc_above(0.9)))
    run = bench.run(Charge(1.0, until=SOON))
    assert values(run, columns.CURRENT)[-1] == pytest.approx(1.0)
    assert "contactor open" not in [step.name for step in bench.engine.bench.make_safe().steps]
    plant.bus = 20.0
    with pytest.raises(PackFailure, match="pack over-voltage"):
        bench.run(Charge(1.0, until=elapsed(minutes=5)))


# --- a scan period of its own -----------------------------------------------------------------------------------------


class SlowChamber(FakeChamber):
    asked: ClassVar[list[float]] = []

    def request(self) -> None:
        super().request()
        SlowChamber.asked.append(self.plant.now())


SLOW = STATION.replace(
    '"tests.bench.fakes:FakeChamber", resource: plant', f'"{MINE}:SlowChamber", resource: plant, scan_period: 10'
)


def test_a_slow_instrument_is_asked_when_it_is_due_and_is_in_every_row_with_its_age(opened: Opened) -> None:
    SlowChamber.asked.clear()
    run = opened(SLOW).run(Charge(1.0, until=elapsed(seconds=35)))
    gaps = [later - before for before, later in zip(SlowChamber.asked, SlowChamber.asked[1:], strict=False)]
    assert set(gaps) == {10.0}
    ages = values(run, "Chamber Sample Age / s")
    assert (min(ages), max(ages)) == (0.0, 9.0)
    assert not any(map(isnan, values(run, columns.AMBIENT)))


FAST = (
    SLOW.replace("scan_period: 10", "scan_period: 2").replace("[temperatures]", "[temperatures], scan_period: 1")
    + "scan_period: 0.05\nrest_scan_period: 0.5\nguard: {sample_age: 0.3}\n"
)


def test_a_row_of_a_fast_supply_carries_what_slow_instruments_said_last_and_how_old_it_is(
    opened: Opened, plant: Plant
) -> None:
    """20 rows a second: the supply is in each, the air is new each 2 s, the sensors each second."""
    plant.on_scan.append(lambda: setattr(plant, "air", 25 + plant.now() / 100))
    run = opened(FAST).run(Charge(1.0, until=elapsed(seconds=6)))
    charging = [row for row, asked in enumerate(values(run, columns.SET_CURRENT)) if not isnan(asked)]
    time, air = ([values(run, name)[row] for row in charging] for name in (columns.TEST_TIME, columns.AMBIENT))
    assert len(charging) == 120
    assert [after - before for before, after in pairwise(time)] == pytest.approx([0.05] * 119)
    ages = {
        name: [values(run, f"{name} Sample Age / s")[row] for row in charging] for name in ("Chamber", "Temperatures")
    }
    for name, period in (("Chamber", 2.0), ("Temperatures", 1.0)):
        assert set(np.round(ages[name], 6)) == set(np.round(np.arange(0, period, 0.05), 6))
    said = [at - age for at, age in zip(time, ages["Chamber"], strict=True)]
    assert air == pytest.approx([25 + at / 100 for at in said])


@pytest.mark.parametrize(("stuck", "after"), [("chamber", 2.3), ("temperatures", 1.3)])
def test_of_two_slow_instruments_that_one_is_named_which_is_older_than_its_own_period_allows(
    opened: Opened, stuck: str, after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = opened(FAST)
    (slow,) = (
        each
        for each in bench.engine.bench.scanner._instruments
        if getattr(each, "instrument", None) is bench.engine.bench.drivers[stuck]
    )
    bench.run(Charge(1.0, until=elapsed(seconds=3)))
    monkeypatch.setattr(slow, "period", inf)
    with pytest.raises(BenchFault, match=rf"stale sample \({stuck}\): [\d.]+ s is above the allowed {after:g} s"):
        bench.run(Charge(1.0, until=elapsed(seconds=9)))


def test_the_age_of_a_slow_instrument_is_guarded_by_its_own_period(four_cells: PackFile, write: WriteFile) -> None:
    station = load_station(str(write("station.yaml", SLOW.replace("scan_period: 10", "scan_period: 60"))))[0]
    (limit,) = (each for each in limits.limits_for(four_cells, station) if each.label == "stale sample (chamber)")
    assert (limit.column, limit.at_most, limit.instrument) == ("Chamber Sample Age / s", 62.0, "chamber")


def test_our_own_roles_have_the_order_of_safety_that_they_always_had() -> None:
    played = roles.own_names()
    assert roles.safe_order(played) == (
        "sink off", "source off", "charger off", "current gone", "contactor open", "bus discharged", "emulator off",
        "chamber to rest", "coolant to rest",
    )  # fmt: skip
    order = roles.opening_order({name: (name,) for name in played})
    assert order == ["bms", "chamber", "coolant", "grid_meter", "temperatures", "emulator", "sink", "source", "charger"]


class Forgetful(FakeLogger):
    """Declares two sensors and delivers what it likes."""

    values: ClassVar[list[float]] = [25.0]

    def collect(self) -> list[float]:
        return list(Forgetful.values)


@pytest.mark.parametrize("values", [[], [25.0], [25.0, 25.0, 25.0]])
def test_a_driver_that_delivers_other_channels_than_it_declares_ends_the_scan(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, values: list[float]
) -> None:
    """Else every later value of the row would be taken for somebody else's."""
    monkeypatch.setattr(Forgetful, "values", values)
    bench = opened(STATION.replace("tests.bench.fakes:FakeLogger", f"{MINE}:Forgetful"))
    with pytest.raises(InstrumentFault, match=f"temperatures declares 2 channels and delivered {len(values)} values"):
        bench.run(Rest(until=SOON))
