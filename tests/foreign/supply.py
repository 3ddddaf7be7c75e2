"""An EA PSB 10200-420 over SCPI on TCP, from the "Programming Guide ModBus & SCPI" (PGMBEN rev. 24) alone.

Its sections are cited where a rule of it matters: remote control (3.2, 5.4.5.1), connection timeout of 5 s (2.7, 3.7),
error queue of five (5.2.5), interface monitoring (5.4.11), values with units in replies.
"""

import re
import time
from collections import deque

from tests.foreign.lines import Lines

VALUES = {
    "VOLT": ("V", 200.0), "CURR": ("A", 420.0), "POW": ("W", 30000.0), "SINK:CURR": ("A", 420.0),
    "SINK:POW": ("W", 30000.0), "VOLT:PROT": ("V", 220.0), "CURR:PROT": ("A", 462.0), "POW:PROT": ("W", 33000.0),
    "SINK:CURR:PROT": ("A", 462.0), "SINK:POW:PROT": ("W", 33000.0), "SYST:CONF:UVD": ("V", 200.0),
}  # fmt: skip
NOT_REMOTE, IN_LOCAL, OUT_OF_RANGE, UNKNOWN = (
    '-221, "Settings conflict"', '-201, "Invalid while in local"', '-222, "Data out of range"', '-100, "Command error"',
)  # fmt: skip
QUEUE = 5
_SET = re.compile(r"(?P<header>[A-Z:*]+) (?P<value>.+)")


class Supply(Lines):
    """Output, set points, who controls it; `voltage` and `current` are what its meters see (positive: delivers)."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = 5.0
        self.identity = "EA Elektro-Automatik GmbH&Co.KG, PSB 10200-420, 2840210002, V2.14 V3.01"
        self.owner = "NONE"
        """REMOTE, LOCAL or NONE, as SYST:LOCK:OWN? tells it."""
        self.output = False
        self.voltage = self.current = 0.0
        self.values = dict.fromkeys(VALUES, 0.0) | {"VOLT:PROT": 220.0, "CURR:PROT": 462.0, "POW:PROT": 33000.0}
        self.words = {"SYST:CONF:UVD:ACT": "NONE", "POW:STAG:AFT:REM": "AUTO", "SYST:COMM:MON:ACT": "OFF"}
        self.monitor = 5
        self.override: dict[str, str] = {}
        """Answers, by the header that is asked for, that are given instead of the true ones."""
        self.errors: deque[str] = deque()
        self.welded = False
        """The output stage conducts whatever it is told."""
        self._spoken = time.monotonic()

    @property
    def set_voltage(self) -> float:
        """V that the output stage regulates to."""
        return self.values["VOLT"]

    def into(self, open_circuit: float, resistance: float) -> float:
        """A that it drives into (or, negative, draws from) a battery."""
        wanted = (self.values["VOLT"] - open_circuit) / resistance
        return max(-self.values["SINK:CURR"], min(self.values["CURR"], wanted))

    def elapse(self, now: float) -> None:
        """Interface monitoring: silence ends remote control, and with POW:STAG:AFT:REM OFF the output."""
        monitored = self.words["SYST:COMM:MON:ACT"] == "ON" and self.owner == "REMOTE"
        if monitored and now - self._spoken > self.monitor:
            self._leave_remote()

    def press_local(self) -> None:
        """Somebody takes the panel: remote control ends, the output stays as it is (3.2)."""
        self.owner = "LOCAL"

    def release_local(self) -> None:
        """And gives it back: remote control is allowed again and comes only when asked for (3.2)."""
        self.owner = "NONE"

    def answer(self, line: str) -> str | None:
        """Act on a message of up to five commands, and join what they say."""
        self._spoken = time.monotonic()
        replies = [self._one(part.strip().upper().removeprefix(":")) for part in line.split(";")]
        said = [reply for reply in replies if reply is not None]
        return ";".join(said) if said else None

    def _one(self, command: str) -> str | None:
        command = command.removeprefix("SOUR:")
        if command.endswith("?"):
            return self._asked(command[:-1])
        self._told(command)
        return None

    def _asked(self, header: str) -> str | None:
        if header in self.override:
            return self.override[header]
        if header in VALUES:
            return f"{self.values[header]:.2f}{VALUES[header][0]}"
        if header in self.words:
            return self.words[header]
        fixed = {
            "*IDN": self.identity,
            "SYST:LOCK:OWN": self.owner,
            "OUTP": "ON" if self.output else "OFF",
            "SYST:NOM:VOLT": "200V", "SYST:NOM:CURR": "420A", "SYST:NOM:POW": "30000W",
            "SYST:COMM:MON:TIM": str(self.monitor),
            "STAT:QUES": str(self._questionable()), "STAT:QUES:COND": str(self._questionable()),
            "MEAS:ARR": f"{self.voltage:.2f}V, {self.current:.2f}A, {self.voltage * self.current:.0f}W",
        }  # fmt: skip
        if header == "SYST:ERR":
            return self.errors.popleft() if self.errors else '0, "No error"'
        if header not in fixed:
            self._complain(UNKNOWN)
        return fixed.get(header)

    def _questionable(self) -> int:
        return (self.owner == "LOCAL") << 9 | (self.owner == "REMOTE") << 10 | self.output << 11

    def _told(self, command: str) -> None:
        match = _SET.fullmatch(command)
        if match is None:
            self._complain(UNKNOWN)
        elif self.owner == "LOCAL":
            self._complain(IN_LOCAL)
        elif match["header"] == "SYST:LOCK":
            self._lock(match["value"] in {"1", "ON"})
        elif self.owner != "REMOTE":
            self._complain(NOT_REMOTE)
        else:
            self._set(match["header"], match["value"])

    def _lock(self, taken: bool) -> None:
        if taken:
            self.owner = "REMOTE"
        else:
            self._leave_remote()

    def _leave_remote(self) -> None:
        self.owner = "NONE"
        if self.words["POW:STAG:AFT:REM"] == "OFF":
            self._switch(False)

    def _set(self, header: str, value: str) -> None:
        if header == "OUTP":
            self._switch(value in {"1", "ON"})
        elif header in self.words:
            self.words[header] = value
        elif header == "SYST:COMM:MON:TIM":
            self.monitor = int(value)
        elif header in VALUES:
            number = float(value.rstrip("VAW "))
            if 0 <= number <= 1.02 * VALUES[header][1]:
                self.values[header] = number
            else:
                self._complain(OUT_OF_RANGE)
        else:
            self._complain(UNKNOWN)

    def _switch(self, on: bool) -> None:
        self.output = on or (self.welded and self.output)

    def _complain(self, error: str) -> None:
        if len(self.errors) < QUEUE:
            self.errors.append(error)
