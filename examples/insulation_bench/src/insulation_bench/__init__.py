"""Insulation tests on packbench, from a package of its own: nothing of packbench knows of it.

`InsulationTest` is what a test case imports; the rest packbench finds by the entry points that `pyproject.toml`
declares. `FILES` is the folder of what ships beside the code: stations, a pack, and a catalogue of faults.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insulation_bench.step import InsulationTest

__all__ = ["FILES", "InsulationTest"]

FILES = Path(__file__).parent / "files"


def __getattr__(name: str) -> Any:
    """Late, because packbench imports this package for one entry point at a time, and a station file needs no step."""
    if name == "InsulationTest":
        from insulation_bench.step import InsulationTest

        return InsulationTest
    raise AttributeError(f"insulation_bench has no {name!r}; it has {', '.join(__all__)}.")
