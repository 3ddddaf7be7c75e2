"""Who can confirm a step of the safe state besides the instrument that carried it out: the table, and what it is worth.

An instrument that says OFF may lie, be another one, or be wrong. A step is *verified* by a meter of somebody else: the
BMS measures the current through the pack, the cells and the bus behind its contactors; sources and sinks measure the
voltage of the bus. Nobody is a witness of a step of his own. Where a station has no such meter a step is *reported*.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan, nan
from typing import cast

from bench.drivers import Unreachable
from bench.players import Players, measured
from bench.roles import Fact, steps_of
from bench.safety.limits import BMS_SILENCE
from bench.station import StationFile
from instruments.roles import BusVoltmeter, DatesChannels, InstrumentFault

PACK_CURRENT = 0.5
"""A that a BMS may measure where none flows: its shunt is made for hundreds."""
DEAD_CELL = 1.0
"""V below which no cell of a battery is, and every channel of an emulator that is off."""
JOINED = 0.1
"""Share of the pack's voltage by which a bus has left it once it is not connected any more: ten meters' worth."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What counts as gone: A, V; and the pack's own voltage (V) before its contactor opened, nan if nobody told."""

    current: float
    touchable: float
    pack: float = nan


Judgement = tuple[bool | None, str]
"""Whether a reading confirms a step (None: it cannot tell), and what it is in words."""


def _no_charge(amps: float, bounds: Bounds) -> Judgement:
    return amps <= bounds.current, f"{amps:.2f} A still flow into the pack"


def _no_discharge(amps: float, bounds: Bounds) -> Judgement:
    return amps >= -bounds.current, f"{-amps:.2f} A still flow out of the pack"


def _no_current(amps: float, bounds: Bounds) -> Judgement:
    return abs(amps) <= bounds.current, f"{abs(amps):.2f} A still flows through the pack, as its BMS measures it"


def _dead_bus(volts: float, bounds: Bounds) -> Judgement:
    """A live bus may be anybody's; whose it is, other steps tell."""
    return (abs(volts) < bounds.touchable or None), f"{volts:.1f} V on the bus"


def _discharged(volts: float, bounds: Bounds) -> Judgement:
    return abs(volts) < bounds.touchable, f"{volts:.1f} V remain on the bus"


def _apart(volts: float, bounds: Bounds) -> Judgement:
    """Whether the bus has another voltage than the pack: a pack that is safe to touch is left by it as well."""
    if not bounds.pack > DEAD_CELL:
        return (abs(volts) < bounds.touchable or None), f"{volts:.1f} V on the bus"
    apart = abs(volts - bounds.pack) > JOINED * bounds.pack
    return apart, f"{volts:.1f} V on the bus, as the pack has ({bounds.pack:.1f} V)"


def _dead_cells(volts: float, _bounds: Bounds) -> Judgement:
    return volts < DEAD_CELL, f"a cell still has {volts:.2f} V"


@dataclass(frozen=True, slots=True)
class Witness:
    """A fact that tells something of a step, and what."""

    fact: Fact
    judge: Callable[[float, Bounds], Judgement]


WITNESSES: Mapping[str, tuple[Witness, ...]] = {
    "sink off": (Witness("pack current", _no_discharge), Witness("bus voltage", _dead_bus)),
    "source off": (Witness("pack current", _no_charge), Witness("bus voltage", _dead_bus)),
    # A charger moves current either way, so that either way contradicts it.
    "charger off": (Witness("pack current", _no_current), Witness("bus voltage", _dead_bus)),
    "current gone": (Witness("pack current", _no_current),),
    "contactor open": (Witness("bus voltage", _apart),),
    "bus discharged": (Witness("bus voltage", _discharged),),
    "emulator off": (Witness("cell voltage", _dead_cells),),
    # A sensor on a cell needs minutes to tell that the air is not conditioned any more.
    "chamber to rest": (),
    "coolant to rest": (),
}
"""What tells something of a step; of one that is not here nobody else can."""


@dataclass(frozen=True, slots=True)
class Meter:
    """An instrument that can tell a fact; `read` raises `InstrumentFault` when it does not, or not now."""

    instrument: str
    fact: Fact
    read: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter said: a value, or why there is none (the end of a clause that its name begins)."""

    instrument: str
    value: float
    silent: str = ""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What witnesses make of a step: `verified` as in a `SafeStep`, by whom, and why not where it is not."""

    verified: bool | None
    by: str = ""
    why: str = ""


def meters(station: StationFile, players: Players, silence: Callable[[], float]) -> tuple[Meter, ...]:
    """Every meter of the station that could be a witness.

    `silence` tells for how long (s) the bench has been told to be off: what a BMS said before that is no answer.
    """
    volts = [Meter(name, "bus voltage", partial(_volts, players, name)) for name in station.bus_voltmeters]
    bms = station.player("bms")
    if bms is None:
        return tuple(volts)
    found = [Meter(bms, "pack current", partial(heard, players, "pack current", silence)), *volts]
    # Who is not there might be one. A stand-in is an instance of every protocol up to Python 3.11, and of none since.
    if isinstance(players.bms, Unreachable | BusVoltmeter):
        found.append(Meter(bms, "bus voltage", partial(_behind_contactors, players, silence)))
    if "emulator" in players:
        found.append(Meter(bms, "cell voltage", partial(heard, players, "cell voltage max", silence)))
    return tuple(found)


