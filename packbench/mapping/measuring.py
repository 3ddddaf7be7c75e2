"""Measures one field of a map on a bench: opens it, runs the scenario, judges, concludes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np

from bench.clock import monotonic
from bench.pack import PackFile, load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.safety import interrupts
from bench.safety.lease import BenchLease
from bench.station import StationFile, load_station
from bench.testing import TestBench
from bench.trust import refuse_untrusted
from bench.verdicts import InputError, Verdict
from packbench.mapping import basis, outcome
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
from packbench.mapping.outcome import CANNOT, FieldResult, Figure
from packbench.mapping.scenario import Prepared, prepared
from packbench.roads import DRIVE, RECHARGE
from reports import interactive, kpi
from reports.kpi import Kpi
from reports.recording import Recording
from reports.requirements import limits_of
from reports.uncertainty import uncertainty

REQUIREMENT = "PB-MAP-01"
POINTS = 60
"""Of a curve."""
FIGURE = "figure.html"
"""Of a run, for whoever clicks a field."""
NEEDLESS = ("transcript.log",)
"""Files of a run on the virtual clock that nobody reads of so many."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A figure: its name in the map, and the condition under which the pack requires it; None: it requires nothing."""

    name: str
    measured: Kpi
    at: str | None = ""


def measure(field: Field, task: Task, runs: Path, lease: BenchLease | None = None) -> FieldResult:
    """Run a field on its bench, a model of it where the bench is one. Its recording is left below `runs`.

    Raises `InputError` for a file that does not exist (see `digest`), and nothing for what a pack cannot do.
    """
    began = monotonic()
    station, station_file = load_station(task.station)
    refuse_untrusted(station, station_file, trusted=False)
    pack, pack_file = load_pack(field.pack)
    told = _told(field, task, station, pack)
    try:
        plan = prepared(field, task, pack)
    except InputError as error:
        return replace(told, verdict=CANNOT, reason=str(error))
    setup = Setup(_begun(station, plan), station_file, pack, pack_file, task.seed)
    test = TestIdentity(f"map::{field.id}", field.id, _words(field), (REQUIREMENT,))
    bench = TestBench(setup, runs, test, lease=lease)
    found = replace(_run(bench, plan, told), duration=monotonic() - began)
    _tidy(bench, station)
    return found


def _begun(station: StationFile, plan: Prepared) -> StationFile:
    """A model begins as the scenario wants it: its charge and its night are over within minutes."""
    if station.virtual is None or station.clock != "virtual":
        return station
    begun = {"soc": plan.soc, "temperature": plan.temperature}
    return station.model_copy(update={"virtual": station.virtual.model_copy(update=begun)})


def _words(field: Field) -> str:
    return f"Recharge of {field.pack} from 10 to 80 % after {field.road} in {field.season}"


def _told(field: Field, task: Task, station: StationFile, pack: PackFile) -> FieldResult:
    """What is known of a field before it is run."""
    inputs = digest(field, task)
    based = basis.of(pack, task.car, modelled=station.virtual is not None)
    return FieldResult(
        field, str(Verdict.INCONCLUSIVE), rests_on=based.bench, rests=based.figures, assumed=based.assumed,
        chemistry=str(pack.chemistry), inputs=inputs,
    )  # fmt: skip


def _run(bench: TestBench, plan: Prepared, told: FieldResult) -> FieldResult:
    error: Exception | None = None
    figures: dict[str, Figure] = {}
    curve: list[tuple[float, float]] = []
    scale = plan.drive.scale_for(bench.pack)
    record: Recording | None = None
    try:
        bench.open()
        record = Recording(*bench.run(*plan.steps))
        figures, curve = dict(_judged(bench, record)), _curve(record, scale)
        (bench.run_log.folder / FIGURE).write_text(interactive.html(record), encoding="utf-8")
    except Exception as raised:  # noqa: BLE001 - whatever a pack or a bench does ends this field, and not the map
        error = raised
    except BaseException as asked:  # a request to end: the bench is made safe, and then it goes on its way
        with interrupts.held_back(bench.hurry, asked_before=True):
            bench.conclude(asked)
        raise
    with interrupts.held_back(bench.hurry, asked_before=False):
        ended = bench.conclude(error)
    folder = bench.run_log.folder
    # What is wrong with a figure afterwards is no reason why a pack cannot.
    refused = record is None and isinstance(error, InputError)
    reason = "" if ended.error is None else str(ended.error).partition("\n")[0]
    figures[outcome.LEAVES] = Figure(100 * plan.soc, 0.0, "%")
    return replace(
        told, verdict=CANNOT if refused else str(ended.verdict), reason=reason, scale=scale, figures=figures,
        curve=curve, run=folder.relative_to(bench.runs).as_posix(),
    )  # fmt: skip


def _judged(bench: TestBench, run: Recording) -> Iterator[tuple[str, Figure]]:
    """Every figure, verified by what the pack requires of it; the temperature outside is that of the chamber."""
    for asked in _figures(run):
        measured = asked.measured
        limits = limits_of(measured, bench.pack, at=asked.at)
        spread = uncertainty(measured, bench.station)
        # What nobody knows, as the margin of lithium metal, fails nothing here.
        if isfinite(measured.value) or asked.name == outcome.TIME:
            bench.verify(
                measured.name, measured.value, unit=measured.unit, at_least=limits.at_least, at_most=limits.at_most,
                uncertainty=spread, step=measured.step, required=limits.required, source=limits.source,
                unstated=limits.unstated,
            )  # fmt: skip
        yield asked.name, Figure(measured.value, spread, measured.unit)


def _figures(run: Recording) -> Iterator[_Asked]:
    yield _Asked(outcome.TIME, kpi.charge_time(run, RECHARGE, 0.10, 0.80), at=None)
    yield _Asked(outcome.MARGIN, kpi.plating_margin(run, RECHARGE))
    yield _Asked(outcome.ENERGY, kpi.energy(run, RECHARGE), at=None)
    yield _Asked(outcome.POWER, kpi.mean_power(run, RECHARGE), at=None)
    yield _Asked(outcome.CONSUMPTION, kpi.consumption(run, DRIVE), at=None)
    yield _Asked(outcome.DERATING, kpi.derating(run, DRIVE))
    yield _Asked(outcome.ARRIVES, kpi.arrival_temperature(run, DRIVE), at=None)
    yield _Asked(outcome.OFF, kpi.arrival_off_the_cars(run, DRIVE), at=None)
    yield _Asked(outcome.CONDITIONING, kpi.preconditioning_energy(run, DRIVE), at=None)


def _curve(run: Recording, scale: float) -> list[tuple[float, float]]:
    """Power of the car's pack (kW) over displayed state of charge (%), as many points as a small picture needs."""
    step = run.step(RECHARGE)
    soc, power = 100 * run.values("SOC / 1", step), run.values("Power / W", step) / scale / 1000
    shown = np.isfinite(soc) & np.isfinite(power)
    soc, power = soc[shown], power[shown]
    if not len(soc):
        return []
    at = np.linspace(0, len(soc) - 1, min(POINTS, len(soc))).astype(int)
    return [(round(float(soc[i]), 2), round(float(power[i]), 3)) for i in at]


def _tidy(bench: TestBench, station: StationFile) -> None:
    if station.clock == "virtual":
        for name in NEEDLESS:
            (bench.run_log.folder / name).unlink(missing_ok=True)
