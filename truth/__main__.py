"""Print the tables of truth: `python -m truth [--data DIR] [table ...]`, all of them without a name.

What needs public files is printed when `--data` says where they are.
"""

import pkgutil
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from truth import tables


def main() -> int:
    """Exit status: 1 where a table is not as good as it should be, 2 for a table that there is not."""
    found = [each.name for each in pkgutil.iter_modules(tables.__path__)]
    parser = ArgumentParser(prog="python -m truth")
    parser.add_argument("--data", type=Path, help="where the public files are")
    parser.add_argument("tables", nargs="*", choices=[*found, []], help=f"of {', '.join(found)}; all without a name")
    options = parser.parse_args()
    good = True
    for name in options.tables or found:
        print(f"== {name}")
        good &= bool(import_module(f"{tables.__name__}.{name}").main(options.data))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
