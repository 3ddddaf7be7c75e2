"""Public measurements of cells, read from wherever below a folder their files lie. Nothing of them is committed.

- A123: an A123 26650 of the ESC toolbox (G. Plett, University of Colorado), as in the GitHub repository
  batterysim/esctoolbox-python: C/30 discharge and charge and UDDS drive cycles at eight temperatures.
- LG M50: rate tests and pulses of LG M50 21700 cells at four temperatures (W. D. Widanage and others, University of
  Warwick), as in pybop-team/PyBOP, `examples/data/LG_M50_ECM`.
- LNMO: a 1 Ah graphite/LNMO cell discharged at five rates (Schmitt and others 2026, arXiv:2601.10507), as in
  BattMoTeam/schmitt-2026-lnmo-graphite-hydra-publication, `raw-data`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fitting.records import Record
from models.tables import Vector

PRIORS = Path(__file__).parent / "priors"


class NotFoundHere(Exception):
    """The folder has no such set; the message says which files were looked for."""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One public set: the shipped `cell` that stands for it, where it comes from, and how it is read."""

    cell: str
    source: str
    read: Callable[[Path], list[Record]]
    change: str = ""
    """What is assumed of the change with temperature, as the cell has it, where the set has one temperature."""
    prior: Path | None = None
    """A cell file that a fit departs from; the shipped cell where there is none."""
    held_out: tuple[str, ...] = ()
    """Records that are compared and not fitted, by their names."""


def _found(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.rglob(pattern))
    if not files:
        raise NotFoundHere(f"no {pattern} below {folder}")
    return files


def record(
    name: str,
    time: Vector,
    current: Vector,
    voltage: Vector,
    temperature: Vector | float,
    charge: Vector | None = None,
    to_empty: float | None = None,
) -> Record:
    """Put columns together, without rows of a time that was there already; one temperature is that of the air."""
    kept = np.concatenate([[True], np.diff(np.maximum.accumulate(time)) > 1e-6])
    celsius = np.full(len(time), temperature) if np.ndim(temperature) == 0 else np.asarray(temperature)
    return Record.of(
        name, time[kept], current[kept], voltage[kept], celsius[kept], None if charge is None else charge[kept],
        of_air=np.ndim(temperature) == 0, to_empty=to_empty,
    )  # fmt: skip


# --- A123 ---------------------------------------------------------------------------------------------------------


def a123(folder: Path) -> list[Record]:
    """Drive cycles, and the C/30 discharge and charge, each named by its file."""
    cycles = [_cycle(path) for path in _found(folder, "A123_DYN_*_s1.csv")]
    slow = [_slow(path) for path in _found(folder, "A123_OCV_*_S[13].csv")]
    return [*cycles, *slow]


def _celsius(path: Path) -> float:
    """Temperature as the file names say it: N25 is -25 degC, P05 is 5."""
    sign, value = re.findall(r"_([NP])(\d\d)_", path.name)[0]
    return float(value) if sign == "P" else -float(value)


def _cycle(path: Path) -> Record:
    """The charging counter is positive, the current is not: in these files a discharge is."""
    rows = pd.read_csv(path, skipinitialspace=True)
    columns = {name: rows[name].to_numpy(float) for name in rows.columns}
    counted = columns["chgAh"] - columns["disAh"]
    left = _given(path, "_s1", "_s2", ("disAh", "chgAh"))
    return record(
        path.stem, columns["time"], -columns["current"], columns["voltage"], _celsius(path), counted,
        None if left is None else left - float(counted[-1]),
    )  # fmt: skip


def _given(path: Path, this: str, then: str, counters: tuple[str, str]) -> float | None:
    """Ah that the cell gave in the test that followed: at 25 degC, slowly, to the end; None where that has no file."""
    following = path.with_name(path.name.replace(f"{this}.csv", f"{then}.csv"))
    if following == path or not following.exists():
        return None
    rows = pd.read_csv(following, skipinitialspace=True)
    taken, given = (float(rows[name].iloc[-1]) for name in counters)
    return taken - given


def _slow(path: Path) -> Record:
    rows = pd.read_csv(path)
    columns = {name: rows[name].to_numpy(float) for name in ("Test_Time(s)", "Current(A)", "Voltage(V)")}
    counted = (rows["Charge_Capacity(Ah)"] - rows["Discharge_Capacity(Ah)"]).to_numpy(float)
    time, current, voltage = columns.values()
    left = _given(path, "_S1", "_S2", ("Discharge_Capacity(Ah)", "Charge_Capacity(Ah)"))
    held = 0.0 if path.stem.endswith("_S3") else None if left is None else left - float(counted[-1])
    return record(path.stem, time, current, voltage, _celsius(path), counted, held)


