"""Frequency droop (SunSpec 711): the power falls as the frequency rises, beyond a deadband.

IEEE 1547-2018, 6.5.2.7.2.1, formulas of table 23, around 50 Hz: by per unit of the largest power for `K` per unit of
the nominal frequency. What is set at first is the limited frequency sensitive mode of (EU) 2016/631, 13.2 and 15.2:
0.2 Hz, 5 %.
"""

from bench.managing.links import Mains
from bench.managing.modbus.functions.function import Area, GridFunction, Settings
from bench.managing.modbus.functions.lag import Lag

NOMINAL = 50.0
"""Hz."""


class Droop:
    """Moves the power by what the frequency is off."""

    def __init__(self) -> None:
        self._shift = Lag()

    def shaped(self, power: float, area: Area, settings: Settings) -> float:
        """See `Shaping`."""
        wanted = _shift(area.mains, settings)
        shift = area.largest * self._shift.toward(wanted, settings["Ctl.1.RspTms"], area.time)
        moved = power + shift
        # The least power binds what a high frequency takes away, not what was asked for.
        return max(moved, min(power, settings["Ctl.1.PMin"] / 100 * area.largest)) if shift < 0 else moved


def _shift(mains: Mains, settings: Settings) -> float:
    """By how much of the largest power."""
    low, high = NOMINAL - settings["Ctl.1.DbUf"], NOMINAL + settings["Ctl.1.DbOf"]
    if mains.hertz < low:
        return (low - mains.hertz) / (NOMINAL * settings["Ctl.1.KUf"])
    if mains.hertz > high:
        return (high - mains.hertz) / (NOMINAL * settings["Ctl.1.KOf"])
    return 0.0


def _fits(stored: Settings) -> bool:
    """A droop of 0 would ask for an endless power; a deadband of 3 Hz and more leaves the grid's range."""
    return (
        all(stored[f"Ctl.2.{name}"] > 0 for name in ("KOf", "KUf"))
        and all(stored[f"Ctl.2.{name}"] <= NOMINAL / 10 for name in ("DbOf", "DbUf"))
        and abs(stored["Ctl.2.PMin"]) <= 100
    )


FUNCTIONS = (
    GridFunction(
        711, "Ctl", {"NCtl": 2}, {"Db_SF": -3, "K_SF": -3, "RspTms_SF": -2},
        {"DbOf": 0.2, "DbUf": 0.2, "KOf": 0.05, "KUf": 0.05, "RspTms": 0, "PMin": -100},
        mode="FREQ_WATT", rank=1, fits=_fits, shape=Droop,
    ),
)  # fmt: skip
