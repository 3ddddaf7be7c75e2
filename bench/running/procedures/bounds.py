"""What pack, instruments and wiring can carry, by role and quantity: what an envelope is held against.

A bound is the tightest of several limits and says whose it is. A role's own record may say between what its players
take a quantity (`Role.ranges`); where several limits count, a bound is registered here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench import roles
from bench.roles import Range
from bench.running import thresholds
from bench.running.declared import Place
from bench.running.procedures.base import BeyondThePack, Extremes
from instruments.roles import Ratings
from instruments.wording import digits, unlike

PACK = "the pack"
"""Begins what a limit of the pack's is called."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The tightest of several limits, and whose it is."""

    value: float
    owner: str

    @property
    def sentence(self) -> type[str]:
        """The kind of a sentence about what is beyond it."""
        return BeyondThePack if self.owner.startswith(PACK) else str


Check = Callable[[Extremes, Place], Iterable[str]]
"""What is wrong with the extremes of one quantity, one sentence each."""

_checks: dict[tuple[str, str], Check] = {}


def bound(role: str, quantity: str) -> Callable[[Check], Check]:
    """Register what bounds a quantity of a role."""

    def register(check: Check) -> Check:
        _checks[role, quantity] = check
        return check

    return register


def problems(role: str, quantity: str, wanted: Extremes, place: Place) -> Iterable[str]:
    """What is wrong with what a step wants of a role; a quantity that nothing bounds is refused."""
    check, span = _checks.get((role, quantity)), roles.role(role).ranges.get(quantity)
    if check is not None:
        return check(wanted, place)
    if span is not None:
        return _within(span, role, wanted, place)
    return [f"it asks the {role} for a {quantity}, and nothing says how much of it is allowed."]


def charge_bound(place: Place) -> Bound:
    """Largest charge current, A."""
    return _tightest(
        (place.pack.limits.charge_current, "the pack's charge_current"),
        (place.roles.source.source_ratings.current, "the source"),
        (place.station.wiring.current, "the wiring"),
    )


def discharge_bound(place: Place) -> Bound:
    """Largest discharge current, A."""
    return _tightest(
        (place.pack.limits.discharge_current, "the pack's discharge_current"),
        (place.roles.sink.sink_ratings.current, "the sink"),
        (place.station.wiring.current, "the wiring"),
    )


def _tightest(*limits: tuple[float, str]) -> Bound:
    return Bound(*min(limits))


@bound("source", "current")
def _charge(wanted: Extremes, place: Place) -> Iterable[str]:
    return _current(wanted, charge_bound(place))


@bound("sink", "current")
def _discharge(wanted: Extremes, place: Place) -> Iterable[str]:
    return _current(wanted, discharge_bound(place))


def _current(wanted: Extremes, bound: Bound) -> Iterable[str]:
    if not (0 < wanted.high <= bound.value and wanted.low >= 0):
        asked, most = unlike(wanted.high, bound.value)
        yield bound.sentence(f"{asked} A, {bound.owner} allows more than 0 and at most {most} A.")


@bound("source", "voltage")
def _source_voltage(wanted: Extremes, place: Place) -> Iterable[str]:
    return _voltage(wanted, place, "source", place.roles.source.source_ratings)


@bound("sink", "voltage")
def _sink_voltage(wanted: Extremes, place: Place) -> Iterable[str]:
    return _voltage(wanted, place, "sink", place.roles.sink.sink_ratings)


def _voltage(wanted: Extremes, place: Place, owner: str, ratings: Ratings) -> Iterable[str]:
    """The pack at its highest voltage must lie within what the instrument takes and the wiring carries."""
    highest = max(wanted.high, place.pack.voltage_max)
    for most, who in ((place.station.wiring.voltage, "wiring carries"), (ratings.voltage, f"{owner} takes")):
        if highest > most:
            reached, allowed = unlike(highest, most)
            yield f"the pack reaches {reached} V, the {who} {allowed} V."


@bound("source", "power")
def _source_power(wanted: Extremes, place: Place) -> Iterable[str]:
    return _power(wanted, "source", place.roles.source.source_ratings)


@bound("sink", "power")
def _sink_power(wanted: Extremes, place: Place) -> Iterable[str]:
    return _power(wanted, "sink", place.roles.sink.sink_ratings)


def _power(wanted: Extremes, owner: str, ratings: Ratings) -> Iterable[str]:
    if wanted.high > ratings.power:
        asked, most = unlike(wanted.high, ratings.power)
        yield f"{asked} W is more than the {owner}'s {most} W."


@bound("charger", "power")
def _grid_power(wanted: Extremes, place: Place) -> Iterable[str]:
    """Either way; the least power other than 0 is the charger's own to refuse."""
    ratings, limits, wiring = place.roles.charger.charger_ratings, place.pack.limits, place.station.wiring
    ways = (
        (wanted.high, ratings.charge, limits.charge_current),
        (-wanted.low, ratings.discharge, limits.discharge_current),
    )
    for power, rated, amperes in ways:
        if power > rated:
            asked, allowed = unlike(power, rated)
            yield f"{asked} W is more than the charger's {allowed} W."
        # Losses left out: what flows while charging is less, and what they add while discharging is the box's to limit.
        most, owner = min((amperes, "the pack allows"), (wiring.current, "the wiring carries"))
        if power > most * place.pack.voltage_min:
            flows = f"{digits(most, 4)} A that {owner}, at {digits(place.pack.voltage_min, 4)} V"
            yield f"{digits(power, 4)} W is more than the {flows}."


def _within(span: Range, role: str, wanted: Extremes, place: Place) -> Iterable[str]:
    """What is outside what the player of a role takes, and of a temperature what is outside what the pack may have."""
    low, high = getattr(place.roles[role], span.attribute)
    allowed = [(span.says, (low, high))]
    if span.unit == "°C":
        charge, discharge = place.pack.limits.charge_temperature, place.pack.limits.discharge_temperature
        allowed.append((f"{PACK} allows", (min(charge.min, discharge.min), max(charge.max, discharge.max))))
    for says, (least, most) in allowed:
        for value in dict.fromkeys((wanted.low, wanted.high)):
            if not least <= value <= most:
                meant = thresholds.meant(value, "degC", least, most) if span.unit == "°C" else ""
                sentence = BeyondThePack if says.startswith(PACK) else str
                yield sentence(
                    f"{digits(value)} {span.unit}, {says} {digits(least)} to {digits(most)} {span.unit}.{meant}"
                )
