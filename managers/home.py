"""What a manager knows that its wire does not tell: what its owner has told it, and what it assumes where nobody did.

A wall box tells neither prices nor weather nor who wants to go anywhere. A manager in the field has these from
elsewhere, and so has ours: from a file of its owner. A car of which nobody says when it leaves is to be full as soon as
it can be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from managers.contract import CONTRACT, ContractError, parsed, read
from managers.vehicle import Range, pack_of
from models.fields import CellFileError
from models.vehicle.reach import going, reach

SOON = timedelta(hours=1)
"""Until a departure that nobody tells."""
FAR = 1000.0
"""Km: more than a full car has in it."""
EFFICIENCY = 0.93
"""Of a W one way through the charger, where nobody tells another."""
MODEL = "renault-5-class"
"""The car, where nobody tells another."""
_ASSUMED: Mapping[str, Any] = {
    "site": {"house": None, "sun": None, "import": 12000, "export": 12000},
    "reserve": {"distance": 50, "road": "country"},
    "season": "unknown", "model": MODEL,
    "forecast": {"step": 900, "outside": [5], "house": [400], "sun": [0], "buy": [0.25], "sell": [0.1]},
}  # fmt: skip
KEYS = (*_ASSUMED, "trip")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a wire has told. Powers in W, energies in Wh; None is not told.

    `charge` and `discharge` are the charger's, `takes` and `gives` the car's. `leaves` is the next departure, at which
    `wanted` is to be in the car; `kept` stays in it at home.
    """

    time: datetime
    reason: str
    plugged: bool
    soc: float | None
    energy: float
    charge: float
    discharge: float
    takes: float
    gives: float
    cells: float | None = None
    leaves: datetime | None = None
    wanted: float | None = None
    kept: float | None = None


_ANY = Sight(
    time=datetime(2026, 1, 12, tzinfo=UTC), reason="start", plugged=True, soc=0.5, energy=52000.0, charge=7400.0,
    discharge=7400.0, takes=7000.0, gives=7000.0,
)  # fmt: skip
"""What some wire tells of some car, beside which a home is read."""


@dataclass(frozen=True, slots=True)
class Home:
    """What the owner has `told`: keys of the contract's request."""

    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str) -> "Home":
        """Read a file; raises `ContractError`, one sentence, for one that cannot be read, or says what no request can.

        Where it is read, and not at the first decision: over a wire a request that is none only has the car rest.
        """
        try:
            content = parsed(Path(path).read_bytes())
        except OSError as error:
            raise ContractError(f"{path}: cannot be read ({error.strerror}).") from error
        if not isinstance(content, Mapping):
            raise ContractError(f"{path}: {json.dumps(content)[:60]}; give an object with {', '.join(KEYS)}.")
        for key in content:
            if key not in KEYS:
                raise ContractError(f"{path}: {key} is no key of a home; there are {', '.join(KEYS)}.")
        found = cls(content)
        try:
            ways = Range(read(found.request(_ANY)))
            ways.need(), ways.reserve()  # a car and roads that there are
        except (ContractError, CellFileError) as error:
            raise ContractError(f"{path}: {error}") from error
        return found

    def request(self, sight: Sight) -> dict[str, Any]:
        """The contract's request, of what the wire and the owner tell."""
        asked: dict[str, Any] = {
            "contract": CONTRACT, "time": sight.time.isoformat(), "reason": sight.reason,
            "car": {
                "plugged": sight.plugged, "soc": sight.soc, "cells": sight.cells, "energy": sight.energy,
                "charge": sight.takes, "discharge": sight.gives,
            },
            "charger": {
                "charge": sight.charge, "discharge": sight.discharge, "least": 0, "efficiency": EFFICIENCY,
            },
            **_ASSUMED, **self.told,
        }  # fmt: skip
        if sight.kept is not None and "reserve" not in self.told:
            asked["reserve"] = {"distance": self._distance(asked, sight, sight.kept), "road": "country"}
        if "trip" not in self.told:
            asked["trip"] = self._trip(asked, sight)
        return asked

    def _trip(self, asked: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
        if sight.leaves is None:
            return {"departure": (sight.time + SOON).isoformat(), "distance": FAR, "road": "country"}
        kept = asked["reserve"]["distance"]
        distance = FAR if sight.wanted is None else max(self._distance(asked, sight, sight.wanted) - kept, 0.0)
        return {"departure": sight.leaves.isoformat(), "distance": distance, "road": "country"}

    @staticmethod
    def _distance(asked: Mapping[str, Any], sight: Sight, energy: float) -> float:
        """Km that so many Wh in the car are worth, by the vehicle model."""
        outside = float(asked["forecast"]["outside"][0])
        cells = outside if sight.cells is None else sight.cells
        way = going(asked["model"], "country", outside)
        return float(reach(pack_of(sight.energy), energy / sight.energy, cells, way))
