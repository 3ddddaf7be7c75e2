"""A Chroma 63640-150-60 over SCPI on TCP, one channel in constant current, from its manual's command list alone.

Its sections are cited where a rule of it matters: a keyword in its long or its short form (5.2.1), several commands in
a message, each read from where the one before stands unless it begins with a colon (5.2.5).
"""

from collections import deque

from tests.foreign.lines import Lines

RATED = 60.0
"""A."""
QUEUE = 10
LONG_FORMS = {
    "CHANNEL": "CHAN", "CURRENT": "CURR", "STATIC": "STAT", "MEASURE": "MEAS", "VOLTAGE": "VOLT", "SYSTEM": "SYST",
    "ERROR": "ERR", "PROTECTION": "PROT", "CLEAR": "CLE", "CONDITION": "COND", "CONFIGURE": "CONF", "REMOTE": "REM",
}  # fmt: skip


class Load(Lines):
    """Input, current, mode; `voltage` and `current` are what its meters see (positive: draws)."""

    def __init__(self) -> None:
        super().__init__()
        self.input = False
        self.level = self.voltage = self.current = 0.0
        self.mode = "CCH"
        self.number = "{:.4f}"
        """How it prints a number."""
        self.words = ("OFF", "ON")
        """How it says that its input is off, or on: some firmwares say 0 and 1 (public driver code)."""
        self.errors: deque[str] = deque()

    @property
    def drawn(self) -> float:
        """A that it draws from a battery at its terminals."""
        return self.level if self.input else 0.0

    def answer(self, line: str) -> str | None:
        """Act on a message, and join what its commands say."""
        said, branch = list[str](), list[str]()
        for part in filter(None, map(str.strip, line.upper().split(";"))):
            header, _, value = part.partition(" ")
            path = header[1:].split(":") if header.startswith(":") else [*branch, *header.split(":")]
            if not header.startswith("*"):
                branch = path[:-1]
            reply = self._one(":".join(LONG_FORMS.get(word, word) for word in path), value.strip())
            if reply is not None:
                said.append(reply)
        return ";".join(said) if said else None

    def _one(self, header: str, value: str) -> str | None:
        told = {
            "*IDN?": "CHROMA,63640-150-60,636400000123,1.10",
            "CHAN?": "1", "MODE?": self.mode, "LOAD?": self.words[self.input], "STAT:CHAN:COND?": "0",
            "CURR:STAT:L1?": self.number.format(self.level),
            "MEAS:VOLT?": self.number.format(self.voltage), "MEAS:CURR?": self.number.format(self.current),
        }  # fmt: skip
        if header in told:
            return told[header]
        if header == "SYST:ERR?":
            return self.errors.popleft() if self.errors else '0,"No error"'
        self._set(header, value)
        return None

    def _set(self, header: str, value: str) -> None:
        if header == "LOAD":
            self.input = value in {"ON", "1"}
        elif header == "MODE":
            self.mode = value
        elif header == "CURR:STAT:L1":
            self._set_level(float(value))
        elif header not in {"CHAN", "LOAD:PROT:CLE", "CONF:REM"}:
            self._complain('-113,"Undefined header"')

    def _set_level(self, level: float) -> None:
        if 0 <= level <= RATED:
            self.level = level
        else:
            self._complain('-222,"Data out of range"')

    def _complain(self, error: str) -> None:
        if len(self.errors) < QUEUE:
            self.errors.append(error)
