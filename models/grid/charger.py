"""A bidirectional charger: what gets through it each way, and how soon it does what it is asked.

Losses are a fixed part while it converts, one in proportion to the power and one to its square, of the power at the AC
side, each way alike. The shipped figures are fitted to a measured round trip of a V2G car: 87.0 % at 3 x 16 A between
25 and 75 %, 79.1 to 87.8 % over all conditions, low currents clearly worse (Schram et al. 2020, Empirical evaluation of
V2G round-trip efficiency, SEST), with a battery that gives back 99 %. What such a charger takes while it waits is
assumed.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import copysign, isfinite, sqrt

from models.fields import POSITIVE, Fields, Span

_NOT_NEGATIVE = Span(at_least=0.0)
_SPANS = {
    "charge": POSITIVE, "discharge": _NOT_NEGATIVE, "least": _NOT_NEGATIVE, "standby": _NOT_NEGATIVE,
    "proportional": Span(at_least=0.0, at_most=0.5), "quadratic": _NOT_NEGATIVE, "idle": _NOT_NEGATIVE,
    "dead_time": _NOT_NEGATIVE, "ramp": POSITIVE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Charger:
    """What a charger can do. Positive power charges the car; all powers in W.

    `charge` and `discharge` are the most at the AC side, both positive, `least` what it does at least if it does
    anything. Lost while it converts: `standby` + `proportional` * |P| + `quadratic` (1/W) * P^2, P at the AC side;
    `idle` is what it takes from the grid at 0 W. What it is asked it begins to do `dead_time` s later, by `ramp` W/s.
    """

    charge: float = 11000.0
    discharge: float = 11000.0
    least: float = 0.0
    standby: float = 300.0
    proportional: float = 0.030
    quadratic: float = 6.6e-7
    idle: float = 10.0
    dead_time: float = 0.5
    ramp: float = 5000.0

    @classmethod
    def of(cls, content: Mapping[str, object], place: str = "charger") -> "Charger":
        """Make one of a mapping with some of its names; `place` says in an error where that stands.

        Raises `CellFileError`, one sentence, for a name that there is not or a value that cannot be.
        """
        given = Fields(place, content, tuple(_SPANS))
        return cls(**{name: given.number(name, span) for name, span in _SPANS.items() if given.has(name)})

    def loss(self, power: float) -> float:
        """W lost at that power (W) of the AC side, either sign; `idle` at none."""
        if power == 0.0:
            return self.idle
        return self.standby + self.proportional * abs(power) + self.quadratic * power * power

    def ac_to_dc(self, power: float) -> float:
        """W at the car's terminals for those at the AC side; the least that charges nothing gives 0."""
        if power == 0.0:
            return 0.0
        through = power - self.loss(power)
        return through if power < 0 else max(through, 0.0)

    def dc_to_ac(self, power: float) -> float:
        """W at the AC side for those at the car's terminals; the inverse of `ac_to_dc`.

        A car that gives less than what is lost gives nothing at the AC side.
        """
        if power == 0.0:
            return 0.0
        # Of the two conventions each gives a quadratic in |P|: q P^2 + b P + c = 0.
        charging = power > 0
        linear = self.proportional - 1.0 if charging else self.proportional + 1.0
        constant = self.standby + power
        if not charging and constant >= 0:
            return 0.0
        size = _smaller_root(self.quadratic, linear, constant)
        return size if charging else -size

    def efficiency(self, power: float) -> float:
        """How much of a W gets through at that power of the AC side, 0 to 1; 0 at none."""
        through = self.ac_to_dc(power)
        if power == 0.0 or through == 0.0:
            return 0.0
        return through / power if power > 0 else power / through

    def allowed(self, asked: float) -> float:
        """What it does of what it is asked, W: within its limits, and 0 below its `least`."""
        within = min(max(asked, -self.discharge), self.charge)
        return within if abs(within) >= self.least else 0.0


def _smaller_root(square: float, linear: float, constant: float) -> float:
    """Of square x^2 + linear x + constant = 0, the root that stays when `square` vanishes.

    A power beyond where more at the AC side brings no more to the car is that of the most that gets through.
    """
    root = sqrt(max(linear * linear - 4.0 * square * constant, 0.0))
    return -2.0 * constant / (linear + copysign(root, linear))


class Plug:
    """A charger that is asked for power over time; it begins at rest, and its time is what it is told has passed."""

    def __init__(self, charger: Charger) -> None:
        self.charger = charger
        self.power = 0.0
        """W at the AC side now."""
        self.mean = 0.0
        """W at the AC side, mean of the last step."""
        self._now, self._asked, self._target = 0.0, 0.0, 0.0
        self._coming: deque[tuple[float, float]] = deque()

    def follow(self, asked: float, duration: float) -> float:
        """Be asked for that power (W, AC, positive charges) for `duration` s; return what it does at their end.

        Exact for any duration: two halves end where the whole does. Raises `ValueError` for a power that is no finite
        number, and for a time that does not pass.
        """
        if not isfinite(asked):
            raise ValueError(f"a charger is asked for {asked} W; give a finite number.")
        if not 0 <= duration < float("inf"):
            raise ValueError(f"{duration:g} s pass at a charger; give 0 or more.")
        self._hear(asked)
        end, energy = self._now + duration, 0.0
        while self._coming and self._coming[0][0] < end:
            at, target = self._coming.popleft()
            energy += self._move(max(at - self._now, 0.0))
            self._now, self._target = max(at, self._now), target
        energy += self._move(end - self._now)
        self._now = end
        self.mean = energy / duration if duration else self.power
        return self.power

    def stop(self) -> None:
        """Cut it off: 0 W at once, and whatever was asked before is forgotten."""
        self.power = self.mean = self._asked = self._target = 0.0
        self._coming.clear()

    def _hear(self, asked: float) -> None:
        if asked != self._asked:
            self._asked = asked
            self._coming.append((self._now + self.charger.dead_time, self.charger.allowed(asked)))

    def _move(self, duration: float) -> float:
        """Go to the target for so many s; return J."""
        before, apart = self.power, self._target - self.power
        needed = abs(apart) / self.charger.ramp
        if needed > duration:
            self.power += copysign(self.charger.ramp * duration, apart)
            return (before + self.power) / 2 * duration
        self.power = self._target
        return (before + self._target) / 2 * needed + self._target * (duration - needed)
