"""`python -m managers NAME [--port N]`: a manager as a process."""

import argparse
import sys

from managers.registry import UnknownManager, manager_named
from managers.serving import serve


def main() -> int:
    """Serve until somebody ends it; 2 for a name or a port that is none."""
    parser = argparse.ArgumentParser(prog="managers", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    given = parser.parse_args()
    try:
        serve(manager_named(given.name), given.port)
    except (UnknownManager, OSError, OverflowError) as error:
        sys.stderr.write(f"managers: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
