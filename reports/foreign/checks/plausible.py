"""Values that no battery has: voltages and currents in another unit, temperatures of no laboratory."""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.exam import AMOUNTS, Exam
from reports.foreign.pieces import all_finite, extremes, sampled
from reports.foreign.source import Finding

ORDER = 30
COLDEST, HOTTEST = -60.0, 150.0
"""°C that a chamber reaches and a cell survives for a while."""
HIGHEST, LOWEST = 1500.0, 0.02
"""V: no traction battery has more (ISO 6469-3, class B), and no recording of a cell has less all the time."""
KELVIN = (200.0, 400.0)
TIMES = {1e3: "a thousand times", 1e-3: "a thousandth of", 1e6: "a million times"}


def voltage(exam: Exam) -> Iterator[Finding]:
    """A voltage beyond what the largest pack has, or that never is one of a cell, is in another unit."""
    lowest, highest = extremes(exam.voltage)
    middle, largest = float(np.median(np.abs(sampled(exam.voltage)))), max(highest, -lowest)
    if largest >= LOWEST and middle <= HIGHEST:
        return
    unit = "mV" if middle > HIGHEST else "kV"
    told = (
        f"is {middle:.4g} V in the middle of its records, as if it were in {unit}" if largest else "is 0 V throughout"
    )
    yield Finding(
        "voltage in another unit",
        f"The voltage {told}: no energy, resistance or voltage is computed.",
        frozenset({labels.VOLTAGE, labels.POWER, *labels.COUNTERS_WH}),
    )


def power(exam: Exam) -> Iterator[Finding]:
    """Where power is recorded it is voltage times current; by what it is not, one of them is in another unit."""
    if not exam.believes(labels.POWER, labels.VOLTAGE):
        return
    product = np.abs(sampled(exam.voltage) * sampled(exam.current))
    told = np.abs(sampled(exam.source.columns[labels.POWER]))
    good = np.isfinite(told) & (told > 0.01 * np.nanmax(told, initial=0.0)) & (product > 0)
    if good.sum() < 5:
        return
    ratio = float(np.median(product[good] / told[good]))
    if 0.9 < ratio < 1.1:
        return
    thousand = next((word for value, word in TIMES.items() if abs(ratio / value - 1) < 0.1), f"{ratio:.4g} times")
    yield Finding(
        "columns in another unit",
        f"Voltage times current is {thousand} the recorded power: one of the three is in another unit, and nothing of "
        "them is computed.",
        AMOUNTS | {labels.VOLTAGE, labels.CURRENT, labels.POWER}
        if abs(ratio) > 2 or abs(ratio) < 0.5
        else frozenset({labels.POWER}),
    )


def temperature(exam: Exam) -> Iterator[Finding]:
    """A temperature that no cell has had is that of no sensor, or in kelvin."""
    for label in [each for each in exam.source.columns if each.endswith("/ degC")]:
        lowest, highest = extremes(exam.source.columns[label])
        if all_finite(exam.source.columns[label]) and COLDEST <= lowest <= highest <= HOTTEST and (lowest or highest):
            continue
        values = exam.source.whole(label)
        known = values[np.isfinite(values)]
        wrong = (known < COLDEST) | (known > HOTTEST)
        name = exam.source.names.get(label, label)
        if len(known) and wrong.any():
            yield Finding("impossible temperature", _temperature(name, known, wrong), frozenset({label}))
        elif len(known) > 1 and not known.any():
            text = f"{name!r} is 0 °C in every record, as where no sensor is connected: it is not used."
            yield Finding("impossible temperature", text, frozenset({label}))


def _temperature(name: str, known: "np.typing.NDArray[np.float64]", wrong: "np.typing.NDArray[np.bool_]") -> str:
    count, worst = int(wrong.sum()), float(known[wrong][np.argmax(np.abs(known[wrong] - 25))])
    kelvin = bool(((known > KELVIN[0]) & (known < KELVIN[1])).mean() > 0.9)
    why = (
        "as if it were in kelvin"
        if kelvin
        else f"in {count:,} of {len(known):,} records it is beyond {COLDEST:g} to {HOTTEST:g} °C"
    )
    return f"{name!r} is {worst:.6g} °C, which no cell has had ({why}): no temperature is computed from it."


CHECKS = (voltage, power, temperature)
