"""The cabin: what it takes to bring it to a comfortable temperature and hold it there, by the weather.

One thermal mass (air, seats, trim) that exchanges heat with the outside through body, glass and fresh air. Figures that
it must meet: from -10 to 20 degC costs 1.5 to 2.3 kWh, holding takes 1.5 to 3 kW at -9 to -14 degC, where a heat pump
gains nothing (ADAC's measurements).
"""

from dataclasses import dataclass

import numpy as np

from models.tables import Vector


@dataclass(frozen=True, slots=True)
class Cabin:
    """Capacities in J/K, conductance in W/K, powers in W (electrical), `comfort` in degC.

    `heat_pump` is a coefficient of performance over the temperature outside: pairs of degC and heat per power, between
    which it is linear; None for a resistive heater, which has 1. `cooling` is that of the air conditioning.
    """

    heat_capacity: float = 150e3
    conductance: float = 65.0
    comfort: float = 20.0
    cooled: float = 24.0
    heater: float = 5000.0
    compressor: float = 2500.0
    cooling: float = 2.5
    heat_pump: tuple[tuple[float, float], ...] | None = None

    def performance(self, outside: float) -> float:
        """Heat for each W of the heater, at that temperature outside (degC)."""
        if self.heat_pump is None:
            return 1.0
        degrees, heat = zip(*self.heat_pump, strict=True)
        return float(np.interp(outside, degrees, heat))

    def conditioned(self, time: Vector, outside: float, sun: float, inside: float) -> tuple[Vector, float]:
        """Electrical power (W) at each time (s), and the temperature inside at the end, from `inside` (degC) on.

        `sun` is heat through the glass, W. Full power until it is comfortable, then what holds it.
        """
        power = np.zeros_like(time)
        heat_per_watt = self.performance(outside)
        for number, step in enumerate(np.diff(time).tolist()):
            gain = self.conductance * (outside - inside) + sun
            wanted = self.comfort if inside + gain * step / self.heat_capacity < self.comfort else self.cooled
            lacking = (wanted - inside) * self.heat_capacity / step - gain
            if wanted == self.comfort and lacking > 0:
                power[number] = min(lacking / heat_per_watt, self.heater)
                gain += power[number] * heat_per_watt
            elif wanted == self.cooled and lacking < 0:
                power[number] = min(-lacking / self.cooling, self.compressor)
                gain -= power[number] * self.cooling
            inside += gain * step / self.heat_capacity
        return power, inside
