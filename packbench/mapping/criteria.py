"""What a map is judged by, for each pack: how far apart best and worst are, the worst, the margin, and the deratings.

The figures are KPIs like others: a pack file's requirements give their limits by the same keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, nan

from bench.pack import PackFile
from bench.verdicts import Measurement, Verdict
from packbench.mapping.outcome import CONDITIONING, DERATING, MARGIN, POWER, TIME, UNKNOWN, FieldResult, Figure
from reports import kpi
from reports.kpi import found
from reports.requirements import bounds

SPREAD, LONGEST = kpi.charge_time_spread.key, kpi.longest_charge_time.key


@dataclass(frozen=True, slots=True)
class Criterion:
    """A judged figure of a map: `where` says which fields it comes from."""

    measurement: Measurement
    where: str

    @property
    def bounded(self) -> bool:
        """Whether the pack file has a limit for it."""
        return self.measurement.at_least is not None or self.measurement.at_most is not None

    @property
    def verdict(self) -> Verdict:
        """By its limit and its uncertainty."""
        return self.measurement.verdict


@dataclass(frozen=True, slots=True)
class Gain:
    """What preconditioning cost and bought on one road in one season: s, Wh of the car's pack."""

    without: FieldResult
    conditioned: FieldResult

    @property
    def won(self) -> Figure:
        """Time (s) by which the recharge is shorter; 0 or less is no gain."""
        before, after = self.without.time, self.conditioned.time
        return Figure(before.value - after.value, hypot(before.uncertainty, after.uncertainty), "s")

    @property
    def cost(self) -> Figure:
        """Energy (Wh) that it took out of the pack on the way."""
        before, after = self.without.figure(CONDITIONING), self.conditioned.figure(CONDITIONING)
        return Figure(after.value - before.value, hypot(before.uncertainty, after.uncertainty), "Wh")

    @property
    def recharged(self) -> Figure:
        """Time (s) in which a recharge at its mean power gives that energy back: what it cost at the charger."""
        cost, power = self.cost, self.conditioned.figure(POWER).value / self.conditioned.scale
        if not (cost.known and power > 0):
            return UNKNOWN
        return Figure(3600 * cost.value / power, 3600 * cost.uncertainty / power, "s")


def timed(outcomes: Iterable[FieldResult]) -> list[FieldResult]:
    """Those that have a time, the shortest first."""
    return sorted((each for each in outcomes if each.time.known), key=lambda each: each.time.value)


def criteria(pack: PackFile, outcomes: Sequence[FieldResult]) -> list[Criterion]:
    """Every criterion for the fields of one pack, one strategy, all with or all without preconditioning.

    A recharge that the pack never brought to its end is the longest of all: there is no spread then, and no longest.
    """
    ordered, never = timed(outcomes), [each for each in outcomes if never_ended(each)]
    times = [_never(pack, SPREAD, "1", never), _never(pack, LONGEST, "s", never)] if never else _times(pack, ordered)
    return [*times, _worst(pack, outcomes, MARGIN, "mV"), _worst(pack, outcomes, DERATING, "%")]


def never_ended(outcome: FieldResult) -> bool:
    """Whether it has no time because the pack failed: it never got there, and nothing else kept it."""
    return outcome.verdict == Verdict.FAIL and not outcome.figure(TIME).known


def _never(pack: PackFile, key: str, unit: str, never: Sequence[FieldResult]) -> Criterion:
    return _judged(pack, key, Figure(unit=unit), unit, f"{_place(never[0])} never got there")


def _times(pack: PackFile, ordered: Sequence[FieldResult]) -> list[Criterion]:
    """Of recharges that all have one; where there are too few to be compared, nothing is required of them."""
    if not ordered:
        return [
            Criterion(Measurement(key, nan, unit), "no field has a time")
            for key, unit in ((SPREAD, "1"), (LONGEST, "s"))
        ]
    longest = _judged(pack, LONGEST, ordered[-1].time, "s", _place(ordered[-1]))
    if len(ordered) < 2:
        return [Criterion(Measurement(SPREAD, nan, "1"), "one field has a time"), longest]
    where = f"{_place(ordered[-1])} against {_place(ordered[0])}"
    return [_judged(pack, SPREAD, spread(ordered), "1", where), longest]


def spread(ordered: Sequence[FieldResult]) -> Figure:
    """Longest over shortest time of fields in the order of their times; nan of fewer than two."""
    if len(ordered) < 2:
        return Figure()
    shortest, longest = ordered[0].time, ordered[-1].time
    ratio = longest.value / shortest.value
    own = hypot(longest.uncertainty / longest.value, shortest.uncertainty / shortest.value)
    return Figure(ratio, ratio * own, "1")


def _worst(pack: PackFile, outcomes: Sequence[FieldResult], key: str, unit: str) -> Criterion:
    known = [each for each in outcomes if each.figure(key).known]
    if not known:
        return Criterion(Measurement(key, nan, unit), "not known" if key == MARGIN else "no field has one")
    choose = min if key == MARGIN else max
    field = choose(known, key=lambda each: each.figure(key).value)
    return _judged(pack, key, field.figure(key), unit, _place(field))


def _judged(pack: PackFile, key: str, figure: Figure, unit: str, where: str) -> Criterion:
    """A figure by the limit of the pack file, which does not depend on a temperature: it is of all seasons."""
    table = pack.requirements.get(key, {}).get("", {})
    limit = next(iter(table.values()), None)
    figure_of = found().named(key)
    least, most = bounds(figure_of.sense, limit) if figure_of is not None else (None, None)
    return Criterion(Measurement(key, figure.value, unit, least, most, figure.uncertainty), where)


def _place(outcome: FieldResult) -> str:
    field = outcome.field
    return f"{field.road} in {field.season}"


def gains(outcomes: Sequence[FieldResult]) -> list[Gain]:
    """Preconditioned fields beside the same ones without."""
    plain = {_without(each): each for each in outcomes if not each.field.conditioned}
    return [
        Gain(plain[_without(each)], each)
        for each in outcomes
        if each.field.conditioned and _without(each) in plain and each.time.known and plain[_without(each)].time.known
    ]


def _without(outcome: FieldResult) -> tuple[str, str, str, str]:
    field = outcome.field
    return field.pack, field.road, field.season, field.strategy
