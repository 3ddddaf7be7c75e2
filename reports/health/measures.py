"""What one run tells of the health of its bench, by instrument: each measure is a function here that registers itself.

A measure is named like a column, with its unit. What was not recorded has no value: an older run, or one whose process
died before it could say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import hypot, isfinite
from pathlib import Path
from typing import Any

import numpy as np

from bench.safety.guard import CONNECTED
from instruments.accuracy import Accuracy, range_for
from reports.recording import Floats, Recording

BENCH = "bench"
"""What belongs to no single instrument."""
LATE = 1.5
"""Scan periods from which on a sample is late."""
MICROSECOND = 6
"""Digits of a time that mean something: what is behind them comes from adding up periods."""
NEARLY_NONE = 0.05
"""Share of the largest current below which two ammeters are not compared."""

STRETCHES = 10
"""That a run is cut into, to see where two meters were furthest apart."""
OF_THE_STATED = ", of the stated uncertainty / %"
"""How a measure is named that says of another one, which is the difference of two meters, how it stands beside the
expanded uncertainty of both: the normalised error of ISO/IEC 17043 (E_n), in %. From 100 on one of them is wrong."""

Health = dict[str, dict[str, float]]
Found = Iterator[tuple[str, str, float]]
"""Instrument, measure with unit, value."""
Measure = Callable[[Recording], Found]
MEASURES: list[Measure] = []


def measure(found: Measure) -> Measure:
    """Register one."""
    MEASURES.append(found)
    return found


def health_of(run: Recording, folder: Path | None = None) -> Health:
    """Everything that a run tells of its bench; in `folder` the supervisor has left its word, if it had to act."""
    told: Health = {}
    for each in MEASURES:
        for instrument, name, value in each(run):
            if isfinite(value):
                told.setdefault(instrument, {})[name] = float(value)
    if folder is not None and (folder / "supervisor.json").exists():
        told.setdefault(BENCH, {})["supervisor had to act / 1"] = 1.0
    return told


@measure
def _links(run: Recording) -> Found:
    """Timeouts, retries and the like, as the links counted them."""
    for instrument, counts in (run.manifest.get("links") or {}).items():
        for what, count in counts.items():
            yield instrument, f"{what} / 1", count


@measure
def _scans(run: Recording) -> Found:
    """Samples that came late or not at all, and how much the others varied."""
    spread: list[Floats] = []
    late = missing = 0
    for period, intervals in _intervals(run):
        skipped = intervals > LATE * period
        late += int(skipped.sum())
        missing += int((np.round(intervals[skipped] / period) - 1).sum())
        spread.append(intervals[~skipped] - period)
    if spread:
        yield BENCH, "late samples / 1", late
        yield BENCH, "missing samples / 1", missing
        in_time = np.concatenate(spread)
        if len(in_time):
            yield BENCH, "scan jitter / s", float(np.sqrt(np.mean(in_time**2)))
    if run.has("Scan Duration / s"):
        yield BENCH, "longest scan / s", float(np.nanmax(run.column("Scan Duration / s")))


def _intervals(run: Recording) -> Iterator[tuple[float, Floats]]:
    """Between samples of each step that has a pace of its own: the pace and the intervals, s.

    Holds and gaps are left out: they have another one.
    """
    paces = {event["index"]: event.get("scan_period", 0.0) for event in run.of_type("step started")}
    pauses = [*((hold.start, hold.stop) for hold in run.holds), *((gap.start, gap.stop) for gap in run.gaps)]
    for step in run.steps:
        moments = run.time[step.rows]
        steady = np.ones(max(0, len(moments) - 1), dtype=bool)
        for start, stop in pauses:
            steady &= (moments[1:] <= start) | (moments[:-1] >= stop)
        intervals, pace = np.round(np.diff(moments)[steady], MICROSECOND), paces[step.index]
        # A run from before the pace was recorded: what most of the intervals are.
        pace = float(np.median(intervals)) if pace == 0.0 and len(intervals) else pace
        if pace and len(intervals):
            yield pace, intervals


@measure
def _soaks(run: Recording) -> Found:
    """How long the chamber took to bring the cells where they were to be."""
    chamber = next(_players(run, "chamber"), BENCH)
    soaks = [step.duration for step in run.steps if step.kind == "Soak" and step.ended_by]
    if soaks:
        yield chamber, "longest soak / s", max(soaks)


@measure
def _voltmeters(run: Recording) -> Found:
    """By how much source and sink read another voltage than the BMS, while its contactors are closed."""
    bms, closed = next(_players(run, "bms"), None), _closed(run)
    if bms is None or not closed.any():
        return
    for name in _moving(run):
        pair = f"{name.title()} Voltage / V", f"{bms.title()} Pack Voltage / V"
        if all(map(run.has, pair)):
            ours, theirs = (run.column(column)[closed] for column in pair)
            apart = (ours - theirs)[np.isfinite(ours - theirs)]
            if len(apart):
                middle = float(np.median(apart))
                yield name, "voltage against the BMS / V", middle
                still = _still(run)[closed] & np.isfinite(ours - theirs)
                channels, both = {name: "voltage", bms: "pack voltage"}, (ours[still], theirs[still])
                yield from _beside_what_they_state(run, name, "voltage against the BMS", channels, *both)


@measure
def _ammeters(run: Recording) -> Found:
    """By which share source and sink read another current than the BMS, while they are the one that moves it."""
    bms, pack = next(_players(run, "bms"), None), "Current / A"
    if bms is None or not run.has(pack) or not run.has(f"{bms.title()} Pack Current / A"):
        return
    theirs, whole = run.column(f"{bms.title()} Pack Current / A"), run.column(pack)
    for name in _moving(run):
        column = f"{name.title()} Current / A"
        if not run.has(column):
            continue
        ours = run.column(column)
        least = NEARLY_NONE * float(np.nanmax(np.abs(whole)))
        alone = (np.abs(ours) > least) & (np.abs(ours) >= 0.99 * np.abs(whole)) & np.isfinite(theirs)
        if alone.any():
            # The slope through 0: the last digit of a BMS is coarse, and averages out.
            slope = float(np.abs(ours[alone]) @ np.abs(theirs[alone])) / float(ours[alone] @ ours[alone])
            yield name, "current of the BMS against it / %", 100 * (slope - 1)
            channels = {name: "current", bms: "pack current"}
            both = np.abs(ours[alone]), np.abs(theirs[alone])
            yield from _beside_what_they_state(run, name, "current of the BMS against it", channels, *both)


def _still(run: Recording) -> Any:
    """Rows in which hardly any current flows: in all others cables drop what lies between two voltmeters."""
    if not run.has("Current / A"):
        return np.zeros(len(run.time), dtype=bool)
    current = np.abs(run.column("Current / A"))
    return current <= NEARLY_NONE * np.nanmax(current, initial=0.0)


def _beside_what_they_state(
    run: Recording, instrument: str, name: str, channels: Mapping[str, str], ours: Floats, theirs: Floats
) -> Found:
    """How far two meters were apart at worst, beside what both state; nothing where one of them is silent.

    At worst, and not on the whole: one that drifts was right for half of its way. Over a stretch, so that what is read
    at two moments while it changes does not count.
    """
    stretches = zip(*(np.array_split(each, min(STRETCHES, len(each)) or 1) for each in (ours, theirs)), strict=True)
    found = list[float]()
    for mine, other in stretches:
        stated = _stated(run, channels, float(np.mean(mine))) if len(mine) else 0.0
        if stated > 0:
            found.append(100 * abs(float(np.median(other - mine))) / stated)
    if found:
        yield instrument, f"{name}{OF_THE_STATED}", max(found)


def _stated(run: Recording, channels: Mapping[str, str], reading: float) -> float:
    """Expanded uncertainty (k = 2) of the difference of channels, by instrument, at a reading; 0: one states none."""
    known = {str(each["name"]): each.get("accuracy") or {} for each in run.manifest.get("instruments", ())}
    ranges = [known.get(name, {}).get(channel) for name, channel in channels.items()]
    if not all(ranges):
        return 0.0
    found = [range_for([Accuracy.of(each) for each in several], reading) for several in ranges if several]
    return hypot(*(each.expanded(reading) for each in found))


@measure
def _frames(run: Recording) -> Found:
    """What the BMS's bus lost, and how old the oldest of its messages was in any sample."""
    for bms in _players(run, "bms"):
        for channel, what in (("Dropped", "dropped frames"), ("Contradictions", "contradictions")):
            column = f"{bms.title()} {channel} / 1"
            if run.has(column):
                values = run.column(column)
                yield bms, f"{what} / 1", float(np.nanmax(values) - np.nanmin(values))
        if run.has("BMS Age / s"):
            yield bms, "oldest message / s", float(np.nanmax(run.column("BMS Age / s")))


