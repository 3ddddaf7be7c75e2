"""Simulated Weiss/Votsch climatic chamber behind S!MPAC SimServ (TCP 2049): fields separated by the byte 0xB6.

A request is `number, 1, arguments` and ends on CR; the reply is `1` and its data, or a negative code, and ends
on CR LF. One control variable, temperature. Numbers as used by public driver code (SengerM, IzaakWN, basil).
Not simulated: programs, humidity, analogue outputs. A set of anything is acknowledged whether or not the
chamber is running: only 10012 tells.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from instruments.virtual.conditioning import Chamber, Settings
from instruments.virtual.defects.grammar import Repair
from instruments.virtual.defects.of_instruments import OF_A_CHAMBER
from instruments.virtual.ports import Air
from instruments.virtual.simulator import Place, Simulator

SEPARATOR = "\xb6"
UNKNOWN, BAD_PARAMETER, UNREADABLE = "-5", "-6", "-8"
IDLE, RUNNING, WARNING, ALARM = 1, 3, 4, 8
MOST_ARGUMENTS = 4
RUN_OUTPUT = 0  # 14001 with index 1 starts manual mode; the chamber's own output n has the index n + 1
SETS = {"11001", "11068", "11072", "14001", "17012"}
TEXTS = {1: "Temperature", 2: "Temperature sensor failure"}


class BadRequest(Exception):
    """A request that cannot be carried out; the argument is the code it is answered with."""


@dataclass(slots=True)
class Message:
    """An entry of the chamber's message list: type 1 alarm, 2 warning, 3 info."""

    kind: int
    text: str


class WeissSimServ(Chamber):
    """One chamber. Temperatures in degC, ramps in K/min."""

    SWITCHING = ("14001",)

    ends_on = b"\r"
    ends_with = b"\r\n"

    def __init__(self, settings: Settings, place: Place) -> None:
        super().__init__(settings, place, decimals=2)
        self.ramps: dict[str, float] = {"up": 0.0, "down": 0.0}  # 0: as fast as it can
        self.outputs = [False] * 16
        self.messages: list[Message] = []

    @property
    def running(self) -> bool:
        """Whether manual mode is on."""
        return self.outputs[RUN_OUTPUT]

    def run(self, *, on: bool) -> None:
        """Begin or end manual mode."""
        self.outputs[RUN_OUTPUT] = on
        self.drive()

    def ramp(self) -> float | None:
        """The ramp of the present direction."""
        return self.ramps["up" if self.nominal > self.air.temperature else "down"] or None

    def asks(self, message: str) -> bool:
        """Sets have numbers of their own."""
        return message.strip("\n").split(SEPARATOR)[0] not in SETS

    def refuse(self) -> str:
        """Answer that the arguments are no good."""
        return BAD_PARAMETER

    def agree(self) -> str:
        """Answer that it is done."""
        return "1"

    def alarm(self) -> Repair:
        """A defect: its sensor has failed, and the message list says so until 17012 resets it. How it is ended."""
        failure = Message(1, "Temperature sensor failure")
        if failure not in self.messages:
            self.messages.append(failure)
        return self.lasting.until_the_last("alarm", self.messages.clear)

    # ---- the wire's side ----

    def handle(self, message: str) -> str | None:
        """Answer one request."""
        request = _parse(message)
        if isinstance(request, str):
            return request
        handler, arguments = request
        try:
            data = handler(self, arguments)
        except (BadRequest, ValueError, IndexError):
            return BAD_PARAMETER
        return SEPARATOR.join(["1", *data])

    def status(self) -> int:
        """10012: 1 idle, 3 running, 4 more for a warning, 8 more for an alarm."""
        kinds = {entry.kind for entry in self.messages}
        return (RUNNING if self.running else IDLE) + WARNING * (2 in kinds) + ALARM * (1 in kinds)

    def set_nominal(self, value: float) -> None:
        """Take a set point, degC, inside the input limits."""
        if not self.low <= value <= self.high:
            raise BadRequest(BAD_PARAMETER)
        self.nominal = value
        self.drive()

    def set_ramp(self, direction: str, value: float) -> None:
        """Take a ramp, K/min; 0 means as fast as the chamber can."""
        if not 0 <= value <= 100:
            raise BadRequest(BAD_PARAMETER)
        self.ramps[direction] = value
        self.drive()

    def information(self, number: int) -> str:
        """What 99997 tells: 1 type, 3 serial number, 5 software version."""
        return {1: self._specimen.model, 3: self._specimen.serial_number, 5: "SIMPAC 4.2"}[number]


