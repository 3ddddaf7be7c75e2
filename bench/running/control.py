"""What a step asks of source and sink, scan by scan."""

from collections.abc import Callable
from math import isnan

from bench import columns
from bench.columns import INDEX
from bench.running import preflight
from bench.running.lifecycle import OpenBench
from bench.running.sampling import Row, Sampler
from bench.scenario import Charge, Discharge, FastRecharge, Pulse, Step, amperes

Control = Callable[[Row], None]

DISCHARGE_FLOOR = 0.9
"""Fraction of the pack's lowest voltage below which the sink itself stops: the end condition comes first."""

NEAR_THE_LIMIT = 0.1
"""V of head-room of the highest cell below which the voltage is held on it."""

_VOLTAGE, _CELL_VOLTAGE_MAX = INDEX[columns.VOLTAGE], INDEX[columns.CELL_VOLTAGE_MAX]
_CHARGE_LIMIT = INDEX[columns.CHARGE_LIMIT]


def control_of(step: Step, bench: OpenBench, sampler: Sampler) -> Control:
    """The control law of a step that moves current."""
    pack = bench.pack
    match step:
        case Charge():
            return charging(amperes(step.rate, pack), step.cell_voltage, bench, sampler)
        case FastRecharge():
            return charging(preflight.charge_bound(pack, bench.station, bench.roles).value, None, bench, sampler)
        case Discharge() | Pulse():
            return discharging(amperes(step.rate, pack), bench, sampler)
        case _:
            raise TypeError(f"A {step.kind} moves no current: there is nothing to control.")


def charging(largest: float, cell_voltage: float | None, bench: OpenBench, sampler: Sampler) -> Control:
    """Constant current within what the BMS allows, then constant voltage held on the highest cell.

    The supply holds the terminal voltage. Near the limit its set point is the measured voltage plus the head-room of
    the highest cell, counted for half the string: the cell closes on its limit from below and never passes it by more
    than a scan's worth. Further away the set point stays at the pack's limit and nothing is sent.
    """
    pack, charge = bench.pack, bench.roles.source.charge
    limit = cell_voltage if cell_voltage is not None else pack.limits.cell_voltage.max
    gain, highest = pack.series / 2, pack.series * limit
    # What the BMS allows is what it said last; before it has said anything it allows nothing.
    allowed = 0.0

    def control(row: Row) -> None:
        nonlocal allowed
        if not isnan(row[_CHARGE_LIMIT]):
            allowed = row[_CHARGE_LIMIT]
        current = min(largest, allowed)
        headroom = limit - row[_CELL_VOLTAGE_MAX]
        voltage = highest if headroom > NEAR_THE_LIMIT else min(highest, row[_VOLTAGE] + gain * headroom)
        sampler.ask(current, voltage)
        charge(current, voltage)

    return control


def discharging(current: float, bench: OpenBench, sampler: Sampler) -> Control:
    """Constant current, programmed once."""
    floor, discharge = DISCHARGE_FLOOR * bench.pack.voltage_min, bench.roles.sink.discharge
    programmed = False

    def control(_row: Row) -> None:
        nonlocal programmed
        if not programmed:
            sampler.ask(-current, floor)
            discharge(current, floor)
            programmed = True

    return control