def heard(players: Players, channel: str, silence: Callable[[], float]) -> float:
    """A channel of the BMS, from a node that has said so since; raises `InstrumentFault` when it has not.

    Where a node sends several messages, one that is missing says nothing against what the others tell.
    """
    row, bms = players.bms_scan(), players.bms
    age = bms.channel_age(channel) if isinstance(bms, DatesChannels) else max(row["age"], bms.state_age())
    # What came in the very instant of the command may have been measured before it.
    if isnan(row[channel]) or age > BMS_SILENCE or not age < silence():
        raise InstrumentFault(f"was not heard: its news is {age:.1f} s old")
    return row[channel]


def _behind_contactors(players: Players, silence: Callable[[], float]) -> float:
    heard(players, "pack voltage", silence)
    value = cast("BusVoltmeter", players.bms).bus_voltage()
    if isnan(value):
        raise InstrumentFault("sends no voltage of the bus")
    return value


def _volts(players: Players, name: str) -> float:
    volts = measured(players.meters()[name], "voltage")
    if isnan(volts):
        raise InstrumentFault("reads no voltage")
    return volts


def confirmers(station: StationFile, present: Sequence[Meter], action: str) -> tuple[str, ...]:
    """Names of the other instruments that could confirm a step; none: it can only be reported."""
    own = _whose(station, action)
    facts = [witness.fact for witness in WITNESSES.get(action, ())]
    return tuple(dict.fromkeys(m.instrument for fact in facts for m in present if _is_witness(m, fact, own)))


def _is_witness(meter: Meter, fact: Fact, own: Collection[str]) -> bool:
    return meter.fact == fact and meter.instrument not in own


def _whose(station: StationFile, action: str) -> tuple[str, ...]:
    """Instruments whose word the step is itself."""
    if action == "bus discharged":
        return station.bus_voltmeters[:1]
    step, owners = steps_of(station.played)[action]
    # The current is whoever's; the contactor is the BMS's, which no power of the bench switches.
    return station.players(owners[0]) if step.acts or action == "contactor open" else ()


def testimony(
    station: StationFile, action: str, present: Sequence[Meter],
    readings: Mapping[Fact, Sequence[Reading]], bounds: Bounds, discredited: frozenset[str],
) -> Testimony:  # fmt: skip
    """What everybody else says of a step.

    One that contradicts decides; then one that confirms is enough. With witnesses of whom none confirms it is not
    verified; without any, all there is is the word of whoever carried it out. A discredited meter confirms nothing.
    """
    own = _whose(station, action)
    said_by: dict[bool | None, list[tuple[str, str]]] = {True: [], False: [], None: []}
    for witness in WITNESSES.get(action, ()):
        said = {reading.instrument: reading for reading in readings.get(witness.fact, ())}
        for meter in (meter for meter in present if _is_witness(meter, witness.fact, own)):
            name = meter.instrument
            judged, words = _judged(witness, said.get(name), bounds)
            if judged and name in discredited:
                judged, words = None, "was contradicted in this run and confirms nothing"
            said_by[judged].append((name, words))
    if said_by[False]:
        return Testimony(verified=False, why=_told(said_by[False]))
    if said_by[True]:
        return Testimony(verified=True, by=", ".join(dict.fromkeys(name for name, _ in said_by[True])))
    if said_by[None]:
        return Testimony(verified=False, why=f"not confirmed: {_told(said_by[None])}")
    return Testimony(verified=None)


def _judged(witness: Witness, reading: Reading | None, bounds: Bounds) -> Judgement:
    if reading is None:
        return None, "was not asked any more"
    return (None, reading.silent) if reading.silent else witness.judge(reading.value, bounds)


def _told(sayings: Sequence[tuple[str, str]]) -> str:
    return "; ".join(dict.fromkeys(f"{name}: {words}" for name, words in sayings))


def read(present: Sequence[Meter], fact: Fact) -> Iterator[Reading]:
    """Ask every meter of a fact; what one of them does not tell is told with the reason."""
    for meter in (meter for meter in present if meter.fact == fact):
        try:
            yield Reading(meter.instrument, meter.read())
        except Exception as error:  # noqa: BLE001 - the next meter must be asked, whatever this one did
            # Most instruments name themselves in what they raise, and whoever tells of a reading names them too.
            why = str(error).removeprefix(f"{meter.instrument} ") or type(error).__name__
            yield Reading(meter.instrument, nan, why)


def settled(fact: Fact, readings: Sequence[Reading], bounds: Bounds, *, patient: bool) -> bool:
    """Whether every meter of a fact shows a bench at rest; one that says nothing counts only as long as `patient`."""
    judges = [each.judge for witnesses in WITNESSES.values() for each in witnesses if each.fact == fact]
    return not any(
        patient if reading.silent else not all(judge(reading.value, bounds)[0] for judge in judges)
        for reading in readings
    )


def alone(station: StationFile, action: str) -> str:
    """What to say of a step that nobody else can confirm."""
    own = _whose(station, action)
    if not own:
        return "nobody else can tell"
    itself = "themselves say" if len(own) > 1 else "itself says"
    return f"only {' and '.join(own)} {itself} so: no other meter of this station can tell"
