"""The AC node of a house: what its line does to the voltage there."""

from math import sqrt


def voltage_at(volts: float, ohms: float, power: float, phases: int = 3) -> float:
    """V between a phase and neutral behind a line of so many ohms, at so many W from the grid (negative: into it).

    `volts` is what a phase has without any. All phases carry the same, and the line is a resistance: a house's cable
    is nearly one. More than the line can carry has its voltage at half, where it carries most.
    """
    return (volts + sqrt(max(volts * volts - 4 * ohms * power / phases, 0.0))) / 2
