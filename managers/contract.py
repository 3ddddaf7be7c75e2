"""What a manager is asked, read from JSON (docs/manager-contract.md), and what it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, NoReturn, Protocol, runtime_checkable

CONTRACT = 1
MOST = 96
"""Values of a forecast."""
SERIES = ("outside", "house", "sun", "buy", "sell")


class ContractError(ValueError):
    """A request is not as the contract says; one sentence with the key, what was found and what is allowed."""


class Manager(Protocol):
    """Whoever decides."""

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request; raises `ContractError` for one that is none."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A manager that has work to do before its first answer, which has to come as soon as any other."""

    def prepare(self) -> None:
        """Do it; nothing of it belongs to any car."""
        ...


@dataclass(frozen=True, slots=True)
class Trip:
    """The next one: when it begins, how many km it is in all, and on which road."""

    departure: datetime
    distance: float
    road: str


@dataclass(frozen=True, slots=True)
class Request:
    """The state of things. Powers in W, `energy` Wh, temperatures degC, distances km, prices for each kWh.

    `soc` and `cells` are None where the car does not tell them. Series have a value for each `step` s.
    """

    time: datetime
    reason: str
    plugged: bool
    soc: float | None
    cells: float | None
    energy: float
    car_charge: float
    car_discharge: float
    charge: float
    discharge: float
    least: float
    efficiency: float
    house: float | None
    sun: float | None
    imports: float
    exports: float
    trip: Trip | None
    reserve: float
    reserve_road: str
    model: str
    step: float
    forecast: Mapping[str, Sequence[float]]

    def ahead(self, name: str, count: int = MOST) -> list[float]:
        """`count` values of a series, the last of them held where the forecast ends."""
        values = list(self.forecast[name][:count])
        return values + values[-1:] * (count - len(values))

    def hours_to(self, time: datetime) -> float:
        """From now, h; negative for what is past."""
        return (time - self.time).total_seconds() / 3600


def parsed(body: bytes) -> Any:
    """JSON of a body; raises `ContractError` for what is none, also for NaN and infinity, which JSON has not."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"The body is no JSON in UTF-8: {error}.") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def read(content: object) -> Request:
    """Read a request; raises `ContractError`. Keys that are not known are left alone."""
    top = _Section("the request", content)
    if (version := top.number("contract")) != CONTRACT:
        raise ContractError(f"contract: {version:g} is not spoken here; {CONTRACT} is.")
    car, charger, site, reserve = (top.section(name) for name in ("car", "charger", "site", "reserve"))
    forecast = top.section("forecast")
    return Request(
        time=top.time("time"), reason=top.text("reason"), plugged=car.truth("plugged"),
        soc=car.perhaps("soc", 0.0, 1.0), cells=car.perhaps("cells", -60.0, 100.0), energy=car.number("energy", 1.0),
        car_charge=car.number("charge", 0.0), car_discharge=car.number("discharge", 0.0),
        charge=charger.number("charge", 0.0), discharge=charger.number("discharge", 0.0),
        least=charger.number("least", 0.0), efficiency=charger.number("efficiency", 0.2, 1.0),
        house=site.perhaps("house"), sun=site.perhaps("sun"),
        imports=site.number("import", 0.0), exports=site.number("export", 0.0),
        trip=_trip(top), reserve=reserve.number("distance", 0.0), reserve_road=reserve.text("road"),
        model=top.text("model"), step=forecast.number("step", 1.0),
        forecast={name: forecast.series(name) for name in SERIES},
    )  # fmt: skip


def _trip(top: "_Section") -> Trip | None:
    if top.get("trip") is None:
        return None
    trip = top.section("trip")
    return Trip(trip.time("departure"), trip.number("distance", 0.0), trip.text("road"))


class _Section:
    """An object of the request and where it is in it."""

    def __init__(self, place: str, content: object) -> None:
        if not isinstance(content, Mapping):
            raise ContractError(f"{place}: {_shown(content)}; give an object.")
        self._prefix = "" if place == "the request" else f"{place}."
        self._content = content

    def get(self, key: str) -> object:
        if key not in self._content:
            raise ContractError(f"{self._prefix}{key} is missing; what is not known is null.")
        value: object = self._content[key]
        return value

    def section(self, key: str) -> "_Section":
        return _Section(f"{self._prefix}{key}", self.get(key))

    def perhaps(self, key: str, low: float = -1e9, high: float = 1e9) -> float | None:
        return None if self.get(key) is None else self.number(key, low, high)

    def number(self, key: str, low: float = -1e9, high: float = 1e9) -> float:
        return _number(f"{self._prefix}{key}", self.get(key), low, high)

    def truth(self, key: str) -> bool:
        value = self.get(key)
        if not isinstance(value, bool):
            raise ContractError(f"{self._prefix}{key}: {_shown(value)}; give true or false.")
        return value

    def text(self, key: str) -> str:
        value = self.get(key)
        if not isinstance(value, str) or not value:
            raise ContractError(f"{self._prefix}{key}: {_shown(value)}; give a text.")
        return value

    def time(self, key: str) -> datetime:
        text = self.text(key)
        try:
            time = datetime.fromisoformat(text)
            time.astimezone()  # a year that no computer knows
        except (ValueError, OverflowError, OSError):
            time = datetime.min  # noqa: DTZ901 - has no offset either
        if time.tzinfo is None:
            raise ContractError(f"{self._prefix}{key}: {_shown(text)}; give a time in ISO 8601 with its offset.")
        return time

    def series(self, key: str) -> Sequence[float]:
        value = self.get(key)
        if not isinstance(value, list) or not 1 <= len(value) <= MOST:
            raise ContractError(f"{self._prefix}{key}: {_shown(value)}; give a list of 1 to {MOST} numbers.")
        return [_number(f"{self._prefix}{key}[{index}]", each, -1e9, 1e9) for index, each in enumerate(value)]


def _number(place: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300 or not isfinite(value):
        raise ContractError(f"{place}: {_shown(value)}; give a finite number.")
    if not low <= value <= high:
        raise ContractError(f"{place}: {value:g}; give {low:g} to {high:g}.")
    return float(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
