"""A Weiss chamber over SimServ (TCP 2049), from the public command list alone: a dream of a chamber, at once there."""

from tests.foreign.lines import Lines

PART = "\xb6"


class Chamber(Lines):
    """Air (degC) that is where it is told to be."""

    end = "\r"
    reply_end = "\r\n"

    def __init__(self) -> None:
        super().__init__()
        self.air = self.set_point = 25.0
        self.running = False
        self.alarms: list[str] = []

    def answer(self, line: str) -> str | None:
        """One command."""
        command, _chamber, *arguments = line.split(PART)
        told = {
            "99997": {"1": "WT3-340/70", "3": "58226044770010", "5": "10.2"}.get(arguments[0] if arguments else "", ""),
            "10012": str((3 if self.running else 1) | (8 if self.alarms else 0)),
            "11004": f"{self.air:.1f}", "11002": f"{self.set_point:.1f}", "11007": "-42.0", "11009": "190.0",
            "17002": str(len(self.alarms)), "17005": "1", "17009": "1", "17007": self.alarms[0] if self.alarms else "",
        }  # fmt: skip
        if command in told:
            return f"1{PART}{told[command]}"
        if command == "11001":
            self.set_point = self.air = float(arguments[1])
        elif command == "14001":
            self.running = arguments[1] == "1"
        elif command not in {"11068", "11072"}:
            return "-5"
        return "1"
