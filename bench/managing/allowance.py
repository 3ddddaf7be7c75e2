"""What somebody may ask for at once and each second: a flood costs a bench no more than that."""

from dataclasses import dataclass, field

from bench.clock import monotonic


@dataclass
class Allowance:
    """So many requests (`burst`) may come at once, and it grows again with each second; all in real time."""

    burst: float
    left: float = field(init=False)
    seen: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, rate: float) -> bool:
        """Whether one more may be carried out, where `rate` a second may."""
        now = monotonic()
        self.left = min(self.left + rate * (now - self.seen), self.burst)
        self.seen = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
