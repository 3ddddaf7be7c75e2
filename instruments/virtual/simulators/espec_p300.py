"""Simulated ESPEC chamber with a P300 controller on a serial line: lines of text that end on CR LF, each answered.

A question is answered with what was asked for, a command with `OK:` and itself, what cannot be done with `NA:` and why.
On RS-485 the chamber's address stands before a message, and one for another chamber is not answered. Sources: ESPEC's
"User's Manual, Communication Function RS-485" (4013304025610: 1.3 answers, 3.2 monitor commands, examples) and ESPEC
North America's ChamberConnectLibrary. Not simulated: humidity, programs, timers, the refrigerator's own settings. What
these sources leave open: a controller that is OFF takes no other mode, and POWER,ON begins the constant one.
"""

from collections.abc import Callable

from pydantic import Field

from instruments.virtual.conditioning import Chamber
from instruments.virtual.conditioning import Settings as Base
from instruments.virtual.defects.grammar import Repair
from instruments.virtual.defects.of_instruments import OF_A_CHAMBER
from instruments.virtual.ports import Air
from instruments.virtual.simulator import Place, Simulator

COMMAND, ADDRESS, PARAMETER = "CMD ERR", "ADDR ERR", "PARA ERR"
OUT_OF_RANGE, NOT_READY, NO_PROGRAM = "DATA OUT OF RANGE", "CHB NOT READY", "DATA NOT READY"
PROTECTED = "PROTECT ON"
OFF, STANDBY, CONSTANT = "OFF", "STANDBY", "CONSTANT"
SENSOR_BROKEN = 0
"""Number of the alarm of a burnt-out dry-bulb sensor."""


class Settings(Base):
    """As `conditioning.Settings`; `high` is what TYPE? tells as well. `address` on RS-485, None on RS-232C."""

    low: float = Field(default=-50.0, gt=-273.15)
    high: float = 160.0
    address: int | None = Field(default=None, ge=1, le=16)


class Refused(Exception):
    """A message that is answered with NA; the argument says why."""


class EspecP300(Chamber):
    """One chamber. `upper` and `lower` degC are the limits of its panel, inside which set points are taken."""

    SWITCHING = ("MODE", "POWER")

    ends_on = ends_with = b"\r\n"

    def __init__(self, settings: Settings, place: Place) -> None:
        super().__init__(settings, place, decimals=1)
        self._address = settings.address
        self.mode = STANDBY
        self.upper, self.lower = settings.high, settings.low
        self.alarms: list[int] = []

    @property
    def running(self) -> bool:
        """Whether it is in constant mode."""
        return self.mode == CONSTANT

    def run(self, *, on: bool) -> None:
        """Go into constant mode, or stand by."""
        self.mode = CONSTANT if on else STANDBY
        self.drive()

    def alarm(self) -> Repair:
        """A defect: its sensor has burnt out. How it is ended."""
        if SENSOR_BROKEN not in self.alarms:
            self.alarms.append(SENSOR_BROKEN)
        return self.lasting.until_the_last("alarm", self.alarms.clear)

    def refuse(self) -> str:
        """Answer that it is protected against changes."""
        return f"NA:{PROTECTED}"

    def agree(self) -> str:
        """Answer that it is done."""
        return "OK:"

    # ---- the wire's side ----

    def handle(self, message: str) -> str | None:
        """Answer one message; None for one to another chamber."""
        try:
            head, *parameters = (part.strip() for part in self._for_us(message).split(","))
            answer = COMMANDS.get(head.upper())
            if answer is None:
                raise Refused(COMMAND)
            found = answer(self, parameters)
        except Refused as refused:
            return None if refused.args == (None,) else f"NA:{refused}"
        return f"OK:{','.join((head, *parameters))}" if found is None else found

    def _for_us(self, message: str) -> str:
        """The message without its address; raises `Refused` for one without or with a foreign one."""
        number, _, rest = message.partition(",")
        addressed = number.strip().isdecimal()
        if self._address is None:
            if addressed:
                raise Refused(COMMAND)
            return message
        if not addressed:
            raise Refused(ADDRESS)
        if int(number) != self._address:
            raise Refused(None)
        return rest

    def kind(self) -> str:
        """TYPE?: sensor, controller, highest temperature."""
        return f"T,{self._specimen.model},{self.high:.1f}"

    def set_mode(self, mode: str) -> None:
        """MODE,...; a controller that is off takes none but OFF."""
        if self.mode == OFF and mode != OFF:
            raise Refused(NOT_READY)
        self.mode = mode
        self.drive()

    def set_power(self, *, on: bool) -> None:
        """POWER,ON begins the constant mode, POWER,OFF ends everything."""
        self.mode = CONSTANT if on else OFF
        self.drive()

    def set_temperatures(self, words: str) -> None:
        """TEMP, S... H... L...: set point, upper and lower limit; all of them, or none where one is wrong."""
        wanted = {"S": self.nominal, "H": self.upper, "L": self.lower}
        for word in words.split():
            letter, value = word[0].upper(), _number(word[1:])
            if letter not in wanted:
                raise Refused(PARAMETER)
            wanted[letter] = value
        set_point, upper, lower = wanted["S"], wanted["H"], wanted["L"]
        if not self.low <= lower <= set_point <= upper <= self.high:
            raise Refused(OUT_OF_RANGE)
        self.nominal, self.upper, self.lower = set_point, upper, lower
        self.drive()


