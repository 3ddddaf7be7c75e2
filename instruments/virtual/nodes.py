"""The DC node: any number of supplies and loads, and one battery, on the same two terminals.

Each of them is a characteristic, current over voltage, made of pieces `a - G V + p / V`: so is their sum, and the point
at which it is zero is found piece by piece, in closed form, without iteration and without a memory that could hunt. One
supply and one load are the everyday case of it, which `terminals.operating_point` has in fewer steps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isinf, sqrt
from typing import NamedTuple

from instruments.virtual.ports import Load, Source
from instruments.virtual.terminals import (
    OPEN,
    Battery,
    LoadMode,
    LoadPort,
    OperatingPoint,
    Regulation,
    SupplyPort,
    operating_point,
)

ROUNDING = 1e-12
"""Of a voltage: what sums of a few floats may be off by."""


class Piece(NamedTuple):
    """What flows into the node over a stretch of voltage: `current` A less `conductance` S times V, and `power` W."""

    current: float = 0.0
    conductance: float = 0.0
    power: float = 0.0

    def at(self, voltage: float) -> float:
        """A at a voltage above 0."""
        return self.current - self.conductance * voltage + self.power / voltage


class Characteristic(NamedTuple):
    """What one participant does: its piece just above a voltage, where pieces meet, and the voltage that it holds.

    `range_held` are the least and the most (A, into the node) that it may do at the voltage it `holds`.
    """

    piece: Callable[[float], Piece]
    corners: tuple[float, ...]
    holds: float | None = None
    range_held: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class NodePoint:
    """Where the node settles: V, A into the battery, and A of each supply (delivered) and load (drawn), in order."""

    voltage: float
    battery: float
    supplies: tuple[float, ...]
    loads: tuple[float, ...]
    regulations: tuple[Regulation, ...]


def node_point(battery: Battery | None, supplies: Sequence[SupplyPort], loads: Sequence[LoadPort]) -> NodePoint:
    """Find the point at which the node settles, whatever the order of those who hang on it.

    Where several are possible it is the one next to the highest voltage that a supply is set to; without a supply it is
    the one at the highest voltage, as the other of a constant-power load is unstable. Supplies that hold the same
    voltage share in proportion to what they could do; a node that collapses is shared by what each load asked for.
    """
    on = [_supply(each) if each.on else _IDLE for each in supplies]
    drawing = [_load(each) if each.on else _IDLE for each in loads]
    everybody = [*on, *drawing, *([_battery(battery)] if battery is not None else [])]
    held = max((each.holds for each, port in zip(on, supplies, strict=True) if port.on and each.holds), default=None)
    fed = battery is not None or any(port.on for port in supplies)
    voltage = _Search(everybody).found(held) if fed else 0.0
    flows = _flows(everybody, voltage) if voltage > 0.0 else _collapsed(supplies, loads, battery)
    given = tuple(flows[: len(on)])
    drawn = tuple(max(-each, 0.0) for each in flows[len(on) : len(on) + len(drawing)])
    into = sum(given) - sum(drawn) if battery is not None else 0.0
    regulations = tuple(_regulation(each, voltage, current) for each, current in zip(supplies, given, strict=True))
    return NodePoint(voltage, into, given, drawn, regulations)


# ---- characteristics ----

_NOTHING = Piece()
_LEAK = 1e-9
"""S of a battery at its current limit: a current source, made solvable."""
_IDLE = Characteristic(lambda _voltage: _NOTHING, ())


def _battery(battery: Battery) -> Characteristic:
    voltage, resistance, limit = battery.voltage, battery.resistance, battery.current_limit
    line = Piece(voltage / resistance, 1.0 / resistance)
    low, high = voltage - resistance * limit, voltage + resistance * limit

    def piece(above: float) -> Piece:
        if above < low:
            return Piece(limit + _LEAK * low, _LEAK)
        return line if above < high else Piece(_LEAK * high - limit, _LEAK)

    return Characteristic(piece, _positive(low, high))


def _supply(port: SupplyPort) -> Characteristic:
    voltage = port.voltage

    def piece(above: float) -> Piece:
        if above < voltage:
            return _limited(port.source_current, port.source_power, above)
        return _limited(-port.sink_current, -port.sink_power, above)

    source = _limited(port.source_current, port.source_power, voltage).at(voltage) if voltage else 0.0
    sink = _limited(-port.sink_current, -port.sink_power, voltage).at(voltage) if voltage else 0.0
    corners = _positive(
        voltage, _corner(port.source_power, port.source_current), _corner(port.sink_power, port.sink_current)
    )
    return Characteristic(piece, corners, voltage, (sink, source))


def _load(port: LoadPort) -> Characteristic:
    return _LOADS[port.mode](port)


def _constant_current(port: LoadPort) -> Characteristic:
    drawn = Piece(-min(port.value, port.current_limit))
    return Characteristic(lambda _above: drawn, ())


def _constant_resistance(port: LoadPort) -> Characteristic:
    corner, line, most = port.value * port.current_limit, Piece(0.0, 1.0 / port.value), Piece(-port.current_limit)
    return Characteristic(lambda above: line if above < corner else most, _positive(corner))


def _constant_voltage(port: LoadPort) -> Characteristic:
    most = Piece(-port.current_limit)
    return Characteristic(
        lambda above: _NOTHING if above < port.value else most,
        _positive(port.value),
        port.value,
        (-port.current_limit, 0.0),
    )


def _constant_power(port: LoadPort) -> Characteristic:
    corner = _corner(port.value, port.current_limit)
    most, curve = Piece(-port.current_limit), Piece(power=-port.value)
    return Characteristic(lambda above: most if above < corner else curve, _positive(corner))


_LOADS: dict[LoadMode, Callable[[LoadPort], Characteristic]] = {
    LoadMode.CURRENT: _constant_current,
    LoadMode.RESISTANCE: _constant_resistance,
    LoadMode.VOLTAGE: _constant_voltage,
    LoadMode.POWER: _constant_power,
}


def _limited(current: float, power: float, above: float) -> Piece:
    """The tighter of a current and a power limit, both of one sign."""
    return Piece(current) if abs(current) * above < abs(power) else Piece(power=power)


def _corner(power: float, current: float) -> float:
    """V above which a power limit is the tighter one; 0 where there is no such voltage."""
    return power / current if current and not isinf(power) else 0.0


def _positive(*voltages: float) -> tuple[float, ...]:
    return tuple(each for each in voltages if 0.0 < each < inf)


# ---- the search ----


class _Search:
    """The sum of what flows into the node, stretch by stretch."""

    def __init__(self, everybody: Sequence[Characteristic]) -> None:
        corners = sorted({corner for each in everybody for corner in each.corners})
        self._ends = [0.0, *corners, inf]
        self._pieces = [_sum(each.piece(_within(low, high)) for each in everybody) for low, high in self._stretches()]

    def _stretches(self) -> Iterator[tuple[float, float]]:
        return pairwise(self._ends)

    def found(self, held: float | None) -> float:
        """V at which nothing is left over; 0 where the node collapses. `held` is where the search begins."""
        if held is None:
            return self._down(len(self._pieces) - 1)
        above = self._ends.index(held)
        if self._pieces[above].at(held) > 0.0:
            return self._up(above)
        return held if self._pieces[above - 1].at(held) >= 0.0 else self._down(above - 1)

    def _down(self, number: int) -> float:
        """The first voltage, coming from above, at which as much is given as is taken."""
        for index in range(number, -1, -1):
            piece, low, high = self._pieces[index], self._ends[index], self._ends[index + 1]
            roots = list(_between(low, _roots(piece), high))
            if roots:
                return max(roots)
            if index and self._pieces[index - 1].at(low) >= 0.0:
                return low
        return 0.0

    def _up(self, number: int) -> float:
        """The first voltage, coming from below, at which as much is taken as is given."""
        for index in range(number, len(self._pieces)):
            piece, low, high = self._pieces[index], self._ends[index], self._ends[index + 1]
            roots = list(_between(low, _roots(piece), high))
            if roots:
                return min(roots)
            if index + 1 < len(self._pieces) and self._pieces[index + 1].at(high) <= 0.0:
                return high
        return self._ends[-2]


def _within(low: float, high: float) -> float:
    """A voltage inside a stretch."""
    return 2.0 * low + 1.0 if isinf(high) else (low + high) / 2.0


def _sum(pieces: Iterator[Piece]) -> Piece:
    return Piece(*map(sum, zip(*pieces, strict=True)))


def _between(low: float, roots: Iterator[float], high: float) -> Iterator[float]:
    """Those of a stretch; one that is beside its end by rounding alone is at its end."""
    for root in roots:
        if low * (1.0 - ROUNDING) <= root <= high * (1.0 + ROUNDING) and root > 0.0:
            yield min(max(root, low), high)


def _roots(piece: Piece) -> Iterator[float]:
    """Where `G V^2 - a V - p = 0`."""
    current, conductance, power = piece
    if isinf(current):
        return
    if conductance == 0.0:
        if current:
            yield -power / current
        return
    discriminant = current * current + 4.0 * conductance * power
    if discriminant < 0.0:
        return
    # The sum that does not cancel, and the other root from the product of both.
    large = (current + (sqrt(discriminant) if current >= 0.0 else -sqrt(discriminant))) / 2.0
    yield large / conductance
    if large:
        yield -power / large


# ---- who carries what ----


def _flows(everybody: Sequence[Characteristic], voltage: float) -> list[float]:
    """What each gives at a voltage, A; who holds it makes up for the others."""
    holding = [index for index, each in enumerate(everybody) if each.holds == voltage]
    flows = [0.0 if index in holding else each.piece(voltage).at(voltage) for index, each in enumerate(everybody)]
    if holding:
        left = -sum(flows)
        room = [everybody[index].range_held[1] if left > 0.0 else -everybody[index].range_held[0] for index in holding]
        for index, share in zip(holding, _shared(abs(left), room), strict=True):
            flows[index] = share if left > 0.0 else -share
    return flows


def _collapsed(supplies: Sequence[SupplyPort], loads: Sequence[LoadPort], battery: Battery | None) -> list[float]:
    """A short circuit: everybody gives what he can, and who takes shares it by what he asked for."""
    given = [port.source_current if port.on and port.voltage > 0.0 < port.source_power else 0.0 for port in supplies]
    short = min(battery.voltage / battery.resistance, battery.current_limit) if battery is not None else 0.0
    sinking = [port.sink_current if port.on and port.voltage == 0.0 else 0.0 for port in supplies]
    asked = [_asked(port) if port.on else 0.0 for port in loads]
    taken = _shared(max(sum(given) + short, 0.0), [*sinking, *asked])
    flows = [source - sunk for source, sunk in zip(given, taken, strict=False)]
    return [*flows, *(-each for each in taken[len(supplies) :])]


def _asked(port: LoadPort) -> float:
    """What a load tries to draw from a node that has next to no voltage, A."""
    if port.mode in {LoadMode.RESISTANCE, LoadMode.VOLTAGE}:
        return 0.0
    return min(port.value, port.current_limit) if port.mode is LoadMode.CURRENT else port.current_limit


def _shared(amount: float, room: Sequence[float]) -> list[float]:
    """An amount, shared in proportion to the room that each has; those without a limit share what there is."""
    limitless = sum(map(isinf, room))
    if limitless:
        return [amount / limitless if isinf(each) else 0.0 for each in room]
    total = sum(room)
    return [amount * each / total if total else 0.0 for each in room]


def _regulation(port: SupplyPort, voltage: float, current: float) -> Regulation:
    """Which limit decides at the terminals of one supply."""
    if not port.on:
        return Regulation.OFF
    if voltage == port.voltage:
        return Regulation.VOLTAGE
    limit, power = (
        (port.source_current, port.source_power) if voltage < port.voltage else (port.sink_current, port.sink_power)
    )
    return Regulation.POWER if limit * voltage > power else Regulation.CURRENT


# ---- the node of a world ----


class DcNode:
    """Everybody who hangs on one pair of terminals; see `node_point`."""

    def __init__(self, sources: Sequence[Source], loads: Sequence[Load]) -> None:
        self._sources, self._loads = tuple(sources), tuple(loads)
        self._everyday = len(sources) <= 1 and len(loads) <= 1
        self.trials = max(4, len(sources) + len(loads) + 2)
        """How often a point has to be found until nobody can be left who trips on it."""

    @property
    def flowing(self) -> bool:
        """Whether any power stage conducts."""
        for each in self._sources:
            if each.stage.on:
                return True
        return any(each.stage.on for each in self._loads)

    def settle(self, battery: Battery | None) -> tuple[OperatingPoint, bool]:
        """Find the point and let everybody observe it; whether anybody has switched off upon it."""
        if not self._everyday:
            return self._settle_many(battery)
        source = self._sources[0] if self._sources else None
        load = self._loads[0] if self._loads else None
        point = operating_point(battery, source.stage if source else _NO_SUPPLY, load.stage if load else _NO_LOAD)
        # Each of them must see the point, whether or not another one trips on it.
        tripped = source is not None and source.owner.observe(point)
        tripped |= load is not None and load.owner.observe(point)
        return point, tripped

    def _settle_many(self, battery: Battery | None) -> tuple[OperatingPoint, bool]:
        found = node_point(battery, [each.stage for each in self._sources], [each.stage for each in self._loads])
        point = OperatingPoint(
            found.voltage, found.battery, sum(found.supplies), sum(found.loads), _deciding(found.regulations)
        )
        tripped = False
        for source, current, regulation in zip(self._sources, found.supplies, found.regulations, strict=True):
            tripped |= source.owner.observe(point._replace(supply=current, regulation=regulation))
        for load, current in zip(self._loads, found.loads, strict=True):
            tripped |= load.owner.observe(point._replace(load=current))
        return point, tripped


_NO_SUPPLY, _NO_LOAD = SupplyPort(), LoadPort()
_ORDER = (Regulation.VOLTAGE, Regulation.POWER, Regulation.CURRENT)


def _deciding(regulations: Sequence[Regulation]) -> Regulation:
    """What the node as a whole is regulated by: who holds the voltage comes first."""
    return next((each for each in _ORDER if each in regulations), OPEN.regulation)
