"""All registers of the served box: its own profile below, SunSpec models from 40000 on."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.managing.links import Seen
from bench.managing.modbus import box
from bench.managing.modbus.functions.registry import known
from bench.managing.modbus.orders import ORDERING, Orders
from bench.managing.modbus.points import FACTORS, SHOWN, TAKEN, served
from bench.managing.modbus.sunspec import Model, Point, number, words
from instruments.registers import ADDRESS, VALUE, Refused

BASE = 40000
"""Where SunSpec begins: one of the three addresses at which its clients look for it."""
MARK = (0x5375, 0x6E53)
END = (0xFFFF, 0)
BUSY = 6
"""Server device busy: nothing is known yet of what is served."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A point that can be written."""

    model: Model
    point: Point
    power: int


class ServedBox:
    """See `Registers`: what `orders` hold and show."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._models = orders, served()
        self._writable = dict(self._places())
        self._image: tuple[int, list[int]] = (-1, [])

    def fetch(self, address: int, count: int) -> list[int]:
        """See `Registers`."""
        with self._orders.lock:
            seen = self._seen()
            if address <= box.LAST:
                return [box.fetch(self._orders, seen, each) for each in range(address, address + count)]
            found = self._shown(seen)[max(address - BASE, 0) : max(address - BASE, 0) + count]
        if address < BASE or len(found) < count:
            raise Refused(ADDRESS)
        return found

    def store(self, address: int, written: tuple[int, ...]) -> None:
        """See `Registers`: all of it or nothing."""
        with self._orders.lock:
            seen = self._seen()
            if address <= box.LAST:
                box.store(self._orders, seen, address, written)
            else:
                self._take(seen, address, written)

    def _seen(self) -> Seen:
        if self._orders.seen is None:
            raise Refused(BUSY)
        return self._orders.seen

    # --- SunSpec ---------------------------------------------------------------------------------------------------

    def _places(self) -> Iterator[tuple[int, _Placed]]:
        """Points that can be written, by their address."""
        at = BASE + len(MARK)
        for each in self._models:
            for point in each.points:
                if (each.number, point.name) in TAKEN:
                    yield at + point.at, _Placed(each, point, _power(each, point))
            at += each.length + 2

    def _shown(self, seen: Seen) -> list[int]:
        version, image = self._image
        if version != self._orders.version:
            image = [*MARK, *(word for each in self._models for word in self._words(each, seen)), *END]
            self._image = self._orders.version, image
        return image

    def _words(self, model: Model, seen: Seen) -> Iterator[int]:
        shown, orders, factors = SHOWN[model.number], self._orders, FACTORS.get(model.number, {})
        for point in model.points:
            if point.name == "ID":
                yield model.number
            elif point.name == "L":
                yield model.length
            elif point.name in factors:
                yield from words(point, factors[point.name])
            elif (model.number, point.name) in orders.sun:
                yield from words(point, orders.sun[model.number, point.name], _power(model, point))
            else:
                value = shown[point.name](orders, seen) if point.name in shown else None
                yield from words(point, value, _power(model, point))

    def _take(self, seen: Seen, address: int, written: tuple[int, ...]) -> None:
        taken, at = list[tuple[_Placed, float]](), 0
        while at < len(written):
            place = self._writable.get(address + at)
            if place is None or at + place.point.size > len(written):
                raise Refused(ADDRESS)
            value = number(place.point, written[at : at + place.point.size], place.power)
            if value is None or not TAKEN[place.model.number, place.point.name](value, self._orders, seen):
                raise Refused(VALUE)
            taken.append((place, value))
            at += place.point.size
        self._keep(taken)

    def _keep(self, taken: list[tuple[_Placed, float]]) -> None:
        orders = self._orders
        written = {(place.model.number, place.point.name) for place, _ in taken}
        for place, value in taken:
            orders.sun[place.model.number, place.point.name] = value
        for each in known().values():
            if (each.number, each.request) in written:
                orders.functions.adopt(each.number)
        if written & ORDERING:
            orders.by_sunspec()
        orders.version += 1


def _power(model: Model, point: Point) -> int:
    """The power of ten by which a point of a model stands in its registers."""
    return FACTORS.get(model.number, {}).get(point.factor or "", 0)
