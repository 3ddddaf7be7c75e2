"""`python -m managers NAME [--over WIRE] [--port N] [--at HOST:PORT] [--home FILE]`: a manager as a process."""

import argparse
import sys

from managers.contract import ContractError, Prepares
from managers.home import Home
from managers.registry import UnknownManager, manager_named
from managers.wires import Told, UnknownWire, names, wire_named
from models.fields import CellFileError


def main() -> int:
    """Serve until somebody ends it; 2 for a name, a wire, a file, a port, a car or a road that is none."""
    parser = argparse.ArgumentParser(prog="managers", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--over", default="http", help=f"{', '.join(names())} (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="where it listens; 0: one that is free")
    parser.add_argument("--at", default="", help="HOST:PORT of the box that it is a client of, over modbus")
    parser.add_argument("--home", default="", help="JSON: what its wire does not tell, keys of the contract's request")
    given = parser.parse_args()
    try:
        home = Home.of(given.home) if given.home else Home()
        serve, manager = wire_named(given.over), manager_named(given.name)
        if isinstance(manager, Prepares):
            manager.prepare()  # whoever starts it waits longer until it listens than for an answer
        serve(manager, Told(given.port, given.at, home))
    except ImportError as error:
        sys.stderr.write(f"managers: it needs {error.name}: python3 -m pip install 'packbench[v2x]'.\n")
        return 2
    except (UnknownManager, UnknownWire, ContractError, CellFileError, OSError, OverflowError) as error:
        sys.stderr.write(f"managers: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
