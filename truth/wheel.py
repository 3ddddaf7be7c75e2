"""How evenly requests go out to a BMS on the wall clock, which a foxBMS 2 wants 95 to 105 ms apart.

Measured where the driver hands each frame to python-can's in-process bus. Beside it what the machine itself gives: a
thread that does nothing but sleep. A foxBMS counts: bad ones are forgiven as long as good ones are as many.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from statistics import median, quantiles

from can import Message
from can.interfaces.virtual import VirtualBus

from bench.clock import WallClock, monotonic, pause
from instruments.drivers.foxbms import FoxBms
from instruments.roles import BmsMode
from instruments.wires.context import LinkContext

SECONDS = 15.0
LEAST, MOST = 0.095, 0.105
REQUEST, CYCLE = 0x210, 0.1
CHANGES = 2.0
"""s between two modes that are asked for."""


IDLE, BUSY_CORE, COMPUTES = "a test that waits", "a test that waits, and a busy core", "a test that computes"
BESIDE = {IDLE: True, BUSY_CORE: False, COMPUTES: False}
"""What the wheel turns beside, and whether every distance must be within the bounds then."""


def main() -> None:
    """Print them."""
    _tell("the machine: a thread that sleeps", machine())
    for what in BESIDE:
        _tell(f"the wheel, {what}", distances_beside(what))


def machine(seconds: float = SECONDS) -> list[float]:
    """Distances (s) at which a thread wakes that does nothing but sleep: what there is without any of ours."""
    return _distances(_slept(seconds))


def distances_beside(what: str, seconds: float = SECONDS) -> list[float]:
    """Distances (s) between requests beside one of `BESIDE`."""
    if what == COMPUTES:
        return _distances(sent_while(_compute, seconds))
    with _busy_core() if what == BUSY_CORE else nullcontext():
        return _distances(sent_while(lambda: pause(0.05), seconds))


@contextmanager
def _busy_core() -> Iterator[None]:
    """Another process that computes without an end."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def sent_while(work: Callable[[], object], seconds: float = SECONDS) -> list[float]:
    """When (s) requests were sent while a test does `work` again and again, and asks for another mode now and then."""
    with _noted() as times, _driver() as bms:
        began = monotonic()
        modes = [BmsMode.STANDBY, BmsMode.CHARGE]
        while (elapsed := monotonic() - began) < seconds:
            if elapsed >= CHANGES * len(modes):
                modes.append(modes[-2])
                bms.request_mode(modes[-1])
            bms.keep_asking(1.0)
            work()
    return times


@contextmanager
def _driver() -> Iterator[FoxBms]:
    clock = WallClock()
    context = LinkContext(
        "", now=clock.now, sleep=clock.sleep, every=clock.every, real_time=True, passing=monotonic
    )  # fmt: skip
    bms = FoxBms({"interface": "virtual", "channel": "wheel"}, context, name="bms")
    try:
        bms.request_mode(BmsMode.STANDBY)
        yield bms
    finally:
        bms.stay_as_it_is()
        bms.close()
        clock.close()


@contextmanager
def _noted() -> Iterator[list[float]]:
    """The times at which requests are handed to a bus."""
    times, send = list[float](), VirtualBus.send

    def noting(bus: VirtualBus, msg: Message, timeout: float | None = None) -> None:
        if msg.arbitration_id == REQUEST:
            times.append(monotonic())
        send(bus, msg, timeout)

    VirtualBus.send = noting  # type: ignore[method-assign, assignment]
    try:
        yield times
    finally:
        VirtualBus.send = send  # type: ignore[method-assign]


def _slept(seconds: float) -> list[float]:
    times = list[float]()

    def sleep() -> None:
        end = monotonic() + seconds
        while monotonic() < end:
            pause(CYCLE)
            times.append(monotonic())

    thread = threading.Thread(target=sleep)
    thread.start()
    thread.join()
    return times


def _compute() -> None:
    sum(number * number for number in range(100_000))


def _distances(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _tell(what: str, distances: list[float]) -> None:
    outside = sum(not LEAST <= each <= MOST for each in distances)
    low, high = quantiles(distances, n=100)[0], quantiles(distances, n=100)[-1]
    print(
        f"{what:36s} {1e3 * median(distances):6.1f} ms in the middle, 1 % below {1e3 * low:6.1f}, 1 % above "
        f"{1e3 * high:6.1f}, {1e3 * min(distances):6.1f} to {1e3 * max(distances):6.1f}; "
        f"{outside} of {len(distances)} outside 95 to 105 ms"
    )


if __name__ == "__main__":
    main()
