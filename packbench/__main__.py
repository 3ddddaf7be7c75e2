"""The command `packbench`, before anything that a folder of the user's could hide is imported."""

import sys

from packbench.hidden import hidden

WRONG_INPUT = 2
"""`bench.verdicts.ExitStatus.WRONG_INPUT`, which is not at hand where `bench` is hidden."""


def main() -> None:
    """Entry point; see `packbench.cli`."""
    problem = hidden()
    if problem is not None:
        print(f"packbench: {problem}", file=sys.stderr)  # noqa: T201 - the console's own printing is behind the door
        sys.exit(WRONG_INPUT)
    from packbench.cli import main as command

    command()


if __name__ == "__main__":
    main()
