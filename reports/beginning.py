"""The state of the pack when its run began."""

import numpy as np

from bench.columns import AMBIENT, SOC
from reports.recording import Recording


def beginning_of(run: Recording) -> dict[str, float]:
    """Charge (a ratio) and air (degC) at the first sample that has them; without what nobody measured."""
    found = {}
    for name, column in (("soc", SOC), ("ambient", AMBIENT)):
        if run.has(column):
            values = run.column(column)
            found[name] = float(values[int(np.isfinite(values).argmax())])
    return found