@measure
def _watchdogs(run: Recording) -> Found:
    """How much of its watchdog's time an instrument was left without a word: the longest interval between two scans."""
    intervals = np.diff(run.time)
    for held in run.manifest.get("protections", ()):
        patience = held.get("watchdog")
        if patience and len(intervals):
            yield str(held["instrument"]), "watchdog time used / %", 100 * float(intervals.max()) / float(patience)


def _players(run: Recording, role: str) -> Iterator[str]:
    return (str(each["name"]) for each in run.manifest.get("instruments", ()) if role in each.get("roles", ()))


def _moving(run: Recording) -> list[str]:
    """Who moves a current: sources and sinks."""
    return list(dict.fromkeys([*_players(run, "source"), *_players(run, "sink")]))


def _closed(run: Recording) -> Any:
    """Rows in which the BMS says that its contactors are closed."""
    if not run.has("BMS State / 1"):
        return np.zeros(len(run.time), dtype=bool)
    return np.isin(run.column("BMS State / 1"), [int(state) for state in CONNECTED])


def of_all(manifests: Iterable[Mapping[str, Any]]) -> Health:
    """That of all runs of a session together, as their manifests have it."""
    told = (manifest.get("health") for manifest in manifests)
    return joined(each for each in told if isinstance(each, Mapping))


def joined(runs: Iterator[Mapping[str, Mapping[str, float]]]) -> Health:
    """That of several runs: what is counted is added up, of everything else the largest is told, whatever its sign."""
    found: Health = {}
    for run in runs:
        for instrument, told in run.items():
            into = found.setdefault(instrument, {})
            for name, value in told.items():
                known = into.get(name)
                if known is None:
                    into[name] = value
                elif name.endswith("/ 1"):
                    into[name] = known + value
                else:
                    into[name] = max(known, value, key=abs)
    return found