Handler = Callable[[WeissSimServ, tuple[str, ...]], Sequence[str]]


@lru_cache
def _parse(message: str) -> tuple[Handler, tuple[str, ...]] | str:
    """Read a request: what carries it out, with its arguments, or the code that it is refused with."""
    fields = message.strip("\n").split(SEPARATOR)
    if not all(field.isprintable() and field for field in fields) or not fields[0].isdigit():
        return UNREADABLE
    handler = COMMANDS.get(fields[0])
    if handler is None:
        return UNKNOWN
    if len(fields) > 2 + MOST_ARGUMENTS or fields[1:2] not in ([], ["1"]):
        return BAD_PARAMETER
    return handler, tuple(fields[2:])


def _of_temperature(answer: Callable[[WeissSimServ], str]) -> Handler:
    """A question about control variable 1, the only one."""

    def handler(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
        if arguments != ("1",):
            raise BadRequest(BAD_PARAMETER)
        return [answer(chamber)]

    return handler


def _set_of_temperature(action: Callable[[WeissSimServ, float], None]) -> Handler:
    def handler(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
        variable, value = arguments
        if variable != "1":
            raise BadRequest(BAD_PARAMETER)
        action(chamber, float(value))
        return []

    return handler


def _information(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
    numbers = [int(argument) for argument in arguments] or [1, 3, 5]
    if not set(numbers) <= {1, 3, 5}:
        raise BadRequest(BAD_PARAMETER)
    return [chamber.information(number) for number in numbers]


def _set_output(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
    index, value = arguments
    if value not in {"0", "1"} or not 1 <= int(index) <= len(chamber.outputs):
        raise BadRequest(BAD_PARAMETER)
    chamber.outputs[int(index) - 1] = value == "1"
    chamber.drive()
    return []


def _get_output(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
    (index,) = arguments
    if not 1 <= int(index) <= len(chamber.outputs):
        raise BadRequest(BAD_PARAMETER)
    return [str(int(chamber.outputs[int(index) - 1]))]


def _message(pick: Callable[[Message], str]) -> Handler:
    def handler(chamber: WeissSimServ, arguments: tuple[str, ...]) -> Sequence[str]:
        (index,) = arguments
        if not 1 <= int(index) <= len(chamber.messages):
            raise BadRequest(BAD_PARAMETER)
        return [pick(chamber.messages[int(index) - 1])]

    return handler


def _reset_messages(chamber: WeissSimServ, _arguments: tuple[str, ...]) -> Sequence[str]:
    chamber.messages.clear()
    return []


COMMANDS: dict[str, Handler] = {
    "99997": _information,
    "10012": lambda chamber, arguments: [str(chamber.status())],
    "11001": _set_of_temperature(WeissSimServ.set_nominal),
    "11002": _of_temperature(lambda chamber: f"{chamber.nominal:.2f}"),
    "11004": _of_temperature(lambda chamber: f"{chamber.actual():.2f}"),
    "11007": _of_temperature(lambda chamber: f"{chamber.low:.1f}"),
    "11009": _of_temperature(lambda chamber: f"{chamber.high:.1f}"),
    "11018": lambda chamber, arguments: ["1"],
    "11023": _of_temperature(lambda chamber: "\xb0C"),
    "11026": _of_temperature(lambda chamber: TEXTS[1]),
    "11066": _of_temperature(lambda chamber: f"{chamber.ramps['up']:.2f}"),
    "11068": _set_of_temperature(lambda chamber, value: chamber.set_ramp("up", value)),
    "11070": _of_temperature(lambda chamber: f"{chamber.ramps['down']:.2f}"),
    "11072": _set_of_temperature(lambda chamber, value: chamber.set_ramp("down", value)),
    "14001": _set_output,
    "14003": _get_output,
    "14007": lambda chamber, arguments: [str(len(chamber.outputs) - 1)],
    "17002": lambda chamber, arguments: [str(len(chamber.messages))],
    "17005": _message(lambda entry: str(entry.kind)),
    "17007": _message(lambda entry: entry.text),
    "17009": _message(lambda entry: "1"),
    "17012": _reset_messages,
}


def _build(settings: Settings, place: Place) -> WeissSimServ:
    return WeissSimServ(settings, place)


SIMULATOR = Simulator("weiss-simserv", "LabEvent T/210/70/5", Settings, _build, ports=(Air,), defects=OF_A_CHAMBER)
