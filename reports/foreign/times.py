"""Test time of a recording whose file has none, from the time within its steps or from civil time."""

import numpy as np

from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign.pieces import Differences, all_finite, extremes, never_falls
from reports.foreign.source import Finding, Source, counted

DAY, HOUR = 86400.0, 3600.0


def ensure_time(source: Source) -> None:
    """Give the source a test time; raises `InputError` where it holds no time at all."""
    if source.has(labels.TIME):
        _leave_untimed_out(source, labels.TIME)
        _newest_last(source)
        _over_midnight(source)
        return
    if source.has(labels.STEP_TIME):
        _leave_untimed_out(source, labels.STEP_TIME)
        within = source.whole(labels.STEP_TIME)
        change = np.diff(within, prepend=within[:1])
        # Within a step time grows; where it falls, the next step has begun at zero.
        source.columns[labels.TIME] = np.cumsum(np.where(change < 0, within, change))
        source.told.append(Finding("time", "There is no time since the start: that within the steps is added up."))
    elif source.has(labels.WALL):
        wall = source.whole(labels.WALL)
        source.columns[labels.TIME] = wall - wall[np.isfinite(wall)][0]
        _leave_untimed_out(source, labels.TIME)
        _newest_last(source)
        source.columns[labels.TIME] = source.whole(labels.TIME) - float(source.columns[labels.TIME][0])
        source.told.append(Finding("time", "There is no time since the start: civil time is taken for it."))
    else:
        none = f"{source.path} has no time that can be read: neither since the start, nor of a step, nor civil."
        raise InputError(next((each.text for each in source.told if each.check == labels.UNCLEAR_TIME), none))


def _newest_last(source: Source) -> None:
    """Some loggers write the newest record first: time falls all the way, and is read from the last line on."""
    lowest, highest = extremes(Differences(source.columns[labels.TIME]))
    if lowest < 0 and highest <= 0:
        source.columns = {label: source.whole(label)[::-1].copy() for label in source.columns}
        source.told.append(Finding("time", "The newest record stands first: the file is read from its last line on."))


def _over_midnight(source: Source) -> None:
    """A time of day begins anew at midnight: it falls from within the last hour of a day to within the first."""
    column = source.columns[labels.TIME]
    if never_falls(column) or not 0 <= extremes(column)[0] <= extremes(column)[1] < DAY:
        return
    time = source.whole(labels.TIME)
    fell = np.diff(time, prepend=time[:1]) < 0
    before, after = time[np.flatnonzero(fell) - 1], time[fell]
    if (before > DAY - HOUR).all() and (after < HOUR).all():
        source.columns[labels.TIME] = time + DAY * np.cumsum(fell)
        often = counted(int(fell.sum()), "time", "times")
        text = f"Time is that of a day and begins anew at midnight, {often}: it is joined."
        source.told.append(Finding("time", text))


def _leave_untimed_out(source: Source, label: str) -> None:
    if all_finite(source.columns[label]):
        return
    known = np.isfinite(source.whole(label))
    source.columns = {label: column[known] for label, column in source.columns.items()}
    left = counted(int((~known).sum()), "record without a time is", "records without a time are")
    source.told.append(Finding("lines", f"{left} left out."))
    if not len(source):
        raise InputError(f"{source.path} has no record with a time that can be read.")


def directed(source: Source) -> None:
    """Give magnitudes of currents the sign that the file tells elsewhere; what has a sign of its own keeps it."""
    if labels.WAY not in source.columns or extremes(source.columns[labels.CURRENT])[0] < 0:
        return
    way, current = source.whole(labels.WAY), source.whole(labels.CURRENT)
    source.columns[labels.CURRENT] = np.where(way < 0, -current, current)
