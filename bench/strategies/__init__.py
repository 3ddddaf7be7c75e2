"""Charge strategies: what a fast recharge asks for. The BMS stays in charge: what it does not allow is cut.

Each is data, in a module of this folder or behind an entry point of the group `packbench.strategies`, and can be named
on a command line: `follow-limit`, `1.5C`, `2C<30-1.5C<60-0.9C`, `plating-aware`.
"""

from bench.strategies.base import Strategy, rate_of
from bench.strategies.constant import ConstantCurrent
from bench.strategies.limit import FollowLimit
from bench.strategies.optimum import Optimum, Replayed
from bench.strategies.plating import PlatingAware
from bench.strategies.registry import strategy_named
from bench.strategies.scaled import Scaled
from bench.strategies.stages import MultiStage

__all__ = [
    "ConstantCurrent", "FollowLimit", "MultiStage", "Optimum", "PlatingAware", "Replayed", "Scaled", "Strategy",
    "rate_of", "strategy_named",
]  # fmt: skip
