"""The product's own HIL suite on benches drawn anew, instruments and pack: sessions in processes of their own.

A session that was recorded is not recorded again: whoever is stopped goes on there. What has been recorded stays, so
that its figures can be computed again by another way of stating their uncertainty.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import yaml

from bench.station import load_station
from truth.watching import FILE

CHECKOUT = Path(__file__).parent.parent
DONE = "recorded"
"""A file of this name ends a session: without it the session died and is recorded anew."""
NEEDLESS = ("transcript.log", "can.blf")
"""Files of a run from which nothing is computed."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "25": ("--temperatures=25",),
    **{f"{celsius}": (f"--temperatures={celsius}", "-m", "not other_packs") for celsius in (-10, 45, 0)},
}
"""The whole suite: what does not ask for a temperature is run once."""
APART = 1000
"""Between the seeds of two parts."""
CYCLING = tuple(f"test_{name}.py" for name in ("charge", "discharge", "fast_recharge", "resistance"))
"""Files of `test_cases/` whose figures the world knows the truth of: charges, discharges, pulses."""
SESSION = ("-q", "-p", "truth.watching", "-p", "no:reports.plugin", "-p", "no:cacheprovider")


SHIPPED = (0.25, 0.30)
"""State of charge of a pack that has arrived: at most 30 % (UN 38.3)."""


def _draw(content: dict[str, Any], seed: int) -> None:
    """Other specimens of its instruments, and another charge of its pack: scans fall elsewhere on what it does."""
    content["virtual"]["specimens"] = seed
    content["virtual"]["soc"] = round(Random(f"charge:{seed}").uniform(*SHIPPED), 4)


def exact(content: dict[str, Any], seed: int) -> None:
    """Meters that are not off, but for the last digit of their displays."""
    for simulator in content["virtual"]["simulators"].values():
        simulator.pop("errors", None)
        simulator["accuracy"] = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Which tests on which station, below which folder the sessions are; `changes` are made to the station file.

    A bench is recorded in `parts`, each with its arguments of pytest: the first part of every bench first, so that
    whoever has no time for all of it has something of each bench. Each part is drawn by itself: the errors of twenty
    specimens, looked at once more at another temperature, tell no more of a meter than before.
    """

    station: str
    folder: Path
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)
    changes: Callable[[dict[str, Any], int], None] = _draw
    files: Sequence[str] = CYCLING
    nice: int = 0

    def record(self, seeds: Sequence[int], told: Callable[[str], None] = print) -> None:
        """Record what is missing of these benches, and tell after each part how much is left."""
        began, missing = time.monotonic(), list(self._missing(seeds))
        for number, (part, seed) in enumerate(missing, 1):
            self._record(part, seed)
            left = (time.monotonic() - began) / number * (len(missing) - number)
            told(f"{self.station}: bench {seed}, {part}, {number} of {len(missing)}; about {left / 60:.0f} min left")

    def runs(self, seed: int) -> list[Path]:
        """The runs of one bench, as far as they are recorded."""
        return [folder for _, folder in self.benches([seed])]

    def benches(self, seeds: Sequence[int]) -> Iterator[tuple[int, Path]]:
        """The runs of these benches with what each was drawn from, as far as they are recorded."""
        for part, seed in product(self.parts, seeds):
            folder = self._of(part, seed)
            if (folder / DONE).exists():
                yield from ((self._drawn_from(part, seed), path.parent) for path in sorted(folder.glob(f"*/*/{FILE}")))

    def _drawn_from(self, part: str, seed: int) -> int:
        return seed + APART * list(self.parts).index(part)

    def _missing(self, seeds: Sequence[int]) -> Iterator[tuple[str, int]]:
        for part, seed in product(self.parts, seeds):
            if not (self._of(part, seed) / DONE).exists():
                yield part, seed

    def _of(self, part: str, seed: int) -> Path:
        return self.folder / f"{self.station}-{seed}" / part

    def _record(self, part: str, seed: int) -> None:
        folder = self._of(part, seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        station = folder / f"{self.station}.yaml"
        drawn_from = self._drawn_from(part, seed)
        station.write_text(self._station(drawn_from), encoding="utf-8")
        command = [
            sys.executable, "-m", "pytest", *(str(CHECKOUT / "test_cases" / name) for name in self.files), *SESSION,
            f"--station={station}", f"--runs={folder}", f"--accepted={folder / 'accepted'}",
            f"--seed={drawn_from}", *self.parts[part],
        ]  # fmt: skip
        prefix = ["nice", "-n", str(self.nice)] if self.nice and shutil.which("nice") else []
        with (folder / "session.log").open("w", encoding="utf-8") as log:
            ended = subprocess.run([*prefix, *command], cwd=CHECKOUT, stdout=log, stderr=log, check=False)
        if ended.returncode not in (0, 1):  # 1: a pack has failed, which is an answer
            raise RuntimeError(f"The suite on bench {seed} ended with {ended.returncode}: see {log.name}.")
        for each in (path for name in NEEDLESS for path in folder.glob(f"*/*/{name}")):
            each.unlink()
        (folder / DONE).touch()

    def _station(self, seed: int) -> str:
        content = yaml.safe_load(load_station(self.station)[1].read_text(encoding="utf-8"))
        self.changes(content, seed)
        return yaml.safe_dump(content, sort_keys=False)
