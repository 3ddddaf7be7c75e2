"""What is limited on a bench, from the pack's data sheet and the station's wiring.

The same data program the instruments' own protections. The order counts: of limits violated in one row the first is
the cause, so those that tell of a wrong reading come before those that believe it.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import inf, isnan
from numbers import Real
from typing import cast, get_args

from bench import columns, roles
from bench.columns import SAMPLE_AGE, bms_label, raw_label
from bench.pack import PackFile
from bench.safety import charger, coolant, events, faults, plausibility, quantities
from bench.safety.guard import Limit, Recovery, When
from bench.station import StationFile
from bench.verdicts import InputError
from instruments import extensions
from instruments.roles import BmsState
from instruments.wording import nearest

GROUP = "packbench.limits"
"""Entry points of other packages: each a `LimitMaker`."""
LimitMaker = Callable[[PackFile, StationFile], Iterable[Limit]]
"""What is limited on a station for a pack; nothing where the station has not what it is about."""

CELL_MARGIN = 0.02
"""V per cell beyond the pack's limit at which the guard trips: regulation may touch the limit, not pass it."""
UNDER_VOLTAGE_MARGIN = 0.15
CURRENT_MARGIN = 1.1
POWER_MARGIN = 1.1
CAPACITY_MARGIN = 1.1
TEMPERATURE_MARGIN = 5.0
"""K that the air may be beyond what the pack may see: it overshoots, the cells follow."""
CHARGING_MARGIN = 2.0
"""K by which a soaked cell may lie below the coldest it may be charged at: a station's band."""
SOC_MARGIN = 0.02
TEMPERATURE_JUMP = 15.0
"""K by which scanner and BMS may part from one scan to the next: no cell is that fast, and both would see it."""
IMPLAUSIBLE_CELL = 0.5
"""Share of the lowest cell voltage below which a reading is none: a lead is open, an emulator is off."""
BMS_UNCHANGED = 120.0
"""s without any change of what the BMS measures while a current flows."""
BMS_CURRENT_MARGIN = 0.05, 0.5
"""Share of the pack's largest current, and A, beyond the BMS's limit: meters differ, limits come a scan late."""
SHORTFALL = 0.5
"""Share of the current asked for that may be missing: a set point is followed within seconds, or not at all.

Of several instruments that share a current, this share of an equal part of it: one of them may switch itself off.
"""
DISAGREEMENT = {"voltage-disagreement": 3.0, "current-disagreement": 5.0, "cell-voltage-disagreement": 1.0}
"""s for which two meters may disagree: not longer than it takes a limit to believe the one that is wrong."""
UNASKED_CURRENT = 0.05
"""Share of the pack's largest current that may flow without having been asked for: offsets, and the last set point."""
CELL_TEMPERATURE_SPREAD = 10.0
"""K between the pack's hottest and coldest cell, which have the same air and the same current."""
BMS_TEMPERATURE_STEP = 1.0
"""K, resolution of the temperatures that a foxBMS node sends; it has sensors where the scanner may have none."""
CHARGE_SPREAD = 0.25
"""By which the fullest and the emptiest cell may differ in charge, as the BMS says: one has lost a quarter of it."""
LEAP = 0.05
"""By which a displayed state of charge may be where no current can have brought it."""
IMPLAUSIBLE = 2.0
"""s for which a BMS may say what cannot be: two scans, one of which may have met it in the middle of an update."""
OUTSIDE_HEAT = 5.0
"""K that cells may have from nobody knows where: positions differ, and a chamber's sensor is not at the cells."""
OUTSIDE_HEAT_DEBOUNCE = 30.0
SUSPECTED_WORDS = (
    "the cells are warmer than the current and all that is said to be around them make them; measure the air at the "
    "cells with a thermometer of your own"
)
OPENINGS, INTERRUPTIONS, RECONNECTIONS = 1.0, 2.0, 5.0
"""How often in a run a contactor may open by itself under load, a current may be interrupted, a link may be lost."""
CONTRADICTIONS = 2.0
"""Frames within a minute that cannot come from one healthy node: one may be a frame that was damaged."""
OF_A_CURRENT = frozenset({
    "pack-over-voltage", "pack-under-voltage", "cell-over-voltage", "cell-under-voltage", "cell-over-temperature",
    "cell-temperature-rate", "cell-temperature-rise", "cell-spread", "charge-balance", "state-of-charge", "over-power",
    "bms-error", "bms-fault",
})  # fmt: skip
"""What a current brings about that nobody has asked for."""
OF_A_WEAK_CELL = frozenset({"bms-charge-limit", "bms-discharge-limit"})
"""What one cell brings about that strays from all others."""
OF_HEAT = frozenset({
    "cell-over-temperature", "cell-temperature-rate", "cell-temperature-rise", "coolant-diverges",
})  # fmt: skip
"""What air brings about that is hotter than anybody has asked for: a coolant unit works against it until it cannot any
more. What a BMS says of heat, its own bits tell."""
OF_COLD = frozenset({"cell-under-temperature", "charging-too-cold", "bms-charge-limit"})
"""What air brings about that is colder than anybody has asked for."""
LOOK_AT_BMS = "look at its 12 V supply and its wiring, for a second node on the bus, and at its own log"
"""What to do about a node that opened or started anew and does not say why: it is the bench's until that is known."""
EVENT_WORDS = {
    "contactor-opened": f"the BMS has opened its contactors under load and does not say why; {LOOK_AT_BMS}",
    "bms-restarted": f"the BMS has started anew in the middle of the run and does not say why; {LOOK_AT_BMS}",
}
OPENS_UNDER_LOAD = "the BMS opens its contactors under load: it gave up"
OF_AN_OPEN_PATH = frozenset({"current-interrupted", "current-missing", "voltage-disagreement"})
"""What it brings about that a contactor, a fuse or a cable is open, whoever has opened it."""
PATH_WORDS = "no current flows though one is asked for, and source and pack have different voltages"
BMS_SILENCE = 5.0
"""s without a complete set of BMS messages; the foxBMS layout sends the slowest of them each second."""
INSULATION_PER_VOLT = 500.0
"""Ohm/V that ISO 6469-3 asks of a system in which a.c. and d.c. circuits are connected, as in a vehicle."""
EXCURSION_DEBOUNCE = 60.0
"""s that the air may be out of its band: a door is opened, a compressor starts."""
EXCURSION_RECOVERY = 0.25, 600.0
"""Share of the band by which the air must be back inside it, and for how long, s."""


