"""What a supervisor is told: whom it watches, what to make safe. Only the standard library: it must be up at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the supervisor knows: whom it watches, and which instruments to make safe in which order.

    The station is in it as it was when the test began: a file that is edited or lost meanwhile must not matter.
    """

    process: int
    folder: str
    station: Mapping[str, Any]
    instruments: tuple[str, ...]
    patience: float
    """s until the first word must come."""
    life: str = ""
    """File that is locked for as long as the test's lease lives; empty when it has none."""
    identities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Model and serial number of each instrument as the test identified it: another one's OFF proves nothing."""
    lease: str = ""
    """The lease's lock file; empty when the station has none."""
    heartbeat: float = 60.0
    """s within which the test wants to know that it is watched."""
    speed: float = 0.0
    """Bench seconds per second; 0 where bench time is not real."""

    def as_line(self) -> bytes:
        """As sent to the supervisor."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes | str) -> "Plan":
        """As received; raises `ValueError` or `TypeError` for anything else."""
        fields = json.loads(line)
        return cls(**{**fields, "instruments": tuple(fields["instruments"])})
