"""What a map is made of: every combination of road, season, pack and strategy, with and without preconditioning."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

from bench.verdicts import InputError
from models.cell import CellFileError
from models.vehicle.road import available_roads
from models.vehicle.season import weather

SEASONS = ("oslo-winter@7", "paris-spring@8", "seville-summer@15", "paris-autumn@18")
"""The coldest morning and the hottest afternoon that there are, and two between."""
STRATEGIES = ("follow-limit",)
MORNING, FULL_DAY = 8.0, 24.0
"""Hours."""
SEPARATOR = "--"
LONGEST = 120
"""Characters of a plain file name: a disk allows 255 of a name, and a recording adds its own."""
_PLAIN = re.compile(r"(?!-)(?:[a-z0-9.@]|-(?!-|$))+", re.ASCII)
_NOT_PLAIN = re.compile(r"[^a-z0-9.@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A season as it is written, `place-season@hour`: what `bench.road.Drive` calls season and hour."""

    written: str
    season: str
    hour: float

    @classmethod
    def of(cls, written: str) -> "Moment":
        """Read one; raises `InputError` for a season, a place or an hour that does not exist."""
        season, at, hour = written.partition("@")
        try:
            weather(season)
        except CellFileError as error:
            raise InputError(f"season {written!r}: {error}") from error
        try:
            number = float(hour) if at else MORNING
        except ValueError as error:
            raise InputError(f"season {written!r}: an hour is a number, as in {season}@7.") from error
        if not 0.0 <= number < FULL_DAY:
            raise InputError(f"season {written!r}: an hour is from 0 to less than 24, as in {season}@7.")
        return cls(written, season, number)

    def __str__(self) -> str:
        return f"{self.season.replace('-', ', ')} at {self.hour:g} h"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the map. All names are as they are written in a command."""

    pack: str
    road: str
    season: str
    strategy: str = STRATEGIES[0]
    conditioned: bool = False

    @property
    def id(self) -> str:
        """A name for files, on any disk; of two fields never the same, whatever their parts are called."""
        parts = (self.pack, self.road, self.season, self.strategy, "conditioned" if self.conditioned else "as-it-comes")
        plain = SEPARATOR.join(parts)
        if len(plain) <= LONGEST and plain[0] != "." and all(map(_PLAIN.fullmatch, parts)):
            return plain
        # Paths, capital letters (two names that some disks take for one) and what else a file may not be called.
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return f"{_NOT_PLAIN.sub('_', plain.lower())[-LONGEST:].lstrip('.')}{SEPARATOR}{digest}"

    def __str__(self) -> str:
        conditioned = ", preconditioned" if self.conditioned else ""
        return f"{self.pack}, {self.road} in {self.season}, {self.strategy}{conditioned}"


@dataclass(frozen=True, slots=True)
class Task:
    """What is the same for all fields: where and how they are measured.

    `garage`: each night before is spent in one, not outside. `arrival` is the state of charge (0 to 1) at the charger,
    `end` that at which a recharge ends, `target` (degC) what cells are conditioned to. `version` is that of packbench:
    a worker with another one would measure something else.
    """

    station: str
    car: str = "renault-5-class"
    arrival: float = 0.10
    end: float = 0.80
    target: float = 25.0
    seed: int = 0
    garage: bool = False
    version: str = field(default="", compare=False)


def fields_of(
    packs: Iterable[str],
    roads: Iterable[str] = (),
    seasons: Iterable[str] = (),
    strategies: Iterable[str] = (),
    conditioned: Sequence[bool] = (False, True),
) -> list[Field]:
    """Every combination once, in an order that saves soaks: of each pack those of one season follow each other.

    What is left out is all there is of roads, `SEASONS` and `STRATEGIES`; what is named twice counts once, also a
    season at the same hour. Raises `InputError` for a season that does not exist, or for no pack.
    """
    moments = _moments(tuple(seasons) or SEASONS)
    chosen = dict.fromkeys(packs)
    if not chosen:
        raise InputError("a map needs a pack: name some with --packs, or a station that has some.")
    ways = dict.fromkeys(tuple(roads) or available_roads())
    plans = dict.fromkeys(tuple(strategies) or STRATEGIES)
    every = product(chosen, moments, ways, plans, dict.fromkeys(conditioned))
    return [Field(pack, road, season, plan, warm) for pack, season, road, plan, warm in every]


def _moments(seasons: Iterable[str]) -> list[str]:
    found: dict[tuple[str, float], str] = {}
    for each in map(Moment.of, seasons):
        found.setdefault((each.season, each.hour), each.written)
    return list(found.values())
