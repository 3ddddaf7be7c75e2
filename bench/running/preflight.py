"""Checks a whole scenario before any of it starts: every set point against pack, instruments and wiring."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.clock import utc_now
from bench.pack import PackFile
from bench.roles import Roles
from bench.running import thresholds
from bench.scenario import Charge, Discharge, FastRecharge, Pulse, Soak, Step, amperes
from bench.station import StationFile
from bench.verdicts import InputError
from instruments.roles import Ratings


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario is expected to take."""

    duration: float
    """s"""
    energy: float
    """Wh through the terminals, either way"""


@dataclass(frozen=True, slots=True)
class _Bound:
    """The tightest of several limits, and whose it is."""

    value: float
    owner: str


def check(steps: Sequence[Step], pack: PackFile, station: StationFile, roles: Roles) -> Plan:
    """Raise `InputError` with every set point that cannot be; otherwise say what to expect."""
    if not steps:
        raise InputError("The scenario has no steps: give bench.run at least one.")
    problems = [problem for step in steps for problem in _problems(step, pack, station, roles)]
    if problems:
        raise InputError("Scenario refused before it started: " + " ".join(problems))
    durations = [step.expected_duration(pack) for step in steps]
    current = [_current(step, pack) for step in steps]
    mean_voltage = (pack.voltage_min + pack.voltage_max) / 2
    energy = sum(amps * mean_voltage * seconds / 3600 for amps, seconds in zip(current, durations, strict=True))
    return Plan(sum(durations), energy)


def _current(step: Step, pack: PackFile) -> float:
    match step:
        case Charge() | Discharge() | Pulse():
            return amperes(step.rate, pack)
        case FastRecharge():
            return pack.limits.charge_current
        case _:
            return 0.0


def _problems(step: Step, pack: PackFile, station: StationFile, roles: Roles) -> Iterable[str]:
    try:
        return list(_problems_of(step, pack, station, roles))
    except (TypeError, ValueError) as error:
        # A value of another kind than it should be shows wherever it is first compared with something.
        return [f"Step {step.name!r}: {error}{'' if str(error).endswith('.') else '; look at its values.'}"]


def _problems_of(step: Step, pack: PackFile, station: StationFile, roles: Roles) -> Iterable[str]:
    current = _current(step, pack)
    yield from thresholds.problems(step, pack, station)
    match step:
        case Soak():
            yield from _thermal(step, pack, roles)
        case Charge() | FastRecharge():
            yield from _electrical(step, current, charge_bound(pack, station, roles), pack, station)
            yield from _within(step, current, pack, "source", roles.source.source_ratings)
        case Discharge() | Pulse():
            yield from _electrical(step, current, discharge_bound(pack, station, roles), pack, station)
            yield from _within(step, current, pack, "sink", roles.sink.sink_ratings)


def _thermal(step: Soak, pack: PackFile, roles: Roles) -> Iterable[str]:
    charge, discharge = pack.limits.charge_temperature, pack.limits.discharge_temperature
    for owner, verb, (low, high) in (
        ("the chamber", "takes", roles.chamber.temperature_range),
        ("the pack", "allows", (min(charge.min, discharge.min), max(charge.max, discharge.max))),
    ):
        if not low <= step.temperature <= high:
            meant = thresholds.meant(step.temperature, "degC", low, high)
            yield f"Step {step.name!r}: {step.temperature:g} °C, {owner} {verb} {low:g} to {high:g} °C.{meant}"


def _within(step: Step, current: float, pack: PackFile, owner: str, ratings: Ratings) -> Iterable[str]:
    """The pack at its highest voltage must lie within what the instrument can carry."""
    voltage, power = pack.voltage_max, current * pack.voltage_max
    if voltage > ratings.voltage:
        yield f"Step {step.name!r}: the pack reaches {voltage:.4g} V, the {owner} takes {ratings.voltage:.4g} V."
    if not isinstance(step, FastRecharge) and power > ratings.power:
        yield f"Step {step.name!r}: {power:.4g} W is more than the {owner}'s {ratings.power:.4g} W."


def charge_bound(pack: PackFile, station: StationFile, roles: Roles) -> _Bound:
    """Largest charge current, A."""
    ratings = roles.source.source_ratings
    return _tightest(
        (pack.limits.charge_current, "the pack's charge_current"),
        (ratings.current, "the source"),
        (station.wiring.current, "the wiring"),
    )


def discharge_bound(pack: PackFile, station: StationFile, roles: Roles) -> _Bound:
    """Largest discharge current, A."""
    ratings = roles.sink.sink_ratings
    return _tightest(
        (pack.limits.discharge_current, "the pack's discharge_current"),
        (ratings.current, "the sink"),
        (station.wiring.current, "the wiring"),
    )


def _tightest(*limits: tuple[float, str]) -> _Bound:
    return _Bound(*min(limits))


def _electrical(step: Step, current: float, bound: _Bound, pack: PackFile, station: StationFile) -> Iterable[str]:
    # A fast recharge follows the BMS up to whatever all of them allow: it is bounded, not refused.
    if not isinstance(step, FastRecharge) and not 0 < current <= bound.value:
        yield f"Step {step.name!r}: {current:.4g} A, {bound.owner} allows more than 0 and at most {bound.value:.4g} A."
    low, high = pack.limits.cell_voltage.min, pack.limits.cell_voltage.max
    wanted = step.cell_voltage if isinstance(step, Charge) and step.cell_voltage is not None else high
    if not low <= wanted <= high:
        yield f"Step {step.name!r}: {wanted:.4g} V per cell, the pack allows {low:.4g} to {high:.4g} V."
    if pack.voltage_max > station.wiring.voltage:
        carried = station.wiring.voltage
        yield f"Step {step.name!r}: the pack reaches {pack.voltage_max:.4g} V, the wiring carries {carried:.4g} V."


def calibration_overdue(station: StationFile) -> list[str]:
    """One sentence per instrument whose calibration has run out."""
    today = utc_now().date()
    return [
        f"Instrument {name}: its calibration was due on {entry.calibration_due}; "
        "its readings prove nothing until it is renewed."
        for name, entry in station.instruments.items()
        if entry.calibration_due is not None and entry.calibration_due < today
    ]