def limits_for(pack: PackFile, station: StationFile) -> tuple[Limit, ...]:
    """The limits that every run of `pack` on `station` is guarded by."""
    measured = measured_on(station)
    ours = (limit for limit in _all(pack, station) if quantities.needs(limit.column) <= measured)
    return (*_of_the_slow(station), *ours, *_of_others(pack, station))


def measured_on(station: StationFile) -> frozenset[str]:
    """The recorded columns that somebody measures on a station."""
    return frozenset(
        column.name
        for name in station.played
        for column in roles.role(name).columns
        if column.shown_among(station.played)
    )


def unmeasured(needs: Iterable[str], pack: PackFile, station: StationFile, *, moves_energy: bool) -> list[str]:
    """What a step needs to be measured and nobody does, one sentence each.

    A step that moves energy needs a channel for every limit of the pack: what nobody measures nobody guards.
    """
    measured = measured_on(station)
    wanted = [(column, f"it needs {column!r}") for column in needs]
    if moves_energy:
        wanted += [(column, f"it moves energy, and the pack's {name} needs a guard") for name, column in _guarded(pack)]
    missing: dict[str, str] = {}
    for column, why in wanted:
        if not quantities.needs(column) <= measured:
            missing.setdefault(why, column)
    return [
        f"{why}: nobody measures {column!r} on station {station.name}; {roles.who_measures(column)}."
        for why, column in missing.items()
    ]


def _guarded(pack: PackFile) -> Iterator[tuple[str, str]]:
    """The limits of every pack, and the column each is guarded on."""
    yield "cell_voltage", columns.CELL_VOLTAGE_MIN
    yield "cell_voltage", columns.CELL_VOLTAGE_MAX
    yield "charge_temperature", columns.CELL_TEMPERATURE_MAX
    yield "discharge_temperature", columns.CELL_TEMPERATURE_MIN
    yield "charge_current", columns.CURRENT
    yield "voltage", columns.VOLTAGE
    if pack.limits.insulation is not None:
        yield "insulation", bms_label("bms", "insulation")


