"""The physical world behind the simulators: one DC node with a battery, air around it, one virtual time.

It advances together whatever has joined it by its ports; no simulator, no dialect and no wire is known here.
`open_world` in `instruments.virtual` builds one from a station file's `virtual:` section.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from instruments.virtual.defects.injection import Injection
from instruments.virtual.failing import SimulatorFailed, failed, whose
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.nodes import DcNode
from instruments.virtual.plants import Plant
from instruments.virtual.simulator import Part
from instruments.virtual.terminals import Battery, OperatingPoint, Settling
from instruments.virtual.wires.exchange import Exchange

STEP_WITH_CURRENT = 1.0  # s
STEP_AT_REST = 10.0  # s
SETTLING = 1e-3  # s: long for electronics, nothing for a battery


@dataclass(slots=True)
class WorldTime:
    """The world's time, s since it was opened."""

    now: float = 0.0

    def read(self) -> float:
        """What time it is; a method, because to call an object is a way round through C, some ten times a step."""
        return self.now


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is switched on (None: the station has no such instrument), and what the DC node is at: V, and A.

    Of several supplies or loads it is enough that one is on; of several contactors all must be closed. The current by
    its sign above the drivers: `battery` positive charges it. `other` is whatever else has joined `Inhabitants.others`.
    """

    supply: bool | None
    load: bool | None
    contactor: bool | None
    emulator: bool | None
    voltage: float
    battery: float
    other: bool | None = None

    @property
    def switches(self) -> tuple[bool | None, ...]:
        """What is on, without what is measured."""
        return self.supply, self.load, self.contactor, self.emulator, self.other


class World:
    """Advances everything by virtual time. `point` is what the DC node is at, `time` in s.

    `exchange` is where its simulators are plugged in; see `visa_library` and `reached` for how they are found there.
    """

    def __init__(self, clock: WorldTime, settling: Settling, inhabitants: Inhabitants, injection: Injection) -> None:
        self._clock, self._settling, self._in, self._injection = clock, settling, inhabitants, injection
        self._node = DcNode(inhabitants.sources, inhabitants.loads)
        self._plant, self._contactors = inhabitants.plant, tuple(inhabitants.contactors)
        self._elapsing, self._sampling, self._transmitting = (
            _who(inhabitants, hook) for hook in (Part.elapse, Part.sample, Part.transmit)
        )
        self.point = OperatingPoint()
        self._closed = False
        settling.find = self._settle
        settling.settle()

    @property
    def time(self) -> float:
        """Virtual time since the world was opened, s."""
        return self._clock.now

    @property
    def plant(self) -> Plant:
        """The battery."""
        return self._plant

    @property
    def air_temperature(self) -> float:
        """Temperature of the air around the cells, degC."""
        return self._in.air_temperature()

    @property
    def exchange(self) -> Exchange:
        """Where its simulators are plugged in: no other world's addresses are there."""
        return self._in.exchange

    @property
    def visa_library(self) -> str:
        """The VISA library by which this world's addresses are reached, and those of no other world."""
        return f"{self._in.exchange.name}@packbench"

    def reached(self, resource: str, can: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any] | None]:
        """A link of the station file, as it is reached in this world and no other: resource or URL, and CAN bus."""
        name = self._in.exchange.name
        if resource.lower().startswith("packbench://"):
            resource += f"{'&' if '?' in resource else '?'}world={name}"
        if can is not None and can.get("interface") == "packbench":
            can = {**can, "world": name}
        return resource, can

    def part(self, name: str) -> Any:
        """The simulator behind an instrument of the station, for whoever reaches into it; raises KeyError."""
        return self._in.parts[name]

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass: in steps of at most 1 s while a current can flow, of at most 10 s at rest.

        What could be observed in between cannot be: of every cyclic CAN frame only the newest is sent. Raises
        ValueError for a time that is negative or never ends.
        """
        if not 0.0 <= seconds < inf:
            raise ValueError(f"the world cannot go on by {seconds:g} s: advance by a number of them from 0 on")
        left, node = seconds, self._node
        while left > 1e-9:
            most = STEP_WITH_CURRENT if node.flowing else STEP_AT_REST
            duration = left if left < most else most
            if self._clock.now + duration >= self._injection.due:
                duration = self._until_due(duration)
            try:
                self._step(duration)
            except Exception as error:
                raise self._failed(error) from error
            left -= duration
        if self._clock.now >= self._injection.due:
            self._injection.begin()
        try:
            for part in self._transmitting:
                part.transmit()
        except Exception as error:
            raise self._failed(error) from error

    def outputs(self) -> Outputs:
        """What an observer with meters of his own sees of the terminals and of every switch, now."""
        self._settling.settle()
        world, point = self._in, self.point
        return Outputs(
            supply=_any([each.stage.on for each in world.sources]),
            load=_any([each.stage.on for each in world.loads]),
            contactor=all(each.connected for each in world.contactors) if world.contactors else None,
            emulator=_any([each.switched_on for each in world.emulators]),
            voltage=point.voltage,
            battery=point.battery,
            other=_any([is_on() for is_on in world.others.values()]),
        )

    def hasten(self, speed: float) -> None:
        """Have whoever waits for messages wait in real s though the world goes at `speed`: links live in real time."""
        for part in self._in.parts.values():
            part.hasten(speed)

    def inject(self, *texts: str) -> None:
        """Let defects such as `weak-cell:7:0.7` take effect now, or at their time: `silent:supply@120` (s, `time`).

        Raises ValueError, one sentence, for a wrong text; then none of them takes effect.
        """
        self._injection.inject(*texts)

    def repair(self, *names: str) -> None:
        """End defects, by their name, by name and parts, or by all that was injected: `silent`, `silent:supply@120`.

        Raises ValueError, one sentence, for one that is not in effect, and for one that nobody could repair.
        """
        self._injection.repair(*names)

    def close(self) -> None:
        """Unplug every simulator; open lines die, and nobody finds this world any more. May be called again."""
        if not self._closed:
            self._closed = True
            for part in self._in.parts.values():
                # The world is given up: that the others and the addresses go matters more than why one complains.
                with suppress(Exception):
                    part.shut_down()
            self._in.exchange.close()

    def _settle(self) -> None:
        """Bring the terminals up to date with what was switched or set since the last step."""
        try:
            self._solve(SETTLING)
            self._sample()
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> SimulatorFailed:
        """Whatever happens in here has been done, or was answered, by one of those who live here."""
        return failed(whose(error, self._in.parts), error)

    def _until_due(self, duration: float) -> float:
        """Let the defects begin whose time has come; how far to go, s, until the next does."""
        self._injection.begin()
        left = self._injection.due - self._clock.now
        return min(duration, left) if left > 0 else duration

    def _step(self, duration: float) -> None:
        self._solve(duration)
        self._plant.step(self.point.battery, duration, self._in.air_temperature())
        self._clock.now += duration
        for part in self._elapsing:
            part.elapse(duration)
        self._sample()

    def _solve(self, duration: float) -> None:
        """Find the operating point; while a protection trips on it, find the one without what has tripped."""
        plant, node = self._plant, self._node
        for _ in range(node.trials):
            point, tripped = node.settle(self._battery(duration))
            tripped |= plant.observe(point.battery)
            if not tripped:
                break
        self.point = point
        self._settling.stale = False

    def _battery(self, duration: float) -> Battery | None:
        plant = self._plant
        if not plant.connected:
            return None
        for switch in self._contactors:
            if not switch.connected:
                return None
        return Battery(*plant.thevenin(duration), plant.current_limit)

    def _sample(self) -> None:
        point = self.point
        for part in self._sampling:
            part.sample(point.battery, point.voltage)


def _who(inhabitants: Inhabitants, hook: Callable[..., object]) -> tuple[Part, ...]:
    """The parts that do something in a hook, in the order of the station."""
    return tuple(part for part in inhabitants.parts.values() if getattr(type(part), hook.__name__) is not hook)


def _any(switches: list[bool]) -> bool | None:
    """Whether any is on; None where there is none."""
    return any(switches) if switches else None
