"""What a pack file requires of a KPI: whether it can be required at all, and the limit that a figure is judged by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bench import files
from bench.pack import PackFile
from bench.requirements import UNCONDITIONAL, Conditions, Limits, limit_at, unstated
from bench.verdicts import InputError
from instruments.wording import nearest
from reports.kpi import Kpi, found
from reports.kpi.base import Registered, Sense

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a figure must be at least and at most, in its unit; None: no such limit.

    `required` is kept with the measurement: by which KPI, condition and temperature the pack was asked. None where the
    limits are the test's own. `source` is where the pack file says that they come from; empty where it does not.
    `unstated` is why nobody knows the limits of what the pack requires, in words: its table ends before.
    """

    at_least: float | None = None
    at_most: float | None = None
    required: Mapping[str, object] | None = None
    source: str = ""
    unstated: str = ""


class Requiring(Protocol):
    """Whatever requires something: a pack file, or a file of limits alone."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def requirements(self) -> dict[str, dict[str, dict[float, float | None]]]:
        """Limits by the key of a KPI, condition and temperature (degC); None at one for which none is stated."""
        ...

    def source_of(self, kpi: str, condition: str = UNCONDITIONAL) -> str:
        """Where what is required of a KPI under a condition comes from; empty where nobody says it."""
        ...


def bounds(sense: Sense, limit: float | None) -> tuple[float | None, float | None]:
    """What a figure must be at least and at most on the good side of a limit; neither where there is none."""
    if limit is None:
        return None, None
    least = {"at_least": limit, "within": -limit}
    most = {"at_most": limit, "within": limit}
    return least.get(sense), most.get(sense)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a pack is asked: the key of a KPI, a condition, a temperature (degC)."""

    key: str
    at: str = UNCONDITIONAL
    temperature: float | None = None


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
            raise InputError(f"{files.place(file, 'requirements', key)}: unknown KPI; {registry.nearest(key)}.")
        for where, limit in _limits(conditions):
            if not kpi.span[0] <= limit <= kpi.span[1]:
                place = files.place(file, "requirements", key, *where)
                raise InputError(f"{place}: found {limit:g}, {_allowed(kpi)}.")


def limits_of(
    measured: Kpi, pack: PackFile, *, at_least: float | None = None, at_most: float | None = None,
    at: str | None = UNCONDITIONAL, temperature: float | None = None,
) -> Bounds:  # fmt: skip
    """The limits of a figure: those that are given, else what the pack requires `at` a condition and a temperature.

    In the unit of the figure; `temperature` in degC. Without one it is what the chamber was set to in the figure's
    step. No limits where the pack requires nothing of this KPI, and with `at=None`. Raises `InputError` where it cannot
    be told which of the pack's limits is meant.
    """
    if at_least is not None or at_most is not None:
        if at:
            raise InputError(
                f"{measured.name!r} has a limit of its own and is to be judged by the pack's at {at!r}: leave one out."
            )
        return Bounds(at_least, at_most)
    if at is None or not measured.key:
        return Bounds()
    asked = _Asked(measured.key, at, measured.temperature if temperature is None else temperature)
    return _limits_now(asked, measured.sense, measured.step, pack)


def judged_by(pack: Requiring, measurements: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Measurements of a manifest by what `pack` requires: limits that were a pack's are its, others as they were.

    Raises `InputError` where it cannot be told which of the pack's limits is meant.
    """
    return [{**fields, **_renewed(pack, fields)} for fields in measurements]


def _renewed(pack: Requiring, fields: Mapping[str, Any]) -> dict[str, Any]:
    asked = fields.get("required")
    kpi = found().named(asked["key"]) if asked else None
    if asked is None or kpi is None:
        return {}
    now = _limits_now(_Asked(**asked), kpi.sense, fields.get("step") or "", pack)
    return {
        "at_least": now.at_least, "at_most": now.at_most, "source": now.source or None, "unstated": now.unstated or None
    }  # fmt: skip


def _source(pack: Requiring, asked: _Asked, *limits: float | None) -> str:
    """Where limits come from; empty where there are none, or nobody says it."""
    return "" if all(limit is None for limit in limits) else pack.source_of(asked.key, asked.at)


def temperature_of(item: "pytest.Item") -> float | None:
    """The temperature (degC) that a test is parametrized with; None where it is not, or with something else."""
    callspec = getattr(item, "callspec", None)
    found = None if callspec is None else callspec.params.get("temperature")
    return float(found) if isinstance(found, Real) else None


def _limits_now(asked: _Asked, sense: Sense, step: str, pack: Requiring) -> Bounds:
    """What the pack answers; raises `InputError` where it would have to guess."""
    conditions = pack.requirements.get(asked.key)
    if conditions is None:
        return Bounds(required=asdict(asked))
    table = _table(asked, pack, conditions)
    temperature = next(iter(table)) if len(table) == 1 else asked.temperature
    if temperature is None:
        raise InputError(
            f"Pack {pack.name} requires {asked.key!r} by temperature, and the chamber had no set point in {step!r}: "
            "say require(…, temperature=25.0)."
        )
    least, most = bounds(sense, limit_at(table, temperature))
    return Bounds(least, most, asdict(asked), _source(pack, asked, least, most), unstated(table, temperature))


def _table(asked: _Asked, pack: Requiring, conditions: Conditions) -> Limits:
    """The limits by temperature under a condition; one without a condition holds under any."""
    table = conditions.get(asked.at, conditions.get(UNCONDITIONAL))
    if table is None:
        said = f"at={asked.at!r} is none of them" if asked.at else "none was asked for"
        raise InputError(
            f"Pack {pack.name} requires {asked.key!r} under conditions, and {said}: say require(…, at=…); "
            f"{nearest(asked.at, conditions)}."
        )
    return table


def _limits(conditions: Conditions) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every limit, and the keys that lead to it in the file."""
    for condition, table in conditions.items():
        for temperature, limit in table.items():
            if limit is None:
                continue
            yield (*((condition,) if condition else ()), f"{temperature:g}"), limit


def _allowed(kpi: Registered) -> str:
    low, high = kpi.span
    bounds = f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"
    return f"allowed: {bounds} {kpi.unit}"
