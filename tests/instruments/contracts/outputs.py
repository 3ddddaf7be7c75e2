"""The instruments at the DC terminals, in front of a pack of 24 cells."""

from tests.instruments.contracts.stand import Case

EA = Case(
    "ea-psb10000",
    {"simulator": "ea-psb10000", "voltage": 200, "current": 420, "power": 30000, "accuracy": 0.0, "idle_close": None},
    "TCPIP::supply.test::5025::SOCKET",
)
CHROMA = Case(
    "chroma-63600",
    {"simulator": "chroma-63600", "voltage": 150, "current": 60, "power": 6000, "accuracy": 0.0},
    "TCPIP::load.test::2101::SOCKET",
)
