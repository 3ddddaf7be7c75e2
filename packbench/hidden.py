"""Tells what keeps packages of ours from being imported, in one sentence: mostly a folder before one on Python's path.

The rooms of this house have general names (`models`, `reports`): where somebody's own package is found first under such
a name, ours cannot be imported, and what Python says of that names neither of the two.
"""

import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
"""Where the rooms lie side by side: `site-packages`, or a checkout."""
ROOMS = ("models", "fitting", "instruments", "bench", "reports")


def without_docstrings() -> str | None:
    """One sentence where Python has left out the docstrings; None where they are there."""
    if sys.flags.optimize < 2:
        return None
    return (
        "Python was told to leave out docstrings (-OO, PYTHONOPTIMIZE=2), and that of a figure is its definition; "
        "begin without it, -O is fine."
    )


def hidden() -> str | None:
    """One sentence on the first of our packages that another one hides, and what to do; None where none is."""
    for name, found in _found_first():
        ours = HOUSE / name
        return (
            f"{found} hides packbench's own package {name!r} ({ours}), because Python's path has it first: rename it, "
            "or keep its folder off the path (start `pytest` and not `python -m pytest`, with --import-mode=importlib, "
            "and without its folder in PYTHONPATH)."
        )
    return None


def _found_first() -> Iterator[tuple[str, Path]]:
    """Names of ours that lead somewhere else, and where to."""
    for name in ROOMS:
        place = _place(name)
        if place is not None and HOUSE not in place.parents:
            yield name, place.parent if place.name == "__init__.py" else place


def _place(name: str) -> Path | None:
    """The file that an import of `name` gives, without importing it; None for none.

    A folder without an `__init__.py` hides nothing: Python takes it only where there is no package further on.
    """
    module = sys.modules.get(name)
    spec = module.__spec__ if module is not None else PathFinder.find_spec(name)
    origin = getattr(module, "__file__", None) or (spec.origin if spec is not None else None)
    return Path(origin).resolve() if origin else None
