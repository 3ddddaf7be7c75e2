"""Air: its density, by temperature and altitude (ideal gas; International Standard Atmosphere, ISO 2533)."""

from math import exp

GAS_CONSTANT = 287.05
"""J/(kg K) of dry air."""
SEA_LEVEL = 101325.0
"""Pa."""
SCALE_HEIGHT = 8434.0
"""m over which pressure falls to 1/e, near the ground."""
KELVIN = 273.15
REFERENCE_DENSITY = SEA_LEVEL / GAS_CONSTANT / (20.0 + KELVIN)
"""kg/m3 at 20 degC and sea level, to which road loads are corrected (UN GTR 15, annex 4)."""


def density(temperature: float, altitude: float = 0.0) -> float:
    """kg/m3 of air of that temperature, degC, at that altitude, m."""
    return SEA_LEVEL * exp(-altitude / SCALE_HEIGHT) / GAS_CONSTANT / (temperature + KELVIN)
