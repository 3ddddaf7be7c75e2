"""As fast as the BMS allows, scan by scan."""

from dataclasses import dataclass

from bench.strategies.base import UNLIMITED, Strategy
from models.cell import CellParameters


@dataclass(frozen=True)
class FollowLimit(Strategy):
    """Whatever the BMS allows: its limit is the strategy."""

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return "follow-limit"

    @classmethod
    def named(cls, name: str) -> "FollowLimit | None":
        """See `Strategy`."""
        return cls() if name == "follow-limit" else None

    def rate(self, _soc: float, _coldest: float, _hottest: float, _cell: CellParameters) -> float:
        """See `Strategy`."""
        return UNLIMITED

    @property
    def asks(self) -> bool:
        """See `Strategy`."""
        return False
