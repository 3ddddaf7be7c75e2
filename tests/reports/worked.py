"""A recording of a few rows, whose figures can be worked out by hand."""

from typing import Any

import numpy as np

from reports.recording import Recording

COLUMNS = [
    "Test Time / s", "Step Count / 1", "Voltage / V", "Current / A", "SOC / 1", "Set Voltage / V",
    "Charging Capacity / Ah", "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
    "Cell Voltage Min / V", "Cell Voltage Max / V", "Cell Temperature Max / degC",
]  # fmt: skip
NAN = float("nan")
ROWS = [
    # time step  V     I    SOC  set  chg  dis  chgE disE  min    max   hot
    [0.0, 1, 80.0, 0.0, 1.00, NAN, 0.0, 0.0, 0.0, 0.0, 3.330, 3.340, 25.0],
    [100.0, 1, 80.0, 0.0, 1.00, NAN, 0.0, 0.0, 0.0, 0.0, 3.330, 3.340, 25.5],
    [105.0, 2, 78.0, -2.0, 0.90, NAN, 0.0, 0.2, 0.0, 16.0, 3.200, 3.250, 26.0],
    [115.0, 2, 77.0, -2.0, 0.50, NAN, 0.0, 1.0, 0.0, 78.0, 3.150, 3.240, 29.0],
    [3700.0, 2, 60.0, -2.0, 0.05, NAN, 0.0, 1.9, 0.0, 150.0, 2.400, 2.480, 28.0],
    [3710.0, 3, 82.0, 2.0, 0.05, 87.6, 0.1, 1.9, 8.0, 150.0, 3.400, 3.410, 28.0],
    [5510.0, 3, 84.0, 2.0, 0.45, 87.6, 1.1, 1.9, 90.0, 150.0, 3.490, 3.500, 30.0],
    [7310.0, 3, 87.59, 2.0, 0.95, 87.6, 1.6, 1.9, 133.0, 150.0, 3.640, 3.650, 31.0],
    [8310.0, 3, 87.6, 0.1, 0.99, 87.6, 2.0, 1.9, 165.0, 150.0, 3.645, 3.650, 29.0],
]
STEPS = [
    ("soak", "Soak", 0.0, 100.0),
    ("discharge", "Discharge", 100.0, 3700.0),
    ("charge", "Charge", 3700.0, 8310.0),
]


INSTRUMENTS = [
    {"name": "supply", "roles": ["source"]}, {"name": "load", "roles": ["sink"]}, {"name": "bms", "roles": ["bms"]},
    {"name": "scanner", "roles": ["temperatures"]}, {"name": "chamber", "roles": ["chamber"]},
]  # fmt: skip


def recording(rows: list[list[float]] | None = None, steps: list[tuple[str, str, float, float]] = STEPS) -> Recording:
    events = []
    for index, (name, kind, start, stop) in enumerate(steps, start=1):
        events.append({"type": "step started", "time": start, "index": index, "name": name, "kind": kind})
        events.append({"type": "step ended", "time": stop, "index": index, "ended_by": "time"})
    manifest = {"pack": {"capacity": 2.0}, "instruments": INSTRUMENTS}
    return Recording(manifest, events, COLUMNS, np.array(rows or ROWS))


def changed(row: int, column: str, value: float) -> list[list[float]]:
    """The rows, one value of which is another."""
    rows = [list(each) for each in ROWS]
    rows[row][COLUMNS.index(column)] = value
    return rows


def without(column: str) -> Recording:
    keep = [position for position, name in enumerate(COLUMNS) if name != column]
    run = recording()
    return Recording(run.manifest, run.events, [COLUMNS[position] for position in keep], run.rows[:, keep])


def sampled_quickly(step: tuple[str, str] = ("discharge", "Discharge"), before: float = 0.0) -> Recording:
    """The beginning of the discharge with a sample each 5 s, as a step of that name and kind; `before` it (A)."""
    rows = [list(row) for row in ROWS[:3]]
    rows[1][COLUMNS.index("Current / A")] = before
    for second, voltage in ((110.0, 77.5), (115.0, 77.0), (120.0, 76.5)):
        row = list(ROWS[2])
        row[0], row[COLUMNS.index("Voltage / V")] = second, voltage
        rows.append(row)
    return recording(rows, steps=[STEPS[0], (*step, 100.0, 120.0)])


LOSSLESS = {
    "charger charge": 1000.0, "charger discharge": 1000.0, "charger standby": 0.0, "charger proportional": 0.0,
    "charger quadratic": 0.0, "charger idle": 0.0, "charger dead time": 0.5, "charger ramp": 1000.0,
}  # fmt: skip


def recorded(
    kind: str, columns: dict[str, list[float]], set_points: dict[str, float], events: list[dict[str, Any]] | None = None
) -> Recording:
    """One step of that kind, a row each second."""
    count = len(next(iter(columns.values())))
    everything = {"Test Time / s": list(map(float, range(count))), "Step Count / 1": [1.0] * count, **columns}
    started = {
        "type": "step started", "time": 0.0, "index": 1, "name": "it", "kind": kind, "direction": "both",
        "resumable": True, "set_points": set_points,
    }  # fmt: skip
    ended = {"type": "step ended", "time": float(count), "index": 1, "ended_by": "time"}
    rows = np.array(list(everything.values())).T
    return Recording({"instruments": INSTRUMENTS}, [started, *(events or []), ended], list(everything), rows)
