"""The adversary: searches days at home for the smallest breach of a manager's word, and writes it down as a test.

Plant and referee without instruments; a manager is told what docs/manager-contract.md says and nothing else. What it
finds is replayed on a full bench before it counts.
"""

from typing import TYPE_CHECKING, Any

from packbench.adversary.home import Home
from packbench.adversary.replaying import replay
from packbench.adversary.space import Away, Trouble, Week

if TYPE_CHECKING:
    from packbench.adversary.benching import figures, on_the_bench

__all__ = ["Away", "Home", "Trouble", "Week", "figures", "on_the_bench", "replay"]


def __getattr__(name: str) -> Any:
    """Import what needs the bench late: a search does without it."""
    if name not in {"figures", "on_the_bench"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from packbench.adversary import benching

    return getattr(benching, name)
