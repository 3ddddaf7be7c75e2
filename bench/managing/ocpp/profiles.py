"""Charging profiles of OCPP 2.1, and the power that they ask for at a time. W at the AC side, positive charges.

A schedule's period asks for its `setpoint`, or where it has none for its `limit`, within the limits of that period and
of profiles that only limit. Where no profile asks for anything a bench rests; a station in the street would charge with
all that it can. Where somebody measures the grid a period may follow its frequency (`LocalFrequency`) by a curve, whose
power is added to a baseline. Sources: OCPP 2.1 edition 1, part 2, K (smart charging) and Q (bidirectional power
transfer).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf, isfinite, isnan
from typing import Any

import numpy as np

Payload = Mapping[str, Any]
ASKING = ("TxDefaultProfile", "TxProfile")
"""Purposes of profiles that ask for a power: the later goes before the earlier."""
LIMITING = frozenset({"ChargingStationMaxProfile", "ChargingStationExternalConstraints"})
FREQUENCY = "LocalFrequency"
MODES = frozenset({"Idle", "ChargingOnly", "CentralSetpoint", FREQUENCY})
UNDONE = ("v2xSignalWattCurve", "setpointReactive", "setpointReactive_L2", "setpointReactive_L3")
"""Of a period, what this station has nobody for."""
DYNAMIC = "Dynamic"
MOST = 32
"""Profiles that are kept."""
LARGEST = 1e9
"""W, or s, that nobody means."""
REPEATS: Mapping[str, float] = {"Daily": 86400.0, "Weekly": 7 * 86400.0}


class Unusable(Exception):
    """A profile cannot be used: a reason code of OCPP, and one sentence."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (s of its schedule) on: what is asked for, and between what.

    `curve` has Hz and the W that are added there, in rising order; empty where the frequency is nobody's matter.
    """

    start: float
    asked: float | None
    most: float = inf
    least: float = -inf
    curve: Sequence[tuple[float, float]] = ()

    def within(self, power: float) -> float:
        """A power as these limits leave it."""
        return min(max(power, self.least), self.most)

    def at_frequency(self, hertz: float) -> float:
        """W at a frequency, straight between the curve's points; 0 where nobody knows it (nan)."""
        if isnan(hertz):
            return 0.0
        added = np.interp(hertz, [each for each, _ in self.curve], [each for _, each in self.curve])
        return self.within((self.asked or 0.0) + float(added))


