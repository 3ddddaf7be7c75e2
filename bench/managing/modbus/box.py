"""The registers of a bidirectional wall box, as a bench serves them; positive power charges, W at the AC side.

The profile is that of the Wallbox Quasar, as far as its maker has given it to the V2G Liberty project, whose public
code quotes it (`chargers/wallbox_quasar_1.py`). A set point is ignored without a word unless control is remote and the
set point a power, as that box does. Unlike it, the state of charge is told at rest too, and the idle timeout cannot be
switched off.
"""

from collections.abc import Callable, Mapping
from math import isnan

from bench.managing.links import Seen
from bench.managing.modbus.orders import Orders
from instruments.registers import ADDRESS, VALUE, Refused

LAST = 999
"""The last address at which anybody may expect a register of it."""
NO_CAR, CHARGING, WAITING, PAUSED, DISCHARGING = 0, 1, 2, 4, 11
RESTING = 50.0
"""W at most of a box that moves nothing."""
FIRMWARE, SERIAL = 1, 1
ORDERING = frozenset((81, 83, 257, 260))
"""Registers that are an order, or part of one: whoever writes another leaves what is asked for alone."""
_WORD = 32767

Show = Callable[[Orders, Seen], float]


def _state(orders: Orders, seen: Seen) -> float:
    if not seen.car.plugged:
        return NO_CAR
    if abs(seen.power) > RESTING:
        return CHARGING if seen.power > 0 else DISCHARGING
    return WAITING if orders.power and not seen.held else PAUSED


def _charge(_orders: Orders, seen: Seen) -> float:
    return 100 * seen.car.soc if seen.car.plugged and seen.car.soc is not None else 0


def _largest(_orders: Orders, seen: Seen) -> float:
    return int(min(max(seen.charger.charge, seen.charger.discharge), _WORD))


READ_ONLY: Mapping[int, Show] = {
    1: lambda _orders, _seen: FIRMWARE, 2: lambda _orders, _seen: 0, 3: lambda _orders, _seen: SERIAL,
    514: _largest,
    526: lambda _orders, seen: 0 if isnan(seen.power) else min(max(seen.power, -_WORD), _WORD),
    537: _state, 538: _charge, **dict.fromkeys(range(539, 543), lambda _orders, _seen: 0),
}  # fmt: skip


def _switch(word: int, _seen: Seen) -> bool:
    return word in {0, 1}


def _power(word: int, seen: Seen) -> bool:
    signed = word - 0x10000 if word & 0x8000 else word
    return -seen.charger.discharge <= signed <= seen.charger.charge


ALLOWED: Mapping[int, Callable[[int, Seen], bool]] = {
    **dict.fromkeys((81, 82, 83, 256), _switch),
    88: lambda word, _seen: 1 <= word <= 3600,
    257: lambda word, _seen: word in {1, 2},
    260: _power,
}


def fetch(orders: Orders, seen: Seen, address: int) -> int:
    """One register; raises `Refused`."""
    if address in orders.box:
        return orders.box[address]
    if address not in READ_ONLY:
        raise Refused(ADDRESS)
    return round(READ_ONLY[address](orders, seen)) & 0xFFFF


def store(orders: Orders, seen: Seen, address: int, words: tuple[int, ...]) -> None:
    """Write registers from an address on, all of them or none; raises `Refused`."""
    written = dict(enumerate(words, address))
    if any(each not in ALLOWED for each in written):
        raise Refused(ADDRESS)
    if not all(ALLOWED[each](word, seen) for each, word in written.items()):
        raise Refused(VALUE)
    for each, word in written.items():
        _keep(orders, each, word)
    if ORDERING & written.keys():
        orders.by_box()
    orders.version += 1


def _keep(orders: Orders, address: int, word: int) -> None:
    box = orders.box
    if address == 81 and not word:
        box |= {81: 0, 82: 1, 83: 0, 257: 2, 260: 0}
    elif address in {81, 256} or (box[81] and (address != 260 or box[83])):
        box[address] = word
