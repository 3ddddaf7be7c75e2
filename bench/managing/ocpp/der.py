"""DER controls of OCPP 2.1 (functional block R): which are set, and what those that act make of a power.

The station has what its schemas say unmistakably: `FreqDroop`, which names its frequencies and its droops per unit, and
`LimitMaxDischarge`, which is a share of the largest power given back. Of curves they do not say what stands on the x
axis (per cent or V, Hz or per unit, s), nor in which unit `EnterService` has its voltages and `Gradients` its ramps:
those are not supported, rather than guessed. Reactive power this station has not.

Of one type a scheduled control goes before a default one, and a lower `priority` before a higher; what is superseded
does not act.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import TypeGuard

from bench.managing.links import Mains, Seen
from bench.managing.modbus.functions.function import Area
from bench.managing.modbus.functions.kinds.droop import NOMINAL, Droop
from bench.managing.ocpp.periods import Payload, Unusable, number
from bench.managing.ocpp.profiles import epoch

MOST = 24
"""Controls that are kept: as many as one report tells."""
REACTIVE = frozenset({"FixedPFAbsorb", "FixedPFInject", "FixedVar", "VoltVar", "WattPF", "WattVar"})
SETTINGS = frozenset({
    "curve", "enterService", "fixedPFAbsorb", "fixedPFInject", "fixedVar", "freqDroop", "gradient", "limitMaxDischarge",
})  # fmt: skip
"""Where a request has the settings of one type or another."""

Shape = Callable[[float, Seen], float]
"""W of a source (below 0 charges) that a control makes of so many W."""


class NotSupported(Exception):
    """A control that this station has not; one sentence."""


@dataclass(frozen=True, slots=True)
class ControlType:
    """What stands where a request has its `settings`; `shape` checks them (`Unusable`) and makes what acts.

    `needs_mains` is whether it acts on the grid, which somebody has to measure.
    """

    settings: str
    shape: Callable[[Payload], Shape]
    needs_mains: bool = False


def _droop(content: Payload) -> Shape:
    """Hz at which it begins on either side, and droop per unit: by so much of 50 Hz for all of the largest power."""
    told = {name: number(content, name, 0.0) for name in ("overFreq", "underFreq", "overDroop", "underDroop")}
    response = number(content, "responseTime", 0.0)
    settings = {
        "Ctl.1.DbOf": told["overFreq"] - NOMINAL, "Ctl.1.DbUf": NOMINAL - told["underFreq"],
        "Ctl.1.KOf": told["overDroop"], "Ctl.1.KUf": told["underDroop"], "Ctl.1.RspTms": response, "Ctl.1.PMin": -100.0,
    }  # fmt: skip
    if not all(0 <= settings[f"Ctl.1.{each}"] <= NOMINAL / 10 for each in ("DbOf", "DbUf")):
        raise Unusable("InvalidValue", "a droop begins above 50 Hz (overFreq) and below (underFreq), within 5 Hz.")
    if min(told["overDroop"], told["underDroop"]) <= 0 or response < 0:
        raise Unusable("InvalidValue", "a droop is more than 0 per unit, and its responseTime 0 s or more.")
    acts = Droop()

    def shape(power: float, seen: Seen) -> float:
        if not _measured(seen.mains):
            return 0.0  # nobody knows what it would have to be
        largest = max(seen.charger.charge, seen.charger.discharge)
        return acts.shaped(power, Area(seen.mains, largest, seen.time), settings)

    return shape


def _limit(content: Payload) -> Shape:
    if "powerMonitoringMustTrip" in content:
        raise NotSupported("of a powerMonitoringMustTrip curve nobody says what its axes are.")
    share = content.get("pctMaxDischargePower")
    if share is None or not 0 <= share <= 100:
        raise Unusable("InvalidValue", "pctMaxDischargePower is 0 to 100 % of the largest power that is given back.")
    return lambda power, seen: min(power, share / 100 * seen.charger.discharge)


TYPES: Mapping[str, ControlType] = {
    "FreqDroop": ControlType("freqDroop", _droop, needs_mains=True),
    "LimitMaxDischarge": ControlType("limitMaxDischarge", _limit),
}
"""Those that the station has, in the order in which they act: what limits comes last."""


@dataclass(frozen=True, eq=False, slots=True)
class Control:
    """One that was set: from `begins` until `ends` (s of the epoch), where it is no default one."""

    number: str
    kind: str
    default: bool
    priority: int
    content: Payload
    shape: Shape
    begins: float = -inf
    ends: float = inf

    @property
    def rank(self) -> tuple[bool, int]:
        """The lowest acts."""
        return self.default, self.priority

    def told(self, *, superseded: bool) -> Payload:
        """As a report has it."""
        return {
            "id": self.number, "isDefault": self.default, "isSuperseded": superseded,
            TYPES[self.kind].settings: self.content,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """A scheduled control has begun to act, or acts no more; `superseded` are those that it took the place of."""

    number: str
    started: bool
    superseded: Sequence[str] = ()


@dataclass
class Controls:
    """Those that were set, and those that act by their type."""

    kept: dict[str, Control] = field(default_factory=dict)
    acting: dict[str, Control] = field(default_factory=dict)

    def put(self, payload: Payload, now: float, *, measured: bool) -> Sequence[str]:
        """Take one; the default ones that it supersedes. Raises `NotSupported`, or `Unusable`."""
        control = _read(payload, now, measured=measured)
        if control.number not in self.kept and len(self.kept) >= MOST:
            raise Unusable("OutOfStorage", f"a station keeps {MOST} controls.")
        same = [each for each in self.kept.values() if each.kind == control.kind and each.number != control.number]
        self.kept.pop(control.number, None)  # it is the latest now
        self.kept[control.number] = control
        return [each.number for each in same if control.default and each.default and each.rank >= control.rank]

    def matching(self, *, default: bool | None, kind: str | None, number: str | None) -> list[Control]:
        """Those of this number, or where none is given all that fit."""
        if number is not None:
            return [each for each in self.kept.values() if each.number == number]
        return [each for each in self.kept.values() if default in {None, each.default} and kind in {None, each.kind}]

    def clear(self, gone: Sequence[Control]) -> bool:
        """Forget them; whether there were any."""
        for each in gone:
            del self.kept[each.number]
        return bool(gone)

    def look(self, now: float) -> Iterator[Turn]:
        """See which act at a time, s of the epoch; what scheduled ones have begun or ended by then."""
        acting = {kind: found for kind in TYPES if (found := self._leading(kind, now)) is not None}
        before, self.acting = self.acting, acting
        for kind in TYPES:
            old, new = before.get(kind), acting.get(kind)
            if old is new:
                continue
            replaced = old is not None and self.kept.get(old.number) is old and now < old.ends
            if old is not None and not old.default and not replaced:
                yield Turn(old.number, started=False)
            if new is not None and not new.default:
                yield Turn(new.number, True, [old.number] if old is not None and replaced else [])

    def _leading(self, kind: str, now: float) -> Control | None:
        there = [each for each in self.kept.values() if each.kind == kind and each.begins <= now < each.ends]
        # Of two of one rank the later one: whoever set it knew of the other.
        return min(reversed(there), key=lambda each: each.rank, default=None)

    def superseded(self, control: Control, now: float) -> bool:
        """Whether it would act at a time, and another one does."""
        return control.begins <= now < control.ends and self._leading(control.kind, now) is not control

    def made(self, power: float, seen: Seen) -> float | None:
        """W (positive charges) that those that act make of so many; None where none does."""
        if not self.acting:
            return None
        made = -power
        for kind in TYPES:
            if kind in self.acting:
                made = self.acting[kind].shape(made, seen)
        return -min(max(made, -seen.charger.charge), seen.charger.discharge)


def _measured(mains: Mains | None) -> TypeGuard[Mains]:
    return mains is not None and not isnan(mains.hertz)


def _read(payload: Payload, now: float, *, measured: bool) -> Control:
    """One as its schema has it; raises `NotSupported` or `Unusable`."""
    kind, default = payload["controlType"], payload["isDefault"]
    known = _known(kind)
    if known.needs_mains and not measured:
        raise NotSupported("nobody measures the grid here.")
    content = payload.get(known.settings)
    if content is None or any(name in payload for name in SETTINGS - {known.settings}):
        raise Unusable("InvalidValue", f"the settings of a {kind} are its {known.settings}, and nothing else.")
    begins, ends = _times(content, now, default=default)
    return Control(
        payload["controlId"], kind, default, content["priority"], content, known.shape(content), begins, ends
    )


def _times(content: Payload, now: float, *, default: bool) -> tuple[float, float]:
    """From when until when it is there, s of the epoch: a default one always. Raises `Unusable`."""
    if default in {"startTime" in content, "duration" in content}:
        raise Unusable("InvalidValue", "a scheduled control has a startTime and a duration, a default one neither.")
    if default:
        return -inf, inf
    begins, lasts = epoch(content["startTime"], now), number(content, "duration", 0.0)
    if lasts <= 0 or begins + lasts <= now:
        raise Unusable("InvalidValue", "that control would be over before it begins.")
    return begins, begins + lasts


def _known(kind: str) -> ControlType:
    if kind in TYPES:
        return TYPES[kind]
    if kind in REACTIVE:
        raise NotSupported(f"{kind}: a pack behind a bench's charger gives no reactive power.")
    raise NotSupported(f"{kind}: the protocol's schemas do not say in which units its settings are.")