Answer = Callable[[EspecP300, list[str]], str | None]
"""Acts on the parameters of a message; a text is what was asked for, None that it was done."""


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Refused(PARAMETER) from None
    if not abs(value) < 1e4:
        raise Refused(PARAMETER)
    return round(value, 1)


def _asked(tell: Callable[[EspecP300], str]) -> Answer:
    """A question; what stands behind it asks for details that are not simulated."""

    def answer(chamber: EspecP300, parameters: list[str]) -> str:
        if parameters:
            raise Refused(PARAMETER)
        return tell(chamber)

    return answer


def _constant_set(chamber: EspecP300, parameters: list[str]) -> str:
    if parameters != ["TEMP"]:
        raise Refused(PARAMETER)
    return f"{chamber.nominal:.1f},ON"


def _mode(chamber: EspecP300, parameters: list[str]) -> None:
    (mode,) = _exactly_one(parameters)
    if mode.startswith("RUN"):
        raise Refused(NO_PROGRAM)
    if mode not in {OFF, STANDBY, CONSTANT}:
        raise Refused(PARAMETER)
    chamber.set_mode(mode)


def _power(chamber: EspecP300, parameters: list[str]) -> None:
    (state,) = _exactly_one(parameters)
    if state not in {"ON", "OFF"}:
        raise Refused(PARAMETER)
    chamber.set_power(on=state == "ON")


def _temperatures(chamber: EspecP300, parameters: list[str]) -> None:
    (words,) = _exactly_one(parameters)
    chamber.set_temperatures(words)


def _exactly_one(parameters: list[str]) -> list[str]:
    if len(parameters) != 1 or not parameters[0]:
        raise Refused(PARAMETER)
    return [parameters[0].upper()]


COMMANDS: dict[str, Answer] = {
    "TYPE?": _asked(EspecP300.kind),
    "ROM?": _asked(lambda chamber: "P300 Ver. 2.10"),
    "MON?": _asked(lambda chamber: f"{chamber.actual():.1f},,{chamber.mode},{len(chamber.alarms)}"),
    "TEMP?": _asked(
        lambda chamber: f"{chamber.actual():.1f},{chamber.nominal:.1f},{chamber.upper:.1f},{chamber.lower:.1f}"
    ),
    "MODE?": _asked(lambda chamber: chamber.mode),
    "ALARM?": _asked(lambda chamber: ",".join(map(str, (len(chamber.alarms), *chamber.alarms)))),
    "CONSTANT SET?": _constant_set,
    "TEMP": _temperatures,
    "MODE": _mode,
    "POWER": _power,
}


def _build(settings: Settings, place: Place) -> EspecP300:
    return EspecP300(settings, place)


SIMULATOR = Simulator("espec-p300", "P300", Settings, _build, ports=(Air,), defects=OF_A_CHAMBER)
