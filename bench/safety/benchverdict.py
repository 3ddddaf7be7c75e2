"""The bench verdict: whether a bench was left safe, step by step, and how that is known.

It stands beside the test verdict: a test that passed on a bench whose output may still be on is no clean pass.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

WITHOUT_ENERGY = frozenset({"chamber to rest", "coolant to rest"})
"""Steps after which no energy is left on the bench whatever became of them: reported ones do not make a bench so."""

SAFE_STATE = "safe state"
"""Name of the only step of a verdict that knows none of them."""

NOTHING = "no instrument of this bench has anything to switch off"
LOST = "what became of its steps is lost"

State = Literal["verified", "reported", "not verified"]


@dataclass(frozen=True, slots=True)
class SafeStep:
    """How one step of the safe state went.

    `verified`: True by a `witness` of its own, None only reported by whoever carried it out, False not at all.
    """

    name: str
    done: bool
    verified: bool | None
    detail: str
    duration: float = 0.0
    witness: str = ""


@dataclass(frozen=True, slots=True)
class BenchVerdict:
    """Whether the bench was left safe, and how that is known."""

    steps: tuple[SafeStep, ...]

    @property
    def state(self) -> State:
        """The worst of the steps; one that has no energy in it counts only where it was not verified.

        Without any the steps were lost, and nobody knows: a bench that has none says so (`of_nothing`).
        """
        if not self.steps or any(step.verified is False for step in self.steps):
            return "not verified"
        reported = any(step.verified is None and step.name not in WITHOUT_ENERGY for step in self.steps)
        return "reported" if reported else "verified"

    @property
    def safe(self) -> bool:
        """Every step was carried out, and confirmed where the station has the means to."""
        return self.state != "not verified"

    def __str__(self) -> str:
        if self == self.of_nothing():
            return NOTHING
        if self.state == "verified":
            return "outputs verified off"
        wanted = None if self.safe else False
        told = "; ".join(
            f"{step.name}: {step.detail}"
            for step in self.steps or BenchVerdict.unknown(LOST).steps
            if step.verified is wanted and not (self.safe and step.name in WITHOUT_ENERGY)
        )
        if self.safe:
            return f"outputs off, as the instruments themselves report ({told})"
        return f"NOT VERIFIED SAFE ({told}). Switch the bench off by hand and look at it before anyone touches it."

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return {"safe": self.safe, "state": self.state, "steps": [asdict(step) for step in self.steps]}

    @classmethod
    def of_nothing(cls) -> "BenchVerdict":
        """Of a bench of which no role has a step of the safe state: it only looks."""
        return cls((SafeStep(SAFE_STATE, done=True, verified=True, detail=NOTHING),))

    @classmethod
    def unknown(cls, why: str) -> "BenchVerdict":
        """Of a bench that somebody has spoken to and whose safe state came to no verdict: an output may be on."""
        return cls((SafeStep(SAFE_STATE, done=False, verified=False, detail=why),))

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "BenchVerdict":
        """As read from a manifest; raises `KeyError` or `TypeError` for anything else."""
        return cls(tuple(SafeStep(**step) for step in kept["steps"]))
