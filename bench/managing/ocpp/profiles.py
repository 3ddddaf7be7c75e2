"""Charging profiles of OCPP 2.1, and the power that they ask for at a time. W at the AC side, positive charges.

A schedule's period asks for its `setpoint`, or where it has none for its `limit`, within the limits of that period and
of profiles that only limit. Of profiles of one purpose the highest level counts. Where no profile asks for anything a
bench rests; a station in the street would charge with all that it can. Where somebody measures the grid a period may
follow its frequency (`LocalFrequency`) by a curve, whose power is added to a baseline. Sources: OCPP 2.1 edition 1,
part 2, K (smart charging) and Q (bidirectional power transfer).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

from bench.managing.ocpp.periods import Payload, Period, Unusable, number, period, refuse_others

ASKING = ("TxProfile", "TxDefaultProfile")
"""Purposes of profiles that ask for a power: the earlier goes before the later."""
LIMITING = ("ChargingStationMaxProfile",)
RELATIVE, DYNAMIC, RECURRING = "Relative", "Dynamic", "Recurring"
ANYWHERE = frozenset({0, 1})
"""EVSEs that there are: the station as a whole, and its only one."""
EVSES: Mapping[str, frozenset[int]] = {
    "TxProfile": frozenset({1}), "TxDefaultProfile": ANYWHERE, "ChargingStationMaxProfile": frozenset({0}),
}  # fmt: skip
"""By the purpose, for which EVSE a profile can be."""
KNOWN = frozenset({
    "id", "stackLevel", "chargingProfilePurpose", "chargingProfileKind", "recurrencyKind", "validFrom", "validTo",
    "transactionId", "chargingSchedule",
    # Offline nothing holds here, however long it might.
    "maxOfflineDuration", "invalidAfterOfflineDuration",
    "dynUpdateTime", "priceScheduleSignature", "customData",
})  # fmt: skip
KNOWN_OF_SCHEDULE = frozenset({
    "id", "startSchedule", "duration", "chargingRateUnit", "chargingSchedulePeriod",
    # Prices, signatures and what is good to know ask for no power.
    "minChargingRate", "powerTolerance", "signatureId", "digestValue", "salesTariff", "absolutePriceSchedule",
    "priceLevelSchedule", "customData",
})  # fmt: skip
MOST = 32
"""Profiles that are kept."""
REPEATS: Mapping[str, float] = {"Daily": 86400.0, "Weekly": 7 * 86400.0}


@dataclass(frozen=True, slots=True)
class ChargingProfile:
    """One that was set for an `evse`, with its times in s of the epoch; `repeats` s after its beginning it begins anew.

    `content` is how it was told.
    """

    number: int
    purpose: str
    level: int
    begins: float
    lasts: float
    periods: Sequence[Period]
    content: Payload
    evse: int = 1
    repeats: float = inf
    since: float = -inf
    until: float = inf

    @property
    def kind(self) -> str:
        """Absolute, Recurring, Relative or Dynamic."""
        return str(self.content["chargingProfileKind"])

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

    def excludes(self, other: "ChargingProfile") -> bool:
        """Whether nobody could say which of the two counts."""
        same = (self.purpose, self.level) == (other.purpose, other.level) and self.number != other.number
        return same and self.since < other.until and other.since < self.until

    def changed(self, change: Payload) -> "ChargingProfile":
        """The same, dynamic one asking for something else; raises `Unusable`."""
        (schedule,) = self.content["chargingSchedule"]
        (before,) = schedule["chargingSchedulePeriod"]
        told = {**before, **change}
        content = {**self.content, "chargingSchedule": [{**schedule, "chargingSchedulePeriod": [told]}]}
        return replace(self, periods=(period(told),), content=content)


@dataclass
class Profiles:
    """Those that hold; one of the same number takes another's place."""

    kept: dict[int, ChargingProfile] = field(default_factory=dict)

    def put(self, profile: ChargingProfile) -> None:
        """Take one; raises `Unusable` for one too many, and for one of a purpose and level that another has by then."""
        if profile.number not in self.kept and len(self.kept) >= MOST:
            raise Unusable("OutOfStorage", f"a station keeps {MOST} profiles.")
        other = next((each for each in self.kept.values() if each.excludes(profile)), None)
        if other is not None:
            raise Unusable(
                "DuplicateProfile",
                f"profile {other.number} has that purpose and level: clear it, or use its id or another level.",
            )
        self.kept[profile.number] = profile

    def begin_anew(self, time: float) -> None:
        """A transaction begins: what is relative to one does so with it."""
        for each in tuple(self.kept.values()):
            if each.kind == RELATIVE:
                self.kept[each.number] = replace(each, begins=time)

    def matching(
        self, numbers: Sequence[int] = (), purpose: str | None = None, level: int | None = None, evse: int | None = None
    ) -> list[ChargingProfile]:
        """All of these numbers, or where none is given all that fit."""
        if numbers:
            return [each for each in self.kept.values() if each.number in numbers]
        return [
            each for each in self.kept.values()
            if purpose in {None, each.purpose} and level in {None, each.level} and evse in {None, each.evse}
        ]  # fmt: skip

    def clear(self, gone: Sequence[ChargingProfile]) -> bool:
        """Forget them; whether there were any."""
        for each in gone:
            del self.kept[each.number]
        return bool(gone)

    def update(self, number: int, change: Payload) -> None:
        """Change what a dynamic profile asks for; raises `Unusable`."""
        profile = self.kept.get(number)
        if profile is None or profile.kind != DYNAMIC:
            raise Unusable("NotFound", f"there is no dynamic profile {number}.")
        if profile.periods[0].curve:
            raise Unusable("UnsupportedParam", "what follows the frequency is set anew, and not changed.")
        self.kept[number] = profile.changed(change)

    def period_at(self, time: float) -> Period | None:
        """What is asked for at a time (s of the epoch), within all limits; None where nobody asks for anything."""
        found = next(filter(None, (self._leading(purpose, time) for purpose in ASKING)), None)
        if found is None:
            return None
        for limit in filter(None, (self._leading(purpose, time) for purpose in LIMITING)):
            found = replace(found, most=min(found.most, limit.most), least=max(found.least, limit.least))
        return found

    def _leading(self, purpose: str, time: float) -> Period | None:
        """The period of the highest level of a purpose that has one then."""
        levels = {
            each.level: found for each in self.kept.values() if each.purpose == purpose and (found := each.at(time))
        }
        return levels[max(levels)] if levels else None

    def power(self, time: float) -> float:
        """W at a time, s of the epoch."""
        found = self.period_at(time)
        return 0.0 if found is None else found.power

    def acting(self, time: float, hertz: float) -> float | None:
        """W at a time (s of the epoch) and a frequency (Hz; nan: unknown); None where none of them follows it."""
        found = self.period_at(time)
        return found.at_frequency(hertz) if found is not None and found.curve else None

    def composite(self, start: float, duration: float) -> Iterator[tuple[float, Payload]]:
        """What is asked for from a time on: s from it, and a period's content, wherever that changes."""
        times = sorted({start, *(each for one in self.kept.values() for each in one.changes(start, start + duration))})
        before: Payload = {}
        for time in times:
            told = (self.period_at(time) or Period(0.0, 0.0)).composed()
            if told != before:
                yield time - start, told
            before = told


