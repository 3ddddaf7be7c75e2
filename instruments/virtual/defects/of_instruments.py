"""Words for what goes wrong with several kinds of instruments: panels, output stages, meters, sensors, chambers.

A simulator lists those that it knows among its own defects; each says by which verb of the simulator it begins. What
one simulator alone can get wrong stands in its own file.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

from instruments.virtual.defects.grammar import Begin, Defect, DefectKind, Repair, over
from instruments.virtual.dialect import ErrorQueue
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.lasting import Lasting
from instruments.virtual.ports import Feels

SUSPICIOUS = -200
"""Number of the error that a full queue is full of."""


# ---- panel and dialect ----


class Queueing(Protocol):
    """An instrument with an error queue."""

    errors: ErrorQueue
    lasting: Lasting


def _error_queue_full(device: Queueing, _defect: Defect, _world: Inhabitants) -> Repair:
    device.errors.fill(SUSPICIOUS)
    return device.lasting.until_the_last("error queue", device.errors.clear)


class Panelled(Protocol):
    """An output with a panel, at which somebody may stand. Each verb but the first returns how it is ended."""

    def press_local(self) -> None:
        """Somebody presses LOCAL and lets go."""
        ...

    def set_by_hand(self, voltage: float, current: float) -> Repair:
        """Somebody has set V and A and left."""
        ...

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """Somebody sets V and A and switches the output on."""
        ...


def _panel_pressed(device: Panelled, _defect: Defect, _world: Inhabitants) -> Repair:
    device.press_local()
    return over


def _set_for_a_charge(verb: str) -> Begin:
    """Somebody has set an output for a charge of this pack, at so many A."""

    def begin(device: Any, defect: Defect, world: Inhabitants) -> Repair:
        string = world.plant.string
        voltage = string.cell.voltage_max * string.series
        return cast("Repair", getattr(device, verb)(voltage, defect.number(1)))

    return begin


def _verb(act: Callable[[Any, Defect], Repair | None]) -> Begin:
    """A defect for which nothing of the world is needed but the instrument."""
    return lambda part, defect, _world: act(part, defect)


OF_EVERY_INSTRUMENT = (
    DefectKind("wrong-identity:<instrument>", _verb(lambda device, _defect: device.impersonate("X-9000"))),
    DefectKind("refuses-sets:<instrument>", _verb(lambda device, _defect: device.refuse_sets())),
    DefectKind("ignores-set:<instrument>", _verb(lambda device, _defect: device.ignore_sets())),
)
"""What `dialect.Instrument` does for every dialect."""
ERROR_QUEUE_FULL = DefectKind("error-queue-full:<SCPI instrument>", _error_queue_full)
PROTECTION_LATCHED = DefectKind("protection-latched:<output>", _verb(lambda device, _defect: device.trip()))
PANEL_PRESSED = DefectKind("panel-pressed:<supply or load>", _panel_pressed)
PANEL_ON = DefectKind("panel-on:<output>:<A set>", _set_for_a_charge("switch_by_hand"))
FOREIGN_SETS = DefectKind("foreign-sets:<supply or load>:<A set>", _set_for_a_charge("set_by_hand"))


# ---- output stages and their meters ----


def _meter_gain(device: Any, defect: Defect) -> Repair:
    quantity = str(defect.parts[2]) if len(defect.parts) > 2 else "current"
    return cast("Repair", device.miscalibrate(quantity, defect.number(1)))


OUTPUT_STAYS_ON = DefectKind("output-stays-on:<supply or load>", _verb(lambda device, _defect: device.stay_on()))
OUTPUT_LIES = DefectKind("output-lies:<supply or load>", _verb(lambda device, _defect: device.lie_about_output()))
OUTPUT_DEAD = DefectKind("output-dead:<supply or load>", _verb(lambda device, _defect: device.die()))
METER_GAIN = DefectKind("meter-gain:<supply or load>:<factor>[:<voltage or current>]", _verb(_meter_gain))
METER_OFFSET = DefectKind(
    "meter-offset:<supply or load>:<A>",
    _verb(lambda device, defect: device.miscalibrate("current", 1.0, defect.number(1))),
)
OF_AN_OUTPUT = (
    PROTECTION_LATCHED, PANEL_PRESSED, PANEL_ON, FOREIGN_SETS, OUTPUT_STAYS_ON, OUTPUT_LIES, OUTPUT_DEAD, METER_GAIN,
    METER_OFFSET,
)  # fmt: skip
"""What a supply and a load have in common."""


# ---- sensors ----


def _sensor(change: Callable[[Feels, Inhabitants, Defect], Feels | None]) -> Begin:
    """A defect of one sensor, of whichever thermometer has it: what it feels instead; None where it is open."""

    def begin(_part: Any, defect: Defect, world: Inhabitants) -> Repair:
        scanner, channel = world.sensors[defect.index()]
        return scanner.rewire(channel, lambda feels: change(feels, world, defect))

    return begin


def _stuck(feels: Feels, _world: Inhabitants, _defect: Defect) -> Feels:
    now = feels()
    return lambda: now


def _reversed(feels: Feels, _world: Inhabitants, _defect: Defect) -> Feels:
    """A thermocouple with its wires swapped reads the other way round from its reference junction, here the start."""
    start = feels()
    return lambda: 2 * start - feels()


def _drifting(feels: Feels, world: Inhabitants, defect: Defect) -> Feels:
    start, rate, now = world.now(), defect.number(1) / 3600, world.now
    return lambda: feels() + rate * (now() - start)


OF_SENSORS = (
    DefectKind("open-sensor:<sensor from 1>", _sensor(lambda _feels, _world, _defect: None), "logger"),
    DefectKind("sensor-stuck:<sensor from 1>", _sensor(_stuck), "logger"),
    DefectKind("sensor-reversed:<sensor from 1>", _sensor(_reversed), "logger"),
    DefectKind("sensor-drift:<sensor from 1>:<K/h>", _sensor(_drifting), "logger"),
)
"""What can happen to the sensors of a thermometer."""


# ---- cells that are measured wrong ----

FAULTY_LEAD = 0.5
"""What a voltmeter shows through a sense lead that has come loose, of the true value."""


def sense_lead_loose(rank: int) -> DefectKind:
    """Who measures cells misreads one of them; of several it is the one of the least `rank`."""
    return DefectKind(
        "sense-lead-loose:<cell from 1>",
        _verb(lambda part, defect: part.misread(defect.index(), FAULTY_LEAD)),
        "emulator or bms",
        rank,
    )


# ---- chambers ----


class Conditioning(Protocol):
    """A chamber of which something can break. Each verb returns how it is ended, rates are in K/s."""

    def stick(self, temperature: float | None) -> Repair:
        """The air goes to a temperature (degC), or stays at the present one, whatever is asked."""
        ...

    def alarm(self) -> Repair:
        """It tells of a failure."""
        ...

    def run_away(self, rate: float) -> Repair:
        """The air drifts whatever is asked."""
        ...

    def switch_off(self) -> Repair:
        """It leaves its manual mode by itself."""
        ...

    def lie(self, rate: float) -> Repair:
        """The air drifts while the chamber's sensor shows the set point."""
        ...


def _chamber(form: str, act: Callable[[Conditioning, Defect], Repair]) -> DefectKind:
    return DefectKind(form, _verb(act), "chamber")


def _stuck_air(chamber: Conditioning, defect: Defect) -> Repair:
    return chamber.stick(defect.number(0) if defect.parts else None)


OF_A_CHAMBER = (
    _chamber("chamber-stuck[:<degC>]", _stuck_air),
    _chamber("chamber-alarm[:<after s>]", lambda chamber, _defect: chamber.alarm()),
    _chamber("chamber-runaway:<K/h>", lambda chamber, defect: chamber.run_away(defect.number(0) / 3600)),
    _chamber("chamber-off", lambda chamber, _defect: chamber.switch_off()),
    _chamber("chamber-lies:<K/h>", lambda chamber, defect: chamber.lie(defect.number(0) / 3600)),
)
