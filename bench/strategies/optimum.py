"""The fastest schedule of stages that keeps a margin, searched on the twin for one pack and temperature.

What it knows is the strategy's own: the cell file's table of charge rates and the pack's temperature limit. Neither the
BMS's limit nor the judge's model of plating is in it, so that both can find it wrong.
"""

from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from bench.pack import PackFile
from bench.strategies.base import Strategy
from bench.strategies.stages import MultiStage
from bench.verdicts import InputError
from models.cell import CellParameters, load_cell
from models.construction import Construction
from models.tables import Vector
from models.twin import Beginning, Charged, ChargeTwin

STAGES, SEED = 5, 20261126
SHARE = 1.0
"""Of the cell file's charge limit, which has its own margin to the plating of the set that it is made from."""
STEEP = 3600.0
"""s of a charge that a whole share beyond the margin, or 10 K beyond the limit, is worth: so that none is worth it."""


@dataclass(frozen=True)
class Optimum(Strategy):
    """Searched for a pack and a temperature before a charge begins: `for_pack` gives what is then asked for.

    `stages` it has, and it keeps `share` of the cell file's table of charge rates.
    """

    stages: int = STAGES
    share: float = SHARE

    def __post_init__(self) -> None:
        if not 1 <= self.stages <= 12:
            raise ValueError(f"an optimum of {self.stages} stages is none: give 1 to 12.")

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return "optimum"

    @classmethod
    def named(cls, name: str) -> "Optimum | None":
        """See `Strategy`."""
        return cls() if name == "optimum" else None

    def for_pack(self, pack: PackFile, beginning: Beginning) -> "Replayed":
        """See `Strategy`: search. Raises `InputError` where SciPy is missing, or nothing ever gets there."""
        key = (self, pack.model_dump_json(), beginning)
        if key not in _found:
            _found[key] = _searched(self, pack, beginning)
        return _found[key]

    @property
    def is_searched(self) -> bool:
        """See `Strategy`."""
        return True

    def rate(self, _soc: float, _coldest: float, _hottest: float, _cell: CellParameters) -> float:
        """Nothing: nobody has searched yet."""
        return 0.0


@dataclass(frozen=True)
class Replayed(Strategy):
    """A schedule that was found on the twin, with what the twin promised: `time` (s), and the hottest cell (degC)."""

    schedule: MultiStage
    time: float
    hottest: float
    tried: int = field(compare=False, default=0)

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return f"optimum ({self.schedule.name})"

    @classmethod
    def named(cls, _name: str) -> None:
        """See `Strategy`: it is searched, not named."""

    @property
    def promised(self) -> float:
        """See `Strategy`."""
        return self.time

    def rate(self, soc: float, coldest: float, hottest: float, cell: CellParameters) -> float:
        """See `Strategy`."""
        return self.schedule.rate(soc, coldest, hottest, cell)


_found: dict[tuple[Optimum, str, Beginning], Replayed] = {}


def _searched(optimum: Optimum, pack: PackFile, beginning: Beginning) -> Replayed:
    try:
        from scipy.optimize import differential_evolution
    except ImportError as error:
        raise InputError(
            "a searched optimum needs SciPy, and it is not here: pip install 'packbench[map]', or use plating-aware."
        ) from error
    allowed = pack.limits.charge_temperature
    if not allowed.min <= beginning.temperature <= allowed.max:
        raise InputError(
            f"{pack.name} is not to be charged at {beginning.temperature:g} degC, its charge_temperature is from "
            f"{allowed.min:g} to {allowed.max:g} degC: precondition it first."
        )
    search = _Search(optimum, pack, beginning)
    found = differential_evolution(
        search.cost, search.bounds, vectorized=True, updating="deferred", rng=SEED, popsize=12, maxiter=60, tol=1e-3,
        polish=False,
    )  # fmt: skip
    schedule = search.schedule(found.x)
    # What is promised is what is asked for: rounded, and at finer steps.
    result = search.charged(found.x[:, np.newaxis], step=1.0)
    if not isfinite(result.time[0]):
        raise InputError(
            f"no schedule of {optimum.stages} stages brings {pack.name} from {100 * beginning.soc:.0f} to "
            f"{100 * beginning.end:.0f} % at {beginning.temperature:g} degC: its cell takes next to nothing there; "
            "precondition it first."
        )
    return Replayed(schedule, float(result.time[0]), float(result.hottest[0]), search.tried)


class _Search:
    """Schedules as vectors: a rate (1/h) for each stage, then where each but the last ends, as shares of the way."""

    def __init__(self, optimum: Optimum, pack: PackFile, beginning: Beginning) -> None:
        cell = load_cell(pack.cell)
        self._optimum, self._beginning, self._pack = optimum, beginning, pack
        construction = Construction(**pack.construction.model_dump())
        limits = pack.limits
        # A rate is of the rated capacity, as the bench has it; the twin's and the table's are of the cell's nominal.
        self._rated = pack.rated_capacity / (construction.built_in(cell, 1, 1).nominal_capacity * pack.parallel)
        self._twin = ChargeTwin(cell, pack.series, pack.parallel, limits.cell_voltage.max, construction)
        self._hottest = limits.charge_temperature.max
        most = min(limits.charge_current / pack.rated_capacity, float(cell.charge_limit.c_rate.max()) / self._rated)
        self.bounds = [(0.05, most)] * optimum.stages + [(0.01, 0.99)] * (optimum.stages - 1)
        self.tried = 0

    def _ends(self, vectors: Vector) -> Vector:
        """State of charge where each stage ends, shape [stage, candidate]."""
        begin, end = self._beginning.soc, self._beginning.end
        inner = np.sort(vectors[self._optimum.stages :], axis=0)
        return np.vstack([begin + (end - begin) * inner, np.ones((1, vectors.shape[1]))])

    def charged(self, vectors: Vector, step: float = 5.0) -> Charged:
        """Try candidates, shape [parameter, candidate]."""
        rates, ends = vectors[: self._optimum.stages], self._ends(vectors)

        def asked(soc: Vector, _temperature: Vector) -> Vector:
            stage = (soc >= ends[:-1]).sum(axis=0)
            return np.asarray(self._rated * np.take_along_axis(rates, stage[np.newaxis], axis=0)[0])

        self.tried += vectors.shape[1]
        return self._twin.charge(asked, vectors.shape[1], self._beginning, step)

    def cost(self, vectors: Vector) -> Vector:
        """Time (s), and more where a candidate breaks its margin or gets too hot."""
        vectors = vectors.reshape(len(self.bounds), -1)
        found = self.charged(vectors)
        beyond = np.maximum(found.nearest / self._optimum.share - 1.0, 0.0)
        hot = np.maximum(found.hottest - self._hottest + 2.0, 0.0) / 10.0
        time = np.where(np.isfinite(found.time), found.time, 10 * 3600.0)
        return np.asarray(time + STEEP * (10 * np.minimum(beyond, 10.0) + 10 * hot))

    def schedule(self, vector: Vector) -> MultiStage:
        """The stages of one candidate, rates rounded down to a thousandth."""
        vectors = vector[:, np.newaxis]
        rates = np.floor(1000 * vector[: self._optimum.stages]) / 1000
        ends = np.round(self._ends(vectors)[:, 0], 4)
        kept: list[tuple[float, float]] = []
        for end, rate in zip(ends.tolist(), rates.tolist(), strict=True):
            if not kept or end > kept[-1][0]:
                kept.append((end, rate))
        return MultiStage(tuple(kept))
