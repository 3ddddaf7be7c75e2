"""Run the fault campaign, print its table, build its Allure report: `python -m campaign [--write-table] [pytest's]`.

It comes with the package: whoever has faults of his own runs them with `python -m campaign --catalogue=FILE`. Where
pytest-xdist is installed several cases run at once.
"""

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from campaign import outcome, table
from reports import generator

RESULTS, REPORT = Path("fault-results"), Path("fault-report/index.html")
PAGE = Path(__file__).parents[1] / "docs" / "fault-campaign.md"
WORKERS = max(3, os.cpu_count() or 1)
"""More than a small computer has processors: who hits a process mostly waits for it."""
WIDTH = 200
"""Columns of a table that is not on a terminal."""


def main() -> int:
    """Exit status: 1 when a case is not as expected, pytest's own when it could not run them."""
    parser = ArgumentParser(prog="python -m campaign", description="every other option is pytest's")
    parser.add_argument("--write-table", action="store_true", help=f"renew {PAGE.name} in the documentation")
    parser.add_argument("--seed", type=int, default=0, help="of the instants and of the virtual pack (default: 0)")
    options, rest = parser.parse_known_args()
    shutil.rmtree(RESULTS, ignore_errors=True)
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), f"--seed={options.seed}"]
    # No test of the campaign uses a fixture of ours: by their names the plugins give it titles and labels all the same.
    command += ["-p", "bench.plugin", "-p", "reports.plugin"]
    command += ["-n", str(WORKERS)] if find_spec("xdist") else []
    command += ["-q", "--tb=no", "-r", "", f"--alluredir={RESULTS}/allure"]
    status = subprocess.run([*command, f"--outcomes={RESULTS}/outcomes", *rest], check=False).returncode
    outcomes = outcome.read(RESULTS / "outcomes")
    if not outcomes:
        return status or 1
    table.show(outcomes, Console(width=None if sys.stdout.isatty() else WIDTH))
    if options.write_table:
        PAGE.write_text(table.markdown(outcomes, options.seed), encoding="utf-8")
    try:
        generator.generate(RESULTS / "allure", REPORT)
        print(f"Open {REPORT}")
    except generator.GeneratorUnavailable as error:
        print(f"No Allure report: {error}", file=sys.stderr)
    return status or int(any(case.problems for case in outcomes))


if __name__ == "__main__":
    sys.exit(main())
