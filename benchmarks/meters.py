"""What stated uncertainties are worth: the suite at 25 °C on twenty benches whose meters are drawn anew.

Prints how often the truth lay within what was stated (at least 95 % wanted), the wrong verdicts (none), and for each
kind of figure the stated uncertainty over what a Monte-Carlo of the meters finds (0.7 to 1.5). `tox run -e truth --
meters` goes through the other temperatures as well; either goes on with what the other has recorded in `runs/truth`.
"""

from truth.suite import PARTS
from truth.tables import meters

TEMPERATURE = "25"


def main() -> None:
    """Record what is missing, and print the table."""
    meters.main(parts={TEMPERATURE: PARTS[TEMPERATURE]})
