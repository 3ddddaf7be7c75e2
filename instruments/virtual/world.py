"""The physical world behind the simulators: one pair of terminals, one battery, one chamber, one virtual time.

It joins the simulators and advances them together; no dialect and no wire is known here. `open_world` in
`instruments.virtual` builds one from a station file's `virtual:` section.
"""

from dataclasses import dataclass

from instruments.virtual.defects.injection import Injection
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.plants import Plant
from instruments.virtual.terminals import Battery, OperatingPoint, Settling, operating_point

STEP_WITH_CURRENT = 1.0  # s
STEP_AT_REST = 10.0  # s
SETTLING = 1e-3  # s: long for electronics, nothing for a battery


@dataclass(slots=True)
class Clock:
    """The world's time, s since it was opened."""

    now: float = 0.0

    def __call__(self) -> float:
        """Read the time."""
        return self.now


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is switched on (None: the station has no such instrument), and what the terminals are at: V, and A each.

    Currents by their sign above the drivers: `battery` positive charges it.
    """

    supply: bool | None
    load: bool | None
    contactor: bool | None
    emulator: bool | None
    voltage: float
    battery: float

    @property
    def switches(self) -> tuple[bool | None, ...]:
        """What is on, without what is measured."""
        return self.supply, self.load, self.contactor, self.emulator


class World:
    """Advances everything by virtual time. `point` is what the terminals are at, `time` in s."""

    def __init__(self, clock: Clock, settling: Settling, inhabitants: Inhabitants, injection: Injection) -> None:
        self._clock, self._settling, self._in, self._injection = clock, settling, inhabitants, injection
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
        return self._in.plant

    @property
    def air_temperature(self) -> float:
        """Temperature of the air around the cells, degC."""
        return self._in.chamber.air.temperature if self._in.chamber else self._in.air_temperature

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass: in steps of at most 1 s while a current can flow, of at most 10 s at rest.

        What could be observed in between cannot be: of every cyclic CAN frame only the newest is sent. Raises
        ValueError for a negative time.
        """
        if seconds < 0:
            raise ValueError(f"the world cannot go back by {-seconds:g} s: advance by 0 or more")
        left, inhabitants = seconds, self._in
        while left > 1e-9:
            flowing = inhabitants.supply_port.on or inhabitants.load_port.on
            duration = min(left, STEP_WITH_CURRENT if flowing else STEP_AT_REST)
            if self._clock.now + duration >= self._injection.due:
                duration = self._until_due(duration)
            self._step(duration)
            left -= duration
        if self._clock.now >= self._injection.due:
            self._injection.begin()
        if self._in.bms is not None:
            self._in.bms.transmit()

    def outputs(self) -> Outputs:
        """What an observer with meters of his own sees of the terminals and of every switch, now."""
        self._settling.settle()
        inhabitants, point = self._in, self.point
        return Outputs(
            supply=inhabitants.supply_port.on if inhabitants.supply else None,
            load=inhabitants.load_port.on if inhabitants.load else None,
            contactor=inhabitants.bms.connected if inhabitants.bms else None,
            emulator=bool(inhabitants.emulator.on.any()) if inhabitants.emulator else None,
            voltage=point.voltage,
            battery=point.battery,
        )

    def hasten(self, speed: float) -> None:
        """Have whoever waits for messages wait in real s though the world goes at `speed`: links live in real time."""
        bms = self._in.bms
        if bms is not None and bms.request_timeout is not None:
            bms.request_timeout *= speed

    def inject(self, *texts: str) -> None:
        """Let defects such as `weak-cell:7:0.7` take effect now, or at their time: `silent:supply@120` (s, `time`).

        Raises ValueError, one sentence, for a wrong text; then none of them takes effect.
        """
        self._injection.inject(*texts)

    def repair(self, *names: str) -> None:
        """End defects, by their name or by name and parts: `silent`, `silent:supply`.

        Raises ValueError, one sentence, for one that is not in effect, and for one that nobody could repair.
        """
        self._injection.repair(*names)

    def close(self) -> None:
        """Unplug every simulator; open lines die. May be called again."""
        if not self._closed:
            self._closed = True
            for action in self._in.closing:
                action()

    def _settle(self) -> None:
        """Bring the terminals up to date with what was switched or set since the last step."""
        self._solve(SETTLING)
        self._observe_battery()

    def _until_due(self, duration: float) -> float:
        """Let the defects begin whose time has come; how far to go, s, until the next does."""
        self._injection.begin()
        left = self._injection.due - self._clock.now
        return min(duration, left) if left > 0 else duration

    def _step(self, duration: float) -> None:
        self._solve(duration)
        inhabitants, point = self._in, self.point
        inhabitants.plant.step(point.battery, duration, self.air_temperature)
        self._clock.now += duration
        if inhabitants.chamber is not None:
            inhabitants.chamber.step(duration)
        if inhabitants.supply is not None:
            inhabitants.supply.elapse(duration)
        self._observe_battery()

    def _solve(self, duration: float) -> None:
        """Find the operating point; while a protection trips on it, find the one without what has tripped."""
        inhabitants = self._in
        supply, load = inhabitants.supply, inhabitants.load
        for _ in range(4):
            point = operating_point(self._battery(duration), inhabitants.supply_port, inhabitants.load_port)
            # Each of them must see the point, whether or not another one trips on it.
            tripped = supply is not None and supply.observe(point)
            tripped |= load is not None and load.observe(point)
            tripped |= inhabitants.plant.observe(point.battery)
            if not tripped:
                break
        self.point = point
        self._settling.stale = False

    def _battery(self, duration: float) -> Battery | None:
        plant, bms = self._in.plant, self._in.bms
        if not plant.connected or not (bms is None or bms.connected):
            return None
        return Battery(*plant.thevenin(duration), plant.current_limit)

    def _observe_battery(self) -> None:
        if self._in.bms is not None:
            self._in.bms.observe(self.point.battery, self.point.voltage)