def _all(pack: PackFile, station: StationFile) -> tuple[Limit, ...]:
    """In the order that counts, whoever measures what they are on."""
    return (
        *_of_the_readings(pack, station),
        *_of_the_bms_itself(pack, station),
        *_of_the_bms(pack, station),
        *_of_the_events(station),
        *coolant.limits_for(pack, station),
        *charger.limits_for(station),
        *_of_the_terminals(pack, station),
        *_of_the_cells(pack),
        *_of_the_temperatures(pack, station),
        *_of_the_chamber(station),
    )


def _of_the_slow(station: StationFile) -> Iterator[Limit]:
    """Instruments that are asked more rarely than the bench is scanned must still be asked when it is their turn."""
    for name, entry in station.instruments.items():
        if entry.scan_period is not None:
            yield Limit(
                "stale-sample", raw_label(name, SAMPLE_AGE), "s",
                at_most=max(entry.scan_period, station.rest_scan_period) + station.guard.sample_age,
                label=f"stale sample ({name})", instrument=name,
            )  # fmt: skip


def _of_others(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """What other packages guard; they come last, in the order of their names."""
    faults.refuse_ours_from_others()
    for name in sorted(extensions.brought(GROUP)):
        what = f"The guard limits {name!r}"
        try:
            found = list(cast("LimitMaker", extensions.load(GROUP, name, what))(pack, station))
        except extensions.ExtensionError as error:
            raise InputError(str(error)) from error
        except Exception as error:
            (entry,) = extensions.brought(GROUP)[name]
            raise InputError(f"{extensions.where(entry, what)} failed: {type(error).__name__}: {error}.") from error
        for limit in found:
            _refuse(limit, extensions.where(extensions.brought(GROUP)[name][0], what))
        yield from found


def _refuse(limit: object, where: str) -> None:
    """Raise where another package makes something that is no limit, or has a fault that nobody knows."""
    if not isinstance(limit, Limit):
        raise InputError(f"{where} made {limit!r}, which is no Limit.")
    try:
        faults.fault(limit.fault)
    except KeyError:
        raise InputError(
            f"{where} has the fault {limit.fault!r}, which is not in the fault catalogue; bring it as an entry point "
            f"of the group {faults.GROUP!r}; {nearest(limit.fault, faults.ids())}."
        ) from None
    wrong = _wrong_values(limit)
    if wrong:
        raise InputError(f"{where} made a limit of {limit.column!r} whose {wrong}.")


def _wrong_values(limit: Limit) -> str:
    """What of a limit would be found out by its first violation, or guard nothing, as a clause."""
    numbers = {"at_least": limit.at_least, "at_most": limit.at_most, "debounce": limit.debounce}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, Real) or isnan(value):
            return f"{key} is {value!r:.40}; it must be a number"
    if not limit.at_least <= limit.at_most:
        return f"at_least {limit.at_least:g} is above its at_most {limit.at_most:g}: no value would be allowed"
    if not 0 <= limit.debounce < inf:
        return f"debounce is {limit.debounce:g} s; allowed: 0 and more"
    if limit.when not in get_args(When):
        return f"when is {limit.when!r:.40}; {nearest(str(limit.when), get_args(When))}"
    unknown = next((each for each in sorted(limit.explains) if each not in faults.ids()), None)
    return f"explains has the fault {unknown!r}; {nearest(unknown, faults.ids())}" if unknown else ""


