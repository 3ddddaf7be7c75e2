"""Volt-watt (SunSpec 706): how much may be given back at most, by the voltage; below 0 that much has to be taken.

What is set at first is the default of IEEE 1547-2018, table 31, for a store of energy: all of it up to 106 % of the
nominal voltage, nothing at 110 %, within 10 s.
"""

from itertools import pairwise

from bench.managing.modbus.functions.function import Area, GridFunction, Settings
from bench.managing.modbus.functions.lag import Lag

POINTS = 4
RATED = 0
"""`DeptRef`: in % of the largest power; of what is available nobody is asked here."""


class VoltWatt:
    """Limits what is given back."""

    def __init__(self) -> None:
        self._held = Lag()

    def shaped(self, power: float, area: Area, settings: Settings) -> float:
        """See `Shaping`."""
        points = _points(settings, 1)
        # What is held back moves, not the limit: before the first look nothing is.
        held = self._held.toward(100 - _at(points, area.percent), settings["Crv.1.RspTms"], area.time)
        return min(power, (100 - held) / 100 * area.largest)


def _points(settings: Settings, curve: int) -> list[tuple[float, float]]:
    """% of the nominal voltage, and % of the largest power."""
    count = int(settings[f"Crv.{curve}.ActPt"])
    return [(settings[f"Crv.{curve}.Pt.{n}.V"], settings[f"Crv.{curve}.Pt.{n}.W"]) for n in range(1, count + 1)]


def _at(points: list[tuple[float, float]], percent: float) -> float:
    """Of a curve: straight between two points, level beyond its ends."""
    if percent <= points[0][0]:
        return points[0][1]
    for before, after in pairwise(points):
        if percent < after[0]:
            return before[1] + (after[1] - before[1]) * (percent - before[0]) / (after[0] - before[0])
    return points[-1][1]


def _fits(stored: Settings) -> bool:
    """A curve of two points or more, of voltages that rise and powers that do not."""
    if not 2 <= stored["Crv.2.ActPt"] <= POINTS or stored["Crv.2.DeptRef"] != RATED:
        return False
    points = _points(stored, 2)
    falls = all(before[0] < after[0] and before[1] >= after[1] for before, after in pairwise(points))
    return falls and all(abs(share) <= 100 for _, share in points)


FUNCTIONS = (
    GridFunction(
        706, "Crv", {"NCrv": 2, "NPt": POINTS}, {"V_SF": -1, "DeptRef_SF": -1, "RspTms_SF": -2},
        {
            "ActPt": 2, "DeptRef": RATED, "RspTms": 10, "Pt.1.V": 106, "Pt.1.W": 100, "Pt.2.V": 110, "Pt.2.W": 0,
            "Pt.3.V": 0, "Pt.3.W": 0, "Pt.4.V": 0, "Pt.4.W": 0,
        },
        mode="VOLT_WATT", rank=2, fits=_fits, shape=VoltWatt,
    ),
)  # fmt: skip
