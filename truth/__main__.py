"""Print the tables of truth: `python -m truth [--data DIR] [table ...]`, all of them without a name.

What needs public files is printed when `--data` says where they are. Exit status: 0 every goal that was measured is
reached, 1 one is not, 2 wrong input.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from truth import tables


def known() -> dict[str, ModuleType]:
    """The tables by name, as they lie in `truth/tables`."""
    names = sorted(module.name for module in iter_modules(tables.__path__))
    return {name: import_module(f"{tables.__name__}.{name}") for name in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m truth", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder below which public files lie; without it they are skipped")
    parser.add_argument("table", nargs="*", help="default: all")
    asked = parser.parse_args(arguments)
    there = known()
    for name in asked.table:
        if name not in there:
            print(f"There is no table {name!r}; there are {', '.join(there)}.", file=sys.stderr)
            return 2
    if asked.data is not None and not asked.data.is_dir():
        print(f"{asked.data} is no folder; give the one below which the public files lie.", file=sys.stderr)
        return 2
    good = True
    for name in asked.table or there:
        print(f"== {name}")
        good &= bool(there[name].main(asked.data))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