# --- LG M50 -------------------------------------------------------------------------------------------------------

UNUSABLE = ("T45_1p5C",)
"""Tests that do not begin at rest: their first row has the voltage under a current that it does not say."""


def lg_m50(folder: Path) -> list[Record]:
    """Rate tests with the cell's own temperature, and of each pulse test the first cell that has one."""
    rates, pulses = _mat(_found(folder, "LGM50_5Ah_RateTest.mat")[0]), _mat(_found(folder, "LGM50_5Ah_Pulse.mat")[0])
    return [*_rate_tests(rates["LGM50_5Ah_RateTest"]), *_pulses(pulses["LGM50_5Ah_Pulse"])]


def _mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    return dict(loadmat(path, struct_as_record=False, squeeze_me=True))


def _fields(struct: Any) -> Iterator[tuple[str, Any]]:
    yield from ((name, getattr(struct, name)) for name in struct._fieldnames)


def _rate_tests(tests: Any) -> Iterator[Record]:
    for temperature, rates in _fields(tests):
        for rate, test in _fields(rates):
            name = f"{temperature}_{rate.removeprefix('cRate_')}"
            if name not in UNUSABLE:
                yield record(name, test.timeVec, test.currVec, test.volVec, test.cellTemp_mid)


def _pulses(tests: Any) -> Iterator[Record]:
    for temperature, charges in _fields(tests):
        for charge, cells in _fields(charges):
            whole = [cell.data for _, cell in _fields(cells) if len(cell.data.ProgTime) > 40]
            if whole:
                yield _pulse(f"{temperature}_{charge}", whole[0], float(temperature.removeprefix("T")))


def _pulse(name: str, test: Any, celsius: float) -> Record:
    """The first row is the end of a rest; of the rows in the moment of the step the last one says what it became."""
    time = test.ProgTime - test.ProgTime[0]
    steps = (test.Step == test.Step[-1]) | (np.abs(test.Current) > 0)
    steps[0] = True
    start = np.concatenate([[time[0] - 1.0], time[steps]])
    return record(
        name, start + 1.0, np.concatenate([[0.0], test.Current[steps]]),
        np.concatenate([[test.Voltage[0]], test.Voltage[steps]]), celsius,
    )  # fmt: skip


# --- LNMO ---------------------------------------------------------------------------------------------------------


def lnmo(folder: Path) -> list[Record]:
    """Five discharges from full; time is in hours there. The cell stood in air of 25 degC, and nobody measured it."""
    tests = _mat(_found(folder, "TE_1473.mat")[0])["experiment"]
    return [
        record(f"{abs(np.median(current)):.2g}C", 3600 * time, current, voltage, 25.0)
        for time, current, voltage in zip(tests.time, tests.current, tests.voltage, strict=True)
    ]


SETS = (
    PublicSet(
        "lfp-26650",
        "an A123 26650 (ESC toolbox of G. Plett, GitHub batterysim/esctoolbox-python): C/30 discharge and charge and "
        "UDDS drive cycles from -25 to 45 degC",
        a123,
        prior=PRIORS / "lfp-26650.yaml",
    ),
    PublicSet(
        "nmc811-21700",
        "LG M50 21700 cells (University of Warwick, GitHub pybop-team/PyBOP, LG_M50_ECM): rate tests from C/10 to 2C "
        "and 10 s pulses from 0 to 45 degC",
        lg_m50,
        held_out=("T0_0p1C", "T10_0p1C", "T0_2C", "T10_2C", "T25_2C", "T0_0p5C", "T10_0p5C"),
    ),
    PublicSet(
        "lnmo-1ah",
        "a 1 Ah graphite/LNMO cell (arXiv:2601.10507, GitHub BattMoTeam/schmitt-2026-lnmo-graphite-hydra-publication): "
        "discharges from C/20 to 2C at 25 degC",
        lnmo,
        prior=PRIORS / "lnmo-1ah.yaml",
        change="30 kJ/mol (an A123 has 27 in its drive cycles, graphite 35), but in the cold below 10 and above 98 % "
        "of charge, where the curve is steep, the 5.6 kJ/mol that the cathode's diffusion has in arXiv:2601.10507",
    ),
)
