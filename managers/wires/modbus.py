"""Modbus TCP: a client of a wall box with SunSpec models, by the client of pysunspec2.

It reads what the car is and writes model 704: a set point in W with a reversion time. Where the box is a bench whose
clock waits (model 64901 of docs/manager-contract.md) it takes its time and its moments from there; else it decides each
quarter of an hour of real time, and when a car comes or goes.
"""

import signal
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from time import monotonic
from types import FrameType
from typing import Any

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP, SunSpecModbusClientError
from sunspec2.modbus.modbus import ModbusClientError

from managers.contract import ContractError, Manager
from managers.home import Home, Sight
from managers.wires import Said, Told

MOMENT = 64901
REASONS = {1: "start", 2: "arrival", 3: "link", 4: "trip", 5: "reserve", 6: "tick"}
"""What `Rsn` of model 64901 says."""
AGAIN = 0.02, 1.0
"""s of real time between two looks at a box, where it waits and where it does not."""
QUARTER = 900.0
HOLDS = 960
"""s of the box's time for which a set point holds: until shortly after the next decision."""
HANGS = 2.0
"""s that a box has to answer."""
BEYOND = 0.5
"""s after which a box that hung up is called again."""
TROUBLE = (OSError, SunSpecModbusClientError, ModbusClientError)
WATTS, CONNECTED = 1, 1


@dataclass(frozen=True, slots=True)
class Moment:
    """What model 64901 says: which decision, why and when, and whether anybody waits for it."""

    number: int
    reason: str
    time: datetime
    plugged: bool
    waits: bool
    cells: float | None


class Box:
    """A wall box, connected; `address` is `HOST:PORT`. Raises one of `TROUBLE` where there is none."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port), timeout=HANGS)
        self._device.connect()
        self._device.scan(connect=False)
        # The client knows no definition of this one: it is an entry without points.
        others = self._device.models.get(MOMENT)
        self._moments: int | None = others[0].model_addr if others else None

    def hang_up(self) -> None:
        """Leave it."""
        with suppress(*TROUBLE):
            self._device.disconnect()

    def moment(self) -> Moment | None:
        """What it says of the moment; None where it is no bench."""
        if self._moments is None:
            return None
        data = self._device.read(self._moments + 2, 12)
        number, _, seconds, offset, reason, plugged, waits, cells = struct.unpack(">IIIhHHHh", data[:22])
        zone = timezone(timedelta(minutes=offset if offset != -0x8000 else 0))
        return Moment(
            number, REASONS.get(reason, "tick"), datetime.fromtimestamp(seconds, zone), plugged == 1, waits == 1,
            None if cells == -0x8000 else cells / 10,
        )  # fmt: skip

    def answered(self, number: int) -> None:
        """Say that a moment has been answered."""
        if self._moments is not None:
            self._device.write(self._moments + 4, struct.pack(">I", number))

    def sight(self, moment: Moment | None, reason: str) -> Sight:
        """What it tells of car and charger."""
        car, charger = self._read(802), self._read(702)
        state = self._read(701)
        return Sight(
            time=datetime.now().astimezone() if moment is None else moment.time, reason=reason,
            plugged=state.ConnSt.value == CONNECTED, soc=_share(car.SoC.cvalue), energy=float(car.WHRtg.cvalue),
            charge=_first(charger, "WChaRteMax", "WChaRteMaxRtg", "WMax", "WMaxRtg"),
            discharge=_first(charger, "WDisChaRteMax", "WDisChaRteMaxRtg", "WMax", "WMaxRtg"),
            takes=float(car.WChaRteMax.cvalue or 0.0), gives=float(car.WDisChaRteMax.cvalue or 0.0),
            cells=None if moment is None else moment.cells,
        )  # fmt: skip

    def _read(self, number: int) -> Any:
        model = self._device.models[number][0]
        model.read()
        return model

    def set_power(self, power: float) -> None:
        """So many W, positive charges: SunSpec counts the other way round."""
        control = self._device.models[704][0]
        control.WSetRvrtTms.cvalue = HOLDS
        control.WSetMod.value = WATTS
        control.WSet.cvalue = round(-power)
        control.WSetEna.value = 1
        control.write()


def _first(model: Any, *points: str) -> float:
    """W of the first of these points that a box has: of a charger SunSpec demands none but its largest power."""
    known = (getattr(model, point).cvalue for point in points)
    return float(next((each for each in known if each is not None), 0.0))


def _share(percent: float | None) -> float | None:
    return None if percent is None else min(max(percent / 100, 0.0), 1.0)


class Client:
    """Carries a manager's decisions to a box."""

    def __init__(self, manager: Manager, home: Home, said: Said | None = None) -> None:
        self._manager, self._home, self._said = manager, home, said or Said()
        self._done, self._decided, self._plugged = 0, -QUARTER, False

    def attend(self, box: Box) -> float:
        """Look once, and decide where that is due; s until the next look."""
        moment = box.moment()
        reason = self._due(moment)
        if reason:
            sight = box.sight(moment, reason)
            box.set_power(self._power(sight))
            self._decided = monotonic()
        if moment is not None and moment.number != self._done:
            box.answered(moment.number)
            self._done = moment.number
        return AGAIN[0] if moment is not None and moment.waits else AGAIN[1]

    def _due(self, moment: Moment | None) -> str:
        """Why a decision is due; empty where none is."""
        if moment is not None and moment.number != self._done:
            return moment.reason
        if (moment is None or not moment.waits) and monotonic() - self._decided >= QUARTER:
            return "tick"
        return ""

    def _power(self, sight: Sight) -> float:
        if not sight.plugged or not sight.energy:
            return 0.0
        try:
            power = float(self._manager.decide(self._home.request(sight))["power"])
        except ContractError as error:
            self._said.tell(f"it rests, for what the box tells cannot be: {error}")
            return 0.0
        return min(max(power, -sight.discharge), sight.charge)


def serve(manager: Manager, told: Told) -> None:
    """Look after the box at `told.at` until SIGTERM or Ctrl-C; raises `ContractError` for what is no address."""
    host, _, port = told.at.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ContractError(f"--at {told.at!r}: give HOST:PORT, the box that it is a client of.")
    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    said = Said()
    client = Client(manager, told.home, said)
    while not over.is_set():
        try:
            _attend(client, told.at, over)
        except TROUBLE as error:
            said.tell(f"the box at {told.at}: {error}")
        over.wait(BEYOND)


def _attend(client: Client, address: str, over: threading.Event) -> None:
    """One connection, until it breaks or somebody ends it."""
    box = Box(address)
    try:
        while not over.wait(client.attend(box)):
            pass
    finally:
        box.hang_up()
