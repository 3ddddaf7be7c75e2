"""The physical world behind the simulators: one pair of terminals, one battery, one chamber, one virtual time.

It joins the simulators and advances them together; no dialect and no wire is known here. `open_world` in
`instruments.virtual` builds one from a station file's `virtual:` section.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from instruments.virtual.chroma_63600 import Chroma63600
from instruments.virtual.ea_psb10000 import EaPsb10000
from instruments.virtual.foxbms import FoxBms
from instruments.virtual.ngi_n83624 import NgiN83624
from instruments.virtual.plants import Plant
from instruments.virtual.terminals import (
    Battery,
    LoadPort,
    OperatingPoint,
    Settling,
    SupplyPort,
    operating_point,
)
from instruments.virtual.weiss_simserv import WeissSimServ

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


@dataclass(slots=True)
class Inhabitants:
    """The simulators that physics reaches; what a station does not have is None."""

    plant: Plant
    supply: EaPsb10000 | None = None
    load: Chroma63600 | None = None
    chamber: WeissSimServ | None = None
    bms: FoxBms | None = None
    emulator: NgiN83624 | None = None
    air_temperature: float = 25.0  # degC, where there is no chamber
    chamber_alarm_after: float | None = None
    closing: list[Callable[[], None]] = field(default_factory=list)


class World:
    """Advances everything by virtual time. `point` is what the terminals are at, `time` in s."""

    def __init__(self, clock: Clock, settling: Settling, inhabitants: Inhabitants) -> None:
        self._clock, self._settling, self._in = clock, settling, inhabitants
        self.point = OperatingPoint()
        self._supply_port = inhabitants.supply.port if inhabitants.supply else SupplyPort()
        self._load_port = inhabitants.load.port if inhabitants.load else LoadPort()
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
        left = seconds
        while left > 1e-9:
            longest = STEP_WITH_CURRENT if self._supply_port.on or self._load_port.on else STEP_AT_REST
            duration = min(left, longest)
            self._step(duration)
            left -= duration
        if self._in.bms is not None:
            self._in.bms.transmit()

    def outputs(self) -> Outputs:
        """What an observer with meters of his own sees of the terminals and of every switch, now."""
        self._settling.settle()
        inhabitants, point = self._in, self.point
        return Outputs(
            supply=inhabitants.supply.port.on if inhabitants.supply else None,
            load=inhabitants.load.port.on if inhabitants.load else None,
            contactor=inhabitants.bms.connected if inhabitants.bms else None,
            emulator=bool(inhabitants.emulator.on.any()) if inhabitants.emulator else None,
            voltage=point.voltage,
            battery=point.battery,
        )

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

    def _step(self, duration: float) -> None:
        self._solve(duration)
        inhabitants, point = self._in, self.point
        inhabitants.plant.step(point.battery, duration, self.air_temperature)
        self._clock.now += duration
        if inhabitants.chamber is not None:
            inhabitants.chamber.step(duration)
            alarm = inhabitants.chamber_alarm_after
            if alarm is not None and self._clock.now >= alarm:
                inhabitants.chamber_alarm_after = None
                inhabitants.chamber.raise_alarm("Temperature sensor failure")
        if inhabitants.supply is not None:
            inhabitants.supply.elapse(duration)
        self._observe_battery()

    def _solve(self, duration: float) -> None:
        """Find the operating point; while a protection trips on it, find the one without what has tripped."""
        inhabitants = self._in
        devices = [device for device in (inhabitants.supply, inhabitants.load) if device is not None]
        for _ in range(4):
            point = operating_point(self._battery(duration), self._supply_port, self._load_port)
            tripped = [device.observe(point) for device in devices]
            if not any([*tripped, inhabitants.plant.observe(point.battery)]):
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
