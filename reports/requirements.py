"""What a pack file requires of a KPI: whether it can be required at all, and the limit that a figure is judged by."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import files
from bench.pack import PackFile, at_temperature
from bench.requirements import UNCONDITIONAL, Conditions
from bench.verdicts import InputError
from reports.kpi import Kpi, found
from reports.kpi.base import Registered, Sense


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a figure must be at least and at most, in its unit; None: no such limit."""

    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def of(cls, sense: Sense, limit: float) -> "Bounds":
        """On the good side of a limit."""
        return cls(None if sense == "at_most" else limit if sense == "at_least" else -limit,
                   None if sense == "at_least" else limit)  # fmt: skip


def check(pack: PackFile, file: Path) -> None:
    """Whether every requirement of a pack can be judged; raises `InputError` with its place in the file.

    Raises it as well where a package that brings KPIs is broken: a figure that is missing in the morning is found out
    before anything is switched on.
    """
    registry = found()
    if registry.problems:
        more = len(registry.problems) - 1
        raise InputError(f"{registry.problems[0]}{f' ({more} more after this one.)' if more else ''}")
    if pack.schema_version == 1:  # had its own nine, without a range
        return
    for key, conditions in pack.requirements.items():
        kpi = registry.named(key)
        if kpi is None:
            raise InputError(f"{files.place(file, 'requirements', key)}: unknown KPI; {registry.nearest(key)}")
        for where, limit in _limits(conditions):
            if not kpi.span[0] <= limit <= kpi.span[1]:
                place = files.place(file, "requirements", key, *where)
                raise InputError(f"{place}: found {limit:g}, {_allowed(kpi)}")


def limits_of(
    measured: Kpi, pack: PackFile, *, at_least: float | None = None, at_most: float | None = None,
    at: str = UNCONDITIONAL, temperature: float | None = None,
) -> Bounds:  # fmt: skip
    """The limits of a figure: those that are given, else what the pack requires `at` a condition and a temperature.

    In the unit of the figure; `temperature` in degC. Without one it is what the chamber was set to in the figure's
    step. No limits where the pack requires nothing of this KPI. Raises `InputError` where it cannot be told which of
    the pack's limits is meant.
    """
    if at_least is not None or at_most is not None:
        if at:
            raise InputError(
                f"{measured.name!r} has a limit of its own and is to be judged by the pack's at {at!r}: leave one out."
            )
        return Bounds(at_least, at_most)
    conditions = pack.requirements.get(measured.key)
    if conditions is None:
        return Bounds()
    table = _table(measured, pack, conditions, at)
    if len(table) == 1:
        return Bounds.of(measured.sense, *table.values())
    temperature = measured.temperature if temperature is None else temperature
    if temperature is None:
        raise InputError(
            f"Pack {pack.name} requires {measured.key!r} by temperature, and in step {measured.step!r} the chamber was "
            "set to none: say require(…, temperature=25.0)."
        )
    return Bounds.of(measured.sense, at_temperature(table, temperature))


def temperature_of(item: pytest.Item) -> float | None:
    """The temperature (degC) that a test is parametrized with; None where it is not."""
    callspec = getattr(item, "callspec", None)
    found = None if callspec is None else callspec.params.get("temperature")
    return None if found is None else float(found)


def _table(measured: Kpi, pack: PackFile, conditions: Conditions, at: str) -> dict[float, float]:
    """The limits by temperature under a condition; one without a condition holds under any."""
    table = conditions.get(at, conditions.get(UNCONDITIONAL))
    if table is None:
        asked = f"at={at!r} is none of them" if at else "none was asked for"
        raise InputError(
            f"Pack {pack.name} requires {measured.key!r} under conditions, and {asked}: say require(…, at=…); "
            f"{files.nearest(at, conditions)}"
        )
    return dict(table)


def _limits(conditions: Conditions) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every limit, and the keys that lead to it in the file."""
    for condition, table in conditions.items():
        for temperature, limit in table.items():
            yield (*((condition,) if condition else ()), f"{temperature:g}"), limit


def _allowed(kpi: Registered) -> str:
    low, high = kpi.span
    bounds = f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"
    return f"allowed: {bounds} {kpi.unit}"
