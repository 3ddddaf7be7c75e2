"""What can be wrong with a recording: one file per kind of mistake, found by its place.

A module has `ORDER` (what it needs to know was looked at before) and `CHECKS`, functions of an `Exam` that yield a
`Finding` for each thing that cannot be true. A check that needs a column which is not believed says nothing.
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from reports.foreign.exam import Check, Exam


@cache
def checks() -> tuple[Check, ...]:
    """Every check, in order."""
    modules = [import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return tuple(check for module in sorted(modules, key=lambda each: int(each.ORDER)) for check in module.CHECKS)


def examine(exam: Exam) -> None:
    """Make every check; what one finds is known to the next."""
    for check in checks():
        exam.findings.extend(check(exam))
