"""Test time of a recording whose file has none, from the time within its steps or from civil time."""

import numpy as np

from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign.pieces import all_finite, extremes
from reports.foreign.source import Finding, Source


def ensure_time(source: Source) -> None:
    """Give the source a test time; raises `InputError` where it holds no time at all."""
    if source.has(labels.TIME):
        _leave_untimed_out(source)
        return
    if source.has(labels.STEP_TIME):
        within = np.nan_to_num(source.whole(labels.STEP_TIME))
        change = np.diff(within, prepend=within[:1])
        # Within a step time grows; where it falls, the next step has begun at zero.
        source.columns[labels.TIME] = np.cumsum(np.where(change < 0, within, change))
        source.told.append(Finding("time", "There is no time since the start: that within the steps is added up."))
    elif source.has(labels.WALL):
        wall = source.whole(labels.WALL)
        source.columns[labels.TIME] = wall - wall[np.isfinite(wall)][0]
        _leave_untimed_out(source)
        source.told.append(Finding("time", "There is no time since the start: civil time is taken for it."))
    else:
        raise InputError(
            f"{source.path} has no time that can be read: neither since the start, nor of a step, nor civil."
        )


def _leave_untimed_out(source: Source) -> None:
    if all_finite(source.columns[labels.TIME]):
        return
    known = np.isfinite(source.whole(labels.TIME))
    source.columns = {label: column[known] for label, column in source.columns.items()}
    source.told.append(Finding("lines", f"{int((~known).sum())} records without a time are left out."))
    if not len(source):
        raise InputError(f"{source.path} has no record with a time that can be read.")


def directed(source: Source) -> None:
    """Give magnitudes of currents the sign that the file tells elsewhere; what has a sign of its own keeps it."""
    if labels.WAY not in source.columns or extremes(source.columns[labels.CURRENT])[0] < 0:
        return
    way, current = source.whole(labels.WAY), source.whole(labels.CURRENT)
    source.columns[labels.CURRENT] = np.where(way < 0, -current, current)