def _of_the_readings(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """Whether what is read can be believed."""
    guard = station.guard
    bms, scanner = station.whoever_is("bms"), station.whoever_is("temperatures")
    voltage = guard.voltage_disagreement * pack.voltage_max
    current = guard.current_disagreement * max(pack.limits.charge_current, pack.limits.discharge_current)
    yield Limit("stale-sample", columns.SCAN_DURATION, "s", at_most=guard.sample_age, debounce=5.0)
    yield Limit("bms-silent", columns.BMS_AGE, "s", at_most=BMS_SILENCE, instrument=bms)
    differences: list[tuple[str, str, str, str, float]] = []
    if quantities.voltmeters(station):  # else the BMS measures alone, and agrees with itself
        differences += [
            ("voltage-disagreement", "source and BMS", quantities.BMS_VOLTAGE_DIFFERENCE, "V", voltage),
            ("current-disagreement", "source, sink and BMS", quantities.BMS_CURRENT_DIFFERENCE, "A", current),
        ]
    if len(quantities.voltmeters(station)) > 1:
        differences.append(
            ("voltage-disagreement", "source and sink", quantities.SINK_VOLTAGE_DIFFERENCE, "V", voltage)
        )
    for word, column in (("hottest", quantities.HOTTEST_JUMP), ("coldest", quantities.COLDEST_JUMP)):
        yield Limit(
            "temperature-jump", column, "K", at_most=TEMPERATURE_JUMP, label=f"temperature jump ({word})",
            instrument=scanner, contradiction=True,
        )  # fmt: skip
    least, emulator = IMPLAUSIBLE_CELL * pack.limits.cell_voltage.min, station.player("emulator")
    yield Limit(
        "cell-voltage-implausible", columns.CELL_VOLTAGE_MIN, "V",
        at_least=least, debounce=1.0, instrument=emulator or bms, contradiction=True,
    )  # fmt: skip
    if emulator is not None:
        cell, fault = guard.cell_voltage_disagreement, "cell-voltage-disagreement"
        differences.append((fault, "highest cell", quantities.HIGHEST_CELL_DIFFERENCE, "V", cell))
        differences.append((fault, "lowest cell", quantities.LOWEST_CELL_DIFFERENCE, "V", cell))
    for fault, between, column, unit, at_most in differences:
        label = f"{fault.replace('-', ' ')} ({between})"
        # Cells are measured with the contactors open as well.
        when: When = "always" if fault == "cell-voltage-disagreement" else "connected"
        yield Limit(
            fault, column, unit, at_most=at_most, debounce=DISAGREEMENT[fault], when=when, label=label,
            contradiction=True,
        )  # fmt: skip


def _of_the_bms_itself(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """Whether what the BMS says can be: its order, its rate, its range, its origin, and that it moves."""
    bms = station.whoever_is("bms")
    implausible = partial(Limit, "bms-implausible", instrument=bms, contradiction=True)
    frozen = partial(Limit, "bms-frozen", instrument=bms, contradiction=True)
    yield implausible(
        plausibility.DISORDER, "", at_most=0.0, debounce=IMPLAUSIBLE, label="BMS implausible (order)",
        words="it says a minimum that lies above its maximum",
    )  # fmt: skip
    yield implausible(
        plausibility.CHARGE_LEAP, "", at_most=LEAP, debounce=IMPLAUSIBLE, label="BMS implausible (rate)",
        words="its state of charge has moved faster than any current can move it",
    )  # fmt: skip
    yield implausible(
        plausibility.FULLEST_LEAP, "", at_most=LEAP, debounce=IMPLAUSIBLE, label="BMS implausible (fullest cell)",
        words="the charge of its fullest cell has moved faster than any current can move it",
    )  # fmt: skip
    yield implausible(
        plausibility.OPEN_YET_CARRYING, "", at_most=0.0, debounce=IMPLAUSIBLE, label="BMS implausible (state)",
        words=f"it says that its contactors are open and reads the current that was asked for; {LOOK_AT_BMS}",
        explains=frozenset({"contactor-opened"}),
    )  # fmt: skip
    gap = station.guard.voltage_disagreement * pack.voltage_max
    yield implausible(plausibility.CELL_SUM_GAP, "V", at_most=gap, debounce=5.0, label="BMS implausible (sum of cells)")
    yield frozen(quantities.BMS_UNCHANGED, "s", at_most=BMS_UNCHANGED, when="connected")
    for word, column in (("voltage or charge", plausibility.FROZEN), ("temperature", plausibility.FROZEN_TEMPERATURE)):
        yield frozen(
            column, "", at_most=1.0, debounce=5.0, label=f"BMS frozen ({word})",
            words=f"a {word} of its stands still while what belongs to it has moved",
        )  # fmt: skip
    yield Limit(
        "bms-contradicted", events.CONTRADICTIONS, "", at_most=CONTRADICTIONS, instrument=bms, contradiction=True,
        words="its frames cannot come from one healthy node",
    )  # fmt: skip
    yield Limit("frames-dropped", events.DROPPED, "", at_most=0.0, instrument=bms)


def _of_the_events(station: StationFile) -> Iterator[Limit]:
    """What must not happen even now and then: each is told, and more than a run may have end it."""
    bms = station.whoever_is("bms")
    yield Limit(
        "contactor-opened", events.OPEN_UNDER_LOAD, "", at_most=0.0, debounce=3.0, explains=OF_AN_OPEN_PATH,
        label="contactor open under load", words=EVENT_WORDS["contactor-opened"], instrument=bms,
    )  # fmt: skip
    counts = (
        ("contactor-opened", events.OPENINGS, OPENINGS),
        ("bms-restarted", events.RESTARTS, 0.0),
        ("current-interrupted", events.INTERRUPTIONS, INTERRUPTIONS),
        ("link-unsteady", events.RECONNECTIONS, RECONNECTIONS),
    )
    for fault, column, budget in counts:
        name, words = faults.fault(fault).name, EVENT_WORDS.get(fault, "")
        of = partial(Limit, fault, column, "", words=words, instrument=bms if words else "")
        yield of(at_most=0.0, label=f"{name} (counted)", advisory=True)
        yield of(at_most=budget, label=f"{name} (too often)")


def _of_the_bms(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """What the pack's own controller says."""
    bms, limits = station.whoever_is("bms"), pack.limits
    insulation = limits.insulation or INSULATION_PER_VOLT * pack.voltage_max
    # Not debounced: its contactors have opened under load. Why, is found out with the outputs off (`bms_errors`).
    yield Limit("bms-error", columns.BMS_STATE, "", at_most=BmsState.CHARGE, words="the BMS gave up")
    # Off at once: above what it can break it waits for 3 s, then opens all the same, and is to be reset by hand.
    yield Limit(
        "bms-error", events.OPEN_UNDER_LOAD, "", at_most=1.0, label="BMS error (opening)", words=OPENS_UNDER_LOAD,
        explains=frozenset({"contactor-opened"}),
    )  # fmt: skip
    for fault, column, explains in (
        ("bms-fault", quantities.BMS_FAULT_BITS, frozenset({"contactor-opened"})),
        ("bms-link", quantities.BMS_LINK_BITS, frozenset({"contactor-opened", "bms-restarted"})),
    ):
        yield Limit(
            fault, column, "", at_most=0.0, debounce=2.0, words="the BMS reports a fault", explains=explains,
        )  # fmt: skip
    yield Limit("insulation", bms_label(bms, "insulation"), "Ohm", at_least=insulation, debounce=2.0)
    share, amperes = BMS_CURRENT_MARGIN
    for fault, column, most in (
        ("bms-charge-limit", quantities.CHARGE_EXCESS, limits.charge_current),
        ("bms-discharge-limit", quantities.DISCHARGE_EXCESS, limits.discharge_current),
    ):
        yield Limit(fault, column, "A", at_most=share * most + amperes, debounce=5.0, when="connected")
    low, high = limits.state_of_charge.min - SOC_MARGIN, limits.state_of_charge.max + SOC_MARGIN
    # With its contactors open a BMS may show no charge at all: that is no pack at 0 %.
    yield Limit("state-of-charge", columns.SOC, "", at_least=low, at_most=high, debounce=5.0, when="connected")


def _of_the_terminals(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """What flows, and against which voltage."""
    limits, wiring = pack.limits, station.wiring
    charge = min(limits.charge_current, wiring.current)
    discharge = min(limits.discharge_current, wiring.current)
    into, out_of = (limits.power or amps * pack.voltage_max for amps in (charge, discharge))
    highest = min(pack.voltage_max + pack.series * CELL_MARGIN, wiring.voltage)
    lowest = pack.voltage_min - pack.series * UNDER_VOLTAGE_MARGIN
    # With the contactors open the terminals are the bench's own.
    yield Limit("pack-over-voltage", columns.VOLTAGE, "V", at_most=highest, debounce=1.0, when="connected")
    source = next(iter(quantities.voltmeters(station)), "source")
    yield Limit("bus-over-voltage", columns.VOLTAGE, "V", at_most=highest, debounce=1.0, when="open", instrument=source)
    # Contactors that have only just closed still show the open terminals in one scan.
    yield Limit("pack-under-voltage", columns.VOLTAGE, "V", at_least=lowest, debounce=3.0, when="connected")
    yield Limit(
        "over-current", columns.CURRENT, "A",
        at_least=-CURRENT_MARGIN * discharge, at_most=CURRENT_MARGIN * charge, debounce=1.0, explains=OF_A_CURRENT,
    )  # fmt: skip
    yield Limit(
        "over-power", columns.POWER, "W",
        at_least=-POWER_MARGIN * out_of, at_most=POWER_MARGIN * into, debounce=1.0,
    )  # fmt: skip
    unasked = UNASKED_CURRENT * max(limits.charge_current, limits.discharge_current)
    yield Limit(
        "unasked-current", plausibility.UNASKED_CURRENT, "A", at_most=unasked, debounce=5.0, explains=OF_A_CURRENT
    )
    yield Limit(
        "path-open", plausibility.PATH_OPEN, "", at_most=0.0, debounce=DISAGREEMENT["voltage-disagreement"],
        when="connected", words=PATH_WORDS, explains=OF_AN_OPEN_PATH,
    )  # fmt: skip
    together = max(1, *(len(station.players(role)) for role in ("source", "sink")))
    yield Limit("current-missing", quantities.CURRENT_SHORTFALL, "", at_most=SHORTFALL / together, debounce=10.0)
    most = CAPACITY_MARGIN * pack.rated_capacity
    yield Limit("charge-balance", quantities.CHARGE_MOVED, "Ah", at_most=most, debounce=1.0)


def _of_the_cells(pack: PackFile) -> Iterator[Limit]:
    limits, cell = pack.limits, pack.limits.cell_voltage
    spread = limits.cell_spread or (cell.max - cell.min) / 2
    lowest = cell.min - UNDER_VOLTAGE_MARGIN
    yield Limit("cell-over-voltage", columns.CELL_VOLTAGE_MAX, "V", at_most=cell.max + CELL_MARGIN, debounce=1.0)
    yield Limit("cell-under-voltage", columns.CELL_VOLTAGE_MIN, "V", at_least=lowest, debounce=1.0)
    # A BMS derates for its weakest cell: the current that was right for all others is none of the bench's doing then.
    yield Limit("cell-spread", quantities.CELL_SPREAD, "V", at_most=spread, debounce=10.0, explains=OF_A_WEAK_CELL)
    # Where voltage is flat over charge an empty cell looks like all others, and its BMS knows better.
    yield Limit(
        "cell-spread", quantities.CHARGE_SPREAD, "", at_most=CHARGE_SPREAD, debounce=10.0, explains=OF_A_WEAK_CELL,
        label="cell spread (charge)", when="measured",
    )  # fmt: skip


def _of_the_temperatures(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    bms, limits, tolerance = station.whoever_is("bms"), pack.limits, station.guard.temperature_disagreement
    charge, discharge = limits.charge_temperature, limits.discharge_temperature
    highest, lowest = max(charge.max, discharge.max), min(charge.min, discharge.min) - TEMPERATURE_MARGIN
    hottest, coldest = columns.CELL_TEMPERATURE_MAX, columns.CELL_TEMPERATURE_MIN
    hot, disagree, chamber = "cell-over-temperature", "temperature-disagreement", station.whoever_is("chamber")
    # Where there is a coolant as well, a row says whose heat or cold it may be.
    outside = "" if station.player("coolant") else chamber
    yield Limit(
        "temperature-unconfirmed", plausibility.UNCONFIRMED_HEAT, "K", at_most=0.0, debounce=2.0,
        words="the scanner reads more than the pack may have, the BMS finds no such cell", contradiction=True,
    )  # fmt: skip
    yield Limit(
        "outside-heat", plausibility.OUTSIDE_HEAT, "K", at_most=OUTSIDE_HEAT, debounce=OUTSIDE_HEAT_DEBOUNCE,
        instrument=outside, contradiction=True, explains=OF_HEAT,
    )  # fmt: skip
    yield Limit(
        "outside-cold", plausibility.OUTSIDE_COLD, "K", at_most=OUTSIDE_HEAT, debounce=OUTSIDE_HEAT_DEBOUNCE,
        instrument=outside, contradiction=True, explains=OF_COLD,
    )  # fmt: skip
    yield Limit(
        "outside-heat", plausibility.UNLIKELY_HEAT, "K", at_most=OUTSIDE_HEAT,
        instrument=outside, explains=OF_HEAT, suspicion=True, label="outside heat (suspected)",
    )  # fmt: skip
    # What coolant carries away keeps the cells within their limits for long: nobody else tells meanwhile.
    yield Limit(
        "outside-heat-suspected", plausibility.UNLIKELY_HEAT, "K", at_most=OUTSIDE_HEAT, debounce=OUTSIDE_HEAT_DEBOUNCE,
        instrument=outside, words=SUSPECTED_WORDS,
    )  # fmt: skip
    yield Limit(
        "chamber-over-temperature", columns.AMBIENT, "°C", at_most=highest + TEMPERATURE_MARGIN, debounce=2.0,
        instrument=chamber, explains=OF_HEAT,
    )  # fmt: skip
    yield Limit(
        "chamber-over-temperature", plausibility.AIR_HEAT, "K", at_most=0.0, debounce=OUTSIDE_HEAT_DEBOUNCE,
        instrument=chamber, explains=OF_HEAT, label="chamber over-temperature (cells)",
        words="the air heats the cells beyond what they may have",
    )  # fmt: skip
    yield Limit(hot, hottest, "°C", at_most=highest, debounce=2.0)
    yield Limit(
        hot, bms_label(bms, "cell temperature max"), "°C",
        at_most=highest + BMS_TEMPERATURE_STEP, debounce=2.0, label="cell over-temperature (BMS)",
    )  # fmt: skip
    yield Limit("cell-under-temperature", coldest, "°C", at_least=lowest, debounce=2.0, instrument=chamber)
    too_cold = charge.min - CHARGING_MARGIN
    yield Limit(
        "charging-too-cold", coldest, "°C", at_least=too_cold, debounce=5.0, when="charging", instrument=chamber
    )
    rate, rise = limits.temperature_rate, limits.temperature_rise
    yield Limit("cell-temperature-rate", quantities.TEMPERATURE_RATE, "K/min", at_most=rate, debounce=5.0)
    yield Limit(
        "cell-temperature-rise", quantities.TEMPERATURE_RISE, "K", at_most=rise, debounce=5.0, when="conditioned"
    )
    spread = quantities.BMS_TEMPERATURE_SPREAD
    yield Limit("cell-temperature-spread", spread, "K", at_most=CELL_TEMPERATURE_SPREAD, debounce=30.0)
    yield Limit(
        disagree, quantities.SCANNER_FROZEN, "", at_most=1.0, debounce=60.0, contradiction=True,
        instrument=station.whoever_is("temperatures"), label=f"{disagree.replace('-', ' ')} (frozen)",
        words="a sensor of the scanner stands still while every cell that the BMS reads has moved",
    )  # fmt: skip
    for word, column in (("hottest", quantities.HOTTEST_DIFFERENCE), ("coldest", quantities.COLDEST_DIFFERENCE)):
        label = f"temperature disagreement ({word})"
        yield Limit(disagree, column, "K", at_most=tolerance, debounce=60.0, label=label, contradiction=True)


def _of_the_chamber(station: StationFile) -> Iterator[Limit]:
    band = station.chamber.band
    share, settle = EXCURSION_RECOVERY
    yield Limit(
        "chamber-excursion", quantities.CHAMBER_DEVIATION, "K",
        at_most=band, debounce=EXCURSION_DEBOUNCE, when="conditioned", recovery=Recovery(share * band, settle),
        instrument=station.whoever_is("chamber"),
    )  # fmt: skip