@dataclass(frozen=True, slots=True)
class ChargingProfile:
    """One that was set, with its times in s of the epoch; `repeats` s after its beginning it begins anew."""

    number: int
    purpose: str
    level: int
    begins: float
    lasts: float
    periods: Sequence[Period]
    dynamic: bool = False
    repeats: float = inf
    since: float = -inf
    until: float = inf

    def at(self, time: float) -> Period | None:
        """The period that holds at a time, s of the epoch."""
        if not self.since <= time < self.until or time < self.begins:
            return None
        into = (time - self.begins) % self.repeats
        if into >= self.lasts:
            return None
        return next((each for each in reversed(self.periods) if each.start <= into), None)

    def changes(self, start: float, end: float) -> Iterator[float]:
        """Times between two at which another period may begin to hold."""
        yield from (each for each in (self.since, self.until, self.begins) if start < each < end)
        lap = 0.0 if self.repeats == inf else self.repeats * ((start - self.begins) // self.repeats)
        while self.begins + lap < end:
            turns = [each.start for each in self.periods] + [self.lasts]
            yield from (time for each in turns if start < (time := self.begins + lap + each) < end)
            if self.repeats == inf:
                return
            lap += self.repeats


@dataclass
class Profiles:
    """Those that hold; one of the same number, or of the same purpose and level, takes another's place."""

    kept: dict[int, ChargingProfile] = field(default_factory=dict)

    def put(self, profile: ChargingProfile) -> None:
        """Take one; raises `Unusable` where there are too many."""
        same = [
            each.number for each in self.kept.values()
            if (each.purpose, each.level) == (profile.purpose, profile.level) or each.number == profile.number
        ]  # fmt: skip
        if not same and len(self.kept) >= MOST:
            raise Unusable("OutOfStorage", f"a station keeps {MOST} profiles.")
        for number in same:
            del self.kept[number]
        self.kept[profile.number] = profile

    def clear(self, number: int | None = None, purpose: str | None = None, level: int | None = None) -> bool:
        """Forget all that fit; whether there were any."""
        gone = [
            each.number for each in self.kept.values()
            if number in {None, each.number} and purpose in {None, each.purpose} and level in {None, each.level}
        ]  # fmt: skip
        for each in gone:
            del self.kept[each]
        return bool(gone)

    def update(self, number: int, change: Payload) -> None:
        """Change what a dynamic profile asks for; raises `Unusable`."""
        profile = self.kept.get(number)
        if profile is None or not profile.dynamic:
            raise Unusable("NotFound", f"there is no dynamic profile {number}.")
        before = profile.periods[0]
        if before.curve:
            raise Unusable("UnsupportedParam", "what follows the frequency is set anew, and not changed.")
        after = period({"startPeriod": 0, **_told(before), **change})
        self.kept[number] = replace(profile, periods=(after,))

    def period_at(self, time: float) -> Period | None:
        """What is asked for at a time (s of the epoch), within all limits; None where nobody asks for anything."""
        asking = sorted(
            (each for each in self.kept.values() if each.purpose in ASKING and each.at(time) is not None),
            key=lambda each: (ASKING.index(each.purpose), each.level),
        )
        if not asking:
            return None
        found = asking[-1].at(time)
        limits = [each.at(time) for each in self.kept.values() if each.purpose in LIMITING]
        for limit in limits:
            if limit is not None and found is not None:
                found = replace(found, most=min(found.most, limit.most), least=max(found.least, limit.least))
        return found

    def power(self, time: float) -> float:
        """W at a time, s of the epoch."""
        found = self.period_at(time)
        return 0.0 if found is None or found.asked is None else found.within(found.asked)

    def acting(self, time: float, hertz: float) -> float | None:
        """W at a time (s of the epoch) and a frequency (Hz; nan: unknown); None where none of them follows it."""
        found = self.period_at(time)
        return found.at_frequency(hertz) if found is not None and found.curve else None

    def composite(self, start: float, duration: float) -> Iterator[tuple[float, float]]:
        """What is asked for from a time on: s from it, and W, wherever that changes."""
        times = sorted({start, *(each for one in self.kept.values() for each in one.changes(start, start + duration))})
        before: float | None = None
        for time in times:
            power = self.power(time)
            if power != before:
                yield time - start, power
            before = power


def read(content: Payload, now: float, *, measured: bool = False) -> ChargingProfile:
    """A profile as its schema has it; `measured` is whether somebody knows the grid's frequency.

    Raises `Unusable` for one that a station of this kind cannot follow.
    """
    purpose, kind = content["chargingProfilePurpose"], content["chargingProfileKind"]
    if purpose not in ASKING and purpose not in LIMITING:
        raise Unusable("UnsupportedPurpose", f"{purpose} is nothing that is done here.")
    if len(content["chargingSchedule"]) != 1:
        raise Unusable("InvalidSchedule", "give one schedule.")
    (schedule,) = content["chargingSchedule"]
    if schedule["chargingRateUnit"] != "W":
        raise Unusable("UnsupportedRateUnit", "give W: what a current is worth is the car's matter.")
    repeats = REPEATS.get(content.get("recurrencyKind", ""), inf) if kind == "Recurring" else inf
    begins = now if kind in {"Relative", DYNAMIC} else epoch(schedule.get("startSchedule"), now)
    periods = _periods(schedule["chargingSchedulePeriod"])
    if not measured and any(each.curve for each in periods):
        raise Unusable("UnsupportedParam", "nobody measures the frequency here.")
    return ChargingProfile(
        number=content["id"], purpose=purpose, level=content["stackLevel"], begins=begins, repeats=repeats,
        lasts=_number(schedule, "duration", inf), periods=periods,
        dynamic=kind == DYNAMIC, since=epoch(content.get("validFrom"), -inf), until=epoch(content.get("validTo"), inf),
    )  # fmt: skip


def _periods(content: Sequence[Payload]) -> Sequence[Period]:
    found = tuple(map(period, content))
    starts = [each.start for each in found]
    if starts[0] != 0 or sorted(set(starts)) != starts:
        raise Unusable("InvalidSchedule", "periods begin at 0 and rise.")
    return found


def period(content: Payload) -> Period:
    """One of a schedule; raises `Unusable`."""
    mode = content.get("operationMode", "ChargingOnly" if "setpoint" not in content else "CentralSetpoint")
    if mode not in MODES:
        raise Unusable("UnsupportedParam", f"operation mode {mode} is nothing that is done here.")
    undone = next((name for name in UNDONE if content.get(name)), None)
    if undone is not None:
        raise Unusable("UnsupportedParam", f"{undone} is nothing that is done here.")
    most, least = _number(content, "limit", inf), _number(content, "dischargeLimit", -inf)
    if most < 0 or least > 0:
        raise Unusable("InvalidValue", "a limit is 0 W or more, and one of discharging 0 W or less.")
    if mode == "ChargingOnly":
        least = max(least, 0.0)
    start, curve = _number(content, "startPeriod", 0.0), _curve(content, mode)
    if mode == FREQUENCY:
        return Period(start, _number(content, "v2xBaseline", 0.0), most, least, curve)
    asked = _number(content, "setpoint", most if mode == "ChargingOnly" else inf)
    return Period(start, 0.0 if mode == "Idle" else None if asked == inf else asked, most, least)


def _curve(content: Payload, mode: str) -> Sequence[tuple[float, float]]:
    """Hz and W of a period that follows the frequency, and of no other one; raises `Unusable`."""
    points = content.get("v2xFreqWattCurve", ())
    if bool(points) != (mode == FREQUENCY):
        raise Unusable("InvalidSchedule", f"a v2xFreqWattCurve and the operation mode {FREQUENCY} go together.")
    found = tuple((_number(each, "frequency", 0.0), _number(each, "power", 0.0)) for each in points)
    hertz = [each for each, _ in found]
    if sorted(set(hertz)) != hertz:
        raise Unusable("InvalidSchedule", "the frequencies of a v2xFreqWattCurve rise.")
    return found


def _number(content: Payload, key: str, otherwise: float) -> float:
    value = content.get(key)
    if value is None:
        return otherwise
    if not abs(value) < LARGEST:
        raise Unusable("InvalidValue", f"{key} is no number of W, or s, of a charging station.")
    return float(value)


def _told(before: Period) -> Payload:
    """A period as it was told: what is not limited was not."""
    told = {"setpoint": before.asked, "limit": before.most, "dischargeLimit": before.least}
    return {name: value for name, value in told.items() if value is not None and isfinite(value)}


def epoch(told: str | None, otherwise: float) -> float:
    """S of the epoch of a time as OCPP has them; raises `Unusable` for what is none."""
    if told is None:
        return otherwise
    try:
        time = datetime.fromisoformat(told)
        return time.replace(tzinfo=time.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise Unusable("InvalidValue", f"{told[:40]!r} is no time.") from error