def read(content: Payload, now: float, *, evse: int = 1, measured: bool = False) -> ChargingProfile:
    """A profile as its schema has it; `measured` is whether somebody knows the grid's frequency.

    Raises `Unusable` for one that a station of this kind cannot follow.
    """
    purpose, kind = content["chargingProfilePurpose"], content["chargingProfileKind"]
    _check_place(purpose, evse)
    refuse_others(content, KNOWN)
    if len(content["chargingSchedule"]) != 1:
        raise Unusable("InvalidSchedule", "give one schedule.")
    (schedule,) = content["chargingSchedule"]
    refuse_others(schedule, KNOWN_OF_SCHEDULE)
    if schedule["chargingRateUnit"] != "W":
        raise Unusable("UnsupportedRateUnit", "give W: what a current is worth is the car's matter.")
    _check_times(content, schedule)
    periods = _periods(schedule["chargingSchedulePeriod"])
    if not measured and any(each.curve for each in periods):
        raise Unusable("UnsupportedParam", "nobody measures the frequency here.")
    if kind == DYNAMIC and len(periods) > 1:
        raise Unusable("InvalidSchedule", "a dynamic profile has one period.")
    return ChargingProfile(
        number=content["id"], purpose=purpose, level=content["stackLevel"], evse=evse,
        begins=epoch(schedule.get("startSchedule"), now), lasts=number(schedule, "duration", inf), periods=periods,
        content=content, repeats=REPEATS.get(content.get("recurrencyKind", ""), inf),
        since=epoch(content.get("validFrom"), -inf), until=epoch(content.get("validTo"), inf),
    )  # fmt: skip


def _check_place(purpose: str, evse: int) -> None:
    """Raise `Unusable` for a purpose that nobody serves, or that is not for such an EVSE."""
    if purpose not in EVSES:
        raise Unusable("UnsupportedPurpose", f"{purpose} is nothing that a central system sets here.")
    if evse not in EVSES[purpose]:
        where = " or ".join(map(str, sorted(EVSES[purpose])))
        raise Unusable("InvalidValue", f"a {purpose} is for EVSE {where}, not {evse}.")


def _check_times(content: Payload, schedule: Payload) -> None:
    """Raise `Unusable` where the kind of a profile and its times do not go together."""
    kind, given = content["chargingProfileKind"], "startSchedule" in schedule
    if kind in {"Absolute", RECURRING} and not given:
        raise Unusable("InvalidSchedule", f"a profile of kind {kind} has a startSchedule.")
    if kind == RELATIVE and (given or content["chargingProfilePurpose"] in LIMITING):
        raise Unusable("InvalidSchedule", "a Relative profile begins with its transaction: it has no startSchedule.")
    if (kind == RECURRING) != ("recurrencyKind" in content):
        raise Unusable("InvalidSchedule", "a recurrencyKind and the kind Recurring go together.")
    if ("transactionId" in content) != (content["chargingProfilePurpose"] == "TxProfile"):
        raise Unusable("TxNotFound", "a TxProfile has a transactionId, others have none.")


def _periods(content: Sequence[Payload]) -> Sequence[Period]:
    found = tuple(map(period, content))
    starts = [each.start for each in found]
    if starts[0] != 0 or sorted(set(starts)) != starts:
        raise Unusable("InvalidSchedule", "periods begin at 0 and rise.")
    return found


def epoch(told: str | None, otherwise: float) -> float:
    """S of the epoch of a time as OCPP has them; raises `Unusable` for what is none."""
    if told is None:
        return otherwise
    try:
        time = datetime.fromisoformat(told)
    except ValueError as error:
        raise Unusable("InvalidValue", f"{told[:40]!r} is no time.") from error
    if time.tzinfo is None:
        # RFC 3339 wants it, and an hour off would move a whole night's charging.
        raise Unusable("InvalidValue", f"{told[:40]!r} has no offset from UTC.")
    return time.timestamp()
