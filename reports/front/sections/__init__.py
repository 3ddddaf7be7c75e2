"""The sections of the front page: one file each, found by its place.

A module has `ORDER`, which says how far down it stands, and `section`, a function of what is `Shown`: its HTML, or
nothing where it has nothing to say.
"""

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from reports.front.shown import Shown


@cache
def sections() -> tuple[Callable[[Shown], str], ...]:
    """Every section, from above."""
    modules = [import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return tuple(module.section for module in sorted(modules, key=lambda each: int(each.ORDER)))
