"""Periods of a charging schedule of OCPP 2.1: what is asked for, and between what. W at the AC side, positive charges.

What a profile says and this station has nobody for is refused, not passed over: whoever set it would believe it done.
Source: OCPP 2.1 edition 1, part 2, K (smart charging) and Q (bidirectional power transfer), and its schemas' words.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any

import numpy as np

Payload = Mapping[str, Any]
FREQUENCY = "LocalFrequency"
MODES = frozenset({"Idle", "ChargingOnly", "CentralSetpoint", FREQUENCY})
KNOWN = frozenset({
    "startPeriod", "limit", "dischargeLimit", "setpoint", "operationMode", "v2xBaseline", "v2xFreqWattCurve",
    # A power is that of all phases, however many there are.
    "numberPhases", "customData",
})  # fmt: skip
"""What is done, or asks for nothing that could be done. Of all else only its absence: empty, 0 or false."""
LARGEST = 1e9
"""W, or s, that nobody means."""


class Unusable(Exception):
    """Something cannot be used: a reason code of OCPP, and one sentence."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (s of its schedule) on: what is asked for, and between what.

    `curve` has Hz and the W that are added there, in rising order; empty where the frequency is nobody's matter.
    """

    start: float
    asked: float | None
    most: float = inf
    least: float = -inf
    curve: Sequence[tuple[float, float]] = ()

    def within(self, power: float) -> float:
        """A power as these limits leave it."""
        return min(max(power, self.least), self.most)

    @property
    def power(self) -> float:
        """W, whatever the frequency is."""
        return 0.0 if self.asked is None else self.within(self.asked)

    def at_frequency(self, hertz: float) -> float:
        """W at a frequency, straight between the curve's points; 0 where nobody knows it (nan)."""
        if isnan(hertz):
            return 0.0
        added = np.interp(hertz, [each for each, _ in self.curve], [each for _, each in self.curve])
        return self.within((self.asked or 0.0) + float(added))

    def composed(self) -> Payload:
        """As a composite schedule tells it, without its beginning: a power, or what follows the frequency."""
        if not self.curve:
            return {"operationMode": "CentralSetpoint", "setpoint": round(self.power, 1)}
        limits = {"limit": self.most, "dischargeLimit": self.least}
        return {
            "operationMode": FREQUENCY, "v2xBaseline": self.asked or 0.0,
            "v2xFreqWattCurve": [{"frequency": hertz, "power": power} for hertz, power in self.curve],
            **{name: value for name, value in limits.items() if isfinite(value)},
        }  # fmt: skip


def period(content: Payload) -> Period:
    """One of a schedule; raises `Unusable`."""
    mode = content.get("operationMode", "ChargingOnly" if "setpoint" not in content else "CentralSetpoint")
    if mode not in MODES:
        raise Unusable("UnsupportedParam", f"operation mode {mode} is nothing that is done here.")
    refuse_others(content, KNOWN)
    only = mode == "ChargingOnly"
    most, least = number(content, "limit", inf), number(content, "dischargeLimit", 0.0 if only else -inf)
    if most < 0 or least > 0:
        raise Unusable("InvalidValue", "a limit is 0 W or more, and one of discharging 0 W or less.")
    start, curve = number(content, "startPeriod", 0.0), _curve(content, mode)
    if mode == FREQUENCY:
        return Period(start, number(content, "v2xBaseline", 0.0), most, least, curve)
    asked = max(number(content, "setpoint", most), 0.0) if only else number(content, "setpoint", inf)
    return Period(start, 0.0 if mode == "Idle" else None if asked == inf else asked, most, least)


def _curve(content: Payload, mode: str) -> Sequence[tuple[float, float]]:
    """Hz and W of a period that follows the frequency, and of no other one; raises `Unusable`."""
    points = content.get("v2xFreqWattCurve", ())
    if bool(points) != (mode == FREQUENCY) or (mode != FREQUENCY and content.get("v2xBaseline")):
        raise Unusable(
            "InvalidSchedule",
            f"the operation mode {FREQUENCY} has a v2xFreqWattCurve and a v2xBaseline, others neither.",
        )
    found = tuple((number(each, "frequency", 0.0), number(each, "power", 0.0)) for each in points)
    hertz = [each for each, _ in found]
    if sorted(set(hertz)) != hertz:
        raise Unusable("InvalidSchedule", "the frequencies of a v2xFreqWattCurve rise.")
    return found


def refuse_others(content: Payload, known: Collection[str]) -> None:
    """Raise `Unusable` for what says something that nobody here does."""
    undone = next((name for name, value in content.items() if value and name not in known), None)
    if undone is not None:
        raise Unusable("UnsupportedParam", f"{undone} is nothing that is done here.")


def number(content: Payload, key: str, otherwise: float) -> float:
    """A number of a payload, or what holds `otherwise`; raises `Unusable`."""
    value = content.get(key)
    if value is None:
        return otherwise
    if not abs(value) < LARGEST:
        raise Unusable("InvalidValue", f"{key} is no number of W, or s, of a charging station.")
    return float(value)
