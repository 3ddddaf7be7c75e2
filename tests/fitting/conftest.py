"""A cell that nobody's parameters know: its records are made here, by a circuit of this file alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

Vector = NDArray[np.float64]

CAPACITY = 4.0


@dataclass(frozen=True)
class Truth:
    """One resistance at once and one pair, the same at every state of charge; both fall with temperature."""

    r0: float = 0.030
    r1: float = 0.020
    tau: float = 30.0

    def at(self, temperature: float) -> tuple[float, float]:
        """Ohm at once and of the pair, at degC."""
        factor = exp(2500 * (1 / (temperature + 273.15) - 1 / 298.15))
        return self.r0 * factor, self.r1 * factor

    def after(self, seconds: float, temperature: float) -> float:
        """Ohm that a current has met by then."""
        r0, r1 = self.at(temperature)
        return r0 + r1 * (1 - exp(-seconds / self.tau))

    def ocv(self, soc: Vector) -> Vector:
        """V: what no table of ours holds."""
        return 3.2 + 0.8 * soc + 0.1 * np.tanh(8 * (soc - 0.5)) - 0.25 * np.exp(-25 * soc)


def simulated(truth: Truth, current: Vector, period: float, temperature: float, start: float = 1.0) -> pd.DataFrame:
    """A record in the Battery Data Format, a row per `period` s."""
    r0, r1 = truth.at(temperature)
    left, pair, soc = exp(-period / truth.tau), 0.0, start
    rows = []
    for number, ampere in enumerate(current):
        if number:
            pair = left * pair + (1 - left) * r1 * ampere
            soc += ampere * period / 3600 / CAPACITY
        rows.append((number * period, float(truth.ocv(np.array(soc))) + r0 * ampere + pair, ampere, temperature))
    return pd.DataFrame(rows, columns=["Test Time / s", "Voltage / V", "Current / A", "Surface Temperature / degC"])


def discharge(rate: float, period: float = 10.0) -> Vector:
    """A at C-rate `rate` (1/h), from full to nearly empty, after a rest and before another."""
    rows = round(0.97 * 3600 / rate / period)
    return np.concatenate([np.zeros(6), np.full(rows, -rate * CAPACITY), np.zeros(60)])


def pulses(period: float = 1.0) -> Vector:
    """10 s pulses both ways between stretches of a discharge and rests."""
    one = [np.zeros(30), np.full(12, -4.0), np.zeros(60), np.full(12, 3.0), np.zeros(60), np.full(330, -4.0)]
    return np.concatenate([*one * 9, np.zeros(30)]) if period == 1.0 else np.zeros(0)


Recorded = Callable[..., list[Path]]


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
def recorded(tmp_path: Path, truth: Truth) -> Recorded:
    """Write records of the cell at these temperatures, a slow discharge and pulses each."""

    def write(temperatures: Sequence[float] = (0.0, 25.0), *, slow: bool = True, pulsed: bool = True) -> list[Path]:
        files = []
        for temperature in temperatures:
            wanted = {"slow": (slow, discharge(0.1), 10.0), "pulses": (pulsed, pulses(), 1.0)}
            for name, (asked, current, period) in wanted.items():
                if asked:
                    files.append(tmp_path / f"{name}_{temperature:g}.csv")
                    simulated(truth, current, period, temperature).to_csv(files[-1], index=False)
        return files

    return write
