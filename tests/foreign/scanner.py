"""A 34970A over SCPI on TCP: thermocouples on the cells, from its command reference alone."""

from typing import Protocol

from tests.foreign.lines import Lines


class Warm(Protocol):
    """What has a temperature, degC."""

    temperature: float


class Scanner(Lines):
    """Reads `warm` on every channel of its list; `drift` (K) is added to what it says."""

    def __init__(self, warm: Warm) -> None:
        super().__init__()
        self._warm = warm
        self.drift = 0.0
        self._list = "(@101)"
        self._checked = "OFF"

    def answer(self, line: str) -> str | None:
        """One command."""
        if line == "*IDN?":
            return "HEWLETT-PACKARD,34970A,0,13-2-2"
        if line == "READ?":
            return ",".join(f"{self._warm.temperature + self.drift:+.8E}" for _ in self._list.split(","))
        if line == "ROUT:SCAN?":
            return f"#{len(str(len(self._list)))}{len(self._list)}{self._list}"
        if line == f"TEMP:TRAN:TC:CHEC? {self._list}":
            return ",".join(str(int(self._checked == "ON")) for _ in self._list.split(","))
        if line == "SYST:ERR?":
            return '+0,"No error"'
        if line.startswith("TEMP:TRAN:TC:CHEC "):
            self._checked = line.removeprefix("TEMP:TRAN:TC:CHEC ").partition(",")[0]
        if line.startswith("ROUT:SCAN "):
            self._list = line.removeprefix("ROUT:SCAN ")
        return None
