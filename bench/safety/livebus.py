"""No contactor closes onto a live bus: before it is asked to, the bus is dead, or has the pack's voltage.

A contactor that closes between two voltages welds, or charges the pack with whatever the difference drives. Raising a
bus that lies below the pack is the BMS's precharge and stays its own.
"""

from collections.abc import Callable
from math import isnan

from bench.clock import Clock, WallClock
from bench.pack import PackFile
from bench.players import Players, measured
from bench.station import StationFile
from bench.verdicts import BenchFault

LOOK_TAKES = 5.0
"""s, at most: two answers that never come."""
LOOK_EVERY = 0.1
"""s between two looks at a bus that is falling."""


def refuse(
    players: Players, station: StationFile, pack: PackFile, clock: Clock, alive: Callable[[float], None]
) -> None:
    """Wait until the bus is dead or at the pack's voltage, at most as long as it may take to discharge.

    `alive` is told before each look how long (s) that may take. Raises `BenchFault` when it is neither then. Where
    nobody measures on the bench side there is nothing to look at.
    """
    meter = next(iter(station.bus_voltmeters), None)
    if meter is None:
        return
    speed = clock.speed if isinstance(clock, WallClock) else 1.0
    deadline = clock.now() + station.safe_state.discharge * speed
    while (problem := _problem(players, station, pack, meter)) and clock.now() < deadline:
        alive(LOOK_TAKES)
        clock.sleep(LOOK_EVERY)
    if problem:
        raise BenchFault(
            f"The contactors were not asked to close: {problem}; look for an output that is on, and for what else is "
            "connected to the bus.",
            "live-bus",
        )


def _problem(players: Players, station: StationFile, pack: PackFile, meter: str) -> str:
    bus, behind = measured(players.meters()[meter], "voltage"), players.bms_scan()["pack voltage"]
    tolerance = station.guard.voltage_disagreement * pack.voltage_max
    # Written so that a bus that cannot be read (nan) is not taken for a dead one.
    if abs(bus - behind) <= tolerance:
        return ""
    # Where nobody tells the pack's voltage it has its lowest at least.
    least = pack.voltage_min if isnan(behind) else behind
    if abs(bus) < station.safe_state.bus_voltage and bus < least:
        return ""
    return f"{meter} reads {bus:.1f} V on the bus, and the pack has {behind:.1f} V"
