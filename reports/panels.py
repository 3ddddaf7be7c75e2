"""What a figure of a run shows: panels, traces, limits, step marks and violations, and which samples to draw.

Both figures, the static and the interactive, are drawn from this; it knows nothing of either library.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from bench import roles
from reports import which_cell
from reports.recording import Event, Floats, Recording

BLUE, ORANGE, GREEN, SKY, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#8E5BA6", "#7A7A7A"


@dataclass(frozen=True, slots=True)
class Trace:
    """One line: its column, its name in the legend, its colour; a guide never stretches the axis."""

    column: str
    label: str
    color: str
    dashed: bool = False
    guide: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Traces of one unit over the common time axis; `band` are the columns of a shaded envelope.

    `only_with` is a column without whose values there is nothing to look at.
    """

    title: str
    unit: str
    traces: tuple[Trace, ...]
    band: tuple[str, str] | None = None
    scale: float = 1.0
    only_with: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the panel can show."""
        return tuple(trace.column for trace in self.traces)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A guarded limit as a line across a panel, in the panel's unit.

    `requirement` has the ids of what the test stands for, where the pack would miss that with it.
    """

    name: str
    value: float
    upper: bool
    requirement: str = ""

    def words(self, unit: str) -> str:
        """What stands at the line."""
        named = f" [{self.requirement}]" if self.requirement else ""
        return f"{self.name} {self.value:g} {unit}{named}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that tripped: where, when (s of test time), and the sentence that says so.

    The value was beyond `limit` from `since` (s) on; `limit` is None where the run does not say what it was.
    """

    column: str
    time: float
    value: float
    blame: str
    text: str
    since: float
    limit: float | None = None
    upper: bool = False


PANELS = (
    Panel(
        "Pack voltage",
        "V",
        (
            Trace("Voltage / V", "voltage", BLUE),
            Trace("Set Voltage / V", "set voltage", GREY, dashed=True),
        ),
    ),
    Panel(
        "Cell voltage",
        "V",
        (
            Trace("Cell Voltage Max / V", "highest cell", ORANGE),
            Trace("Cell Voltage Min / V", "lowest cell", BLUE),
        ),
        band=("Cell Voltage Min / V", "Cell Voltage Max / V"),
    ),
    Panel(
        "Current",
        "A",
        (
            Trace("Current / A", "current (charge +)", GREEN),
            Trace("Set Current / A", "set current", GREY, dashed=True),
            Trace("Bms Charge Current Limit / A", "BMS charge limit", PURPLE, dashed=True, guide=True),
        ),
    ),
    Panel(
        "Power",
        "W",
        (
            Trace("Power / W", "power (charge +)", GREEN),
            Trace("Command Power / W", "command", GREY, dashed=True),
        ),
        only_with="Command Power / W",
    ),
    Panel(
        "Temperature",
        "°C",
        (
            Trace("Cell Temperature Max / degC", "hottest cell", ORANGE),
            Trace("Cell Temperature Min / degC", "coldest cell", BLUE),
            Trace("Ambient Temperature / degC", "chamber air", SKY),
            Trace("Set Temperature / degC", "set temperature", GREY, dashed=True),
        ),
        band=("Cell Temperature Min / degC", "Cell Temperature Max / degC"),
    ),
    Panel(
        "Coolant",
        "°C",
        (
            Trace("Coolant Supply Temperature / degC", "supply", BLUE),
            Trace("Coolant Return Temperature / degC", "return", SKY),
            Trace("Cell Temperature Max / degC", "hottest cell", ORANGE),
            Trace("Set Coolant Temperature / degC", "set temperature", GREY, dashed=True),
        ),
        only_with="Set Coolant Temperature / degC",
    ),
    Panel("State of charge", "%", (Trace("SOC / 1", "displayed SOC", PURPLE),), scale=100.0),
)


def panels_of(run: Recording) -> list[Panel]:
    """List the panels that the run has values for, each with the traces that were recorded."""
    shown = []
    for panel in (*PANELS, *_of_others(run)):
        if panel.only_with and not _has_values(run, panel.only_with):
            continue
        traces = tuple(_named(trace, run) for trace in panel.traces if run.has(trace.column))
        if any(not trace.guide for trace in traces):
            band = panel.band if panel.band and all(run.has(column) for column in panel.band) else None
            shown.append(Panel(panel.title, panel.unit, traces, band, panel.scale))
    return shown


def _named(trace: Trace, run: Recording) -> Trace:
    """A trace of an extreme with the name of the cell or sensor that was most extreme."""
    name = which_cell.extreme_of(run, trace.column)
    return replace(trace, label=f"{trace.label} ({name})") if name else trace


def _of_others(run: Recording) -> Iterator[Panel]:
    """A panel for each column that a role of another package has filled in."""
    played = (role for each in run.manifest.get("instruments") or () for role in each.get("roles", ()))
    ours = {column for panel in PANELS for column in panel.columns}
    for column in roles.columns_of_others(dict.fromkeys(played)):
        if column in ours:
            continue
        title, _, unit = column.rpartition(" / ")
        shown = {"degC": "°C", "Ohm": "Ω"}.get(unit, unit)
        yield Panel(title, shown, (Trace(column, title.lower(), PURPLE),), only_with=column)


def _has_values(run: Recording, column: str) -> bool:
    return run.has(column) and bool(np.isfinite(run.column(column)).any())


def limit_lines(run: Recording, panel: Panel) -> list[LimitLine]:
    """List the guarded limits that belong into a panel, in its unit."""
    found = []
    ids = ", ".join((run.manifest.get("test") or {}).get("requirements") or ())
    for limit in run.manifest.get("limits", ()):
        for key, upper in (("at_least", False), ("at_most", True)):
            if limit["column"] in panel.columns and limit.get(key) is not None:
                whose = ids if limit.get("blame") == "pack" and limit.get("action", "trip") == "trip" else ""
                found.append(LimitLine(limit["name"], limit[key] * panel.scale, upper, whose))
    return found


def violations_of(run: Recording) -> list[Violation]:
    """List what the guard tripped on, in order."""
    return [_violation(run, event) for event in run.of_type("trip")]


def _violation(run: Recording, event: Event) -> Violation:
    least, most = event.get("at_least"), event.get("at_most")
    upper = most is not None and (least is None or event["value"] > most)
    limit = most if upper else least
    since = float(event["time"])
    if limit is not None and run.has(event["column"]):
        rows = np.flatnonzero(run.time <= event["time"])
        values = run.column(event["column"])[rows]
        good = np.flatnonzero(~(values > limit if upper else values < limit))
        first = good[-1] + 1 if len(good) else 0
        since = float(run.time[first]) if first < len(rows) else since
    return Violation(event["column"], event["time"], event["value"], event["blame"], event["text"], since, limit, upper)


def span(run: Recording, panel: Panel) -> tuple[float, float]:
    """Choose the axis of a panel: all its data, and a limit where that does not squeeze the data flat."""
    values = np.concatenate([run.column(trace.column) for trace in panel.traces if not trace.guide])
    values = values[np.isfinite(values)] * panel.scale
    if panel.unit == "V":  # terminals behind an open contactor read next to nothing: that is not worth an axis
        values = values[values > 0.1 * values.max()] if values.max() > 0 else values
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 0.02 * max(abs(low), abs(high)), 1e-3)
    for limit in limit_lines(run, panel):
        if low - 0.5 * room <= limit.value <= high + 0.5 * room:
            low, high = min(low, limit.value), max(high, limit.value)
    pad = 0.06 * max(high - low, room)
    return low - pad, high + pad


def decimate(columns: Sequence[Floats], buckets: int) -> NDArray[np.intp]:
    """Choose rows to draw so that no peak is lost: of every bucket the first row, the last, and each extreme.

    `columns` are equally long; the result is sorted and unique. Runs with few rows are kept whole.
    """
    count = len(columns[0]) if columns else 0
    if count <= 4 * buckets:
        return np.arange(count)
    width = -(-count // buckets)
    first = np.arange(0, count, width)
    last = np.minimum(first + width, count) - 1
    chosen = [first, last]
    for values in columns:
        # a gap (nan) and the padding of the last bucket are made to lose against every sample
        low, high = (np.full(len(first) * width, worst) for worst in (np.inf, -np.inf))
        present = np.flatnonzero(np.isfinite(values))
        low[present] = high[present] = values[present]
        chosen.append(first + low.reshape(-1, width).argmin(axis=1))
        chosen.append(first + high.reshape(-1, width).argmax(axis=1))
    return np.unique(np.concatenate(chosen))


def breaks(run: Recording, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
    """Choose where no line may be drawn through `rows`: positions to insert a missing sample at, and its test time, s.

    A line through a gap would show what nobody measured.
    """
    gaps = run.gaps
    at = np.searchsorted(run.time[rows], [gap.start for gap in gaps], side="right")
    return at, np.array([(gap.start + gap.seen) / 2 for gap in gaps])


def time_unit(duration: float) -> tuple[float, str]:
    """Choose how to label a time axis: seconds per unit, and the unit."""
    if duration >= 2 * 3600:
        return 3600.0, "h"
    return (60.0, "min") if duration >= 180 else (1.0, "s")


def readable(duration: float | None) -> str:
    """Write a duration in s as people say it: `3 h 05 min`, `12 min 30 s`, `8.4 s`."""
    if duration is None or not isfinite(duration):
        return "-"
    if float(f"{duration:.3g}") < 60:  # as it would be written: 59.97 s are a minute
        return f"{duration:.3g} s"
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
