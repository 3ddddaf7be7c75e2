"""Which cases are run: every fault in every phase, or those of some levels, faults and phases."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from bench.verdicts import InputError
from campaign.catalogue import FILE, LEVELS, PHASES, load_campaign

OUTCOMES = Path("fault-results/outcomes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose cases; the seed is the bench's own option."""
    group = parser.getgroup("campaign", "fault campaign")
    group.addoption("--levels", default="", help=f"with commas: {', '.join(LEVELS)} (default: all)")
    group.addoption("--phases", default="", help=f"with commas: {', '.join(PHASES)} (default: all)")
    group.addoption("--faults", default="", help="ids, with commas (default: all)")
    group.addoption("--catalogue", default=str(FILE), help="of faults to inject (default: the campaign's own)")
    group.addoption("--outcomes", default=str(OUTCOMES), help="folder of the outcomes (default: %(default)s)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per fault and phase."""
    if "case" not in metafunc.fixturenames:
        return
    option = metafunc.config.getoption
    try:
        faults = load_campaign(Path(option("--catalogue")))
        levels, phases = _chosen(option("--levels"), LEVELS), _chosen(option("--phases"), PHASES)
        ids = _chosen(option("--faults"), faults)
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    cases = [
        (name, injection, phase)
        for name, injection in faults.items()
        for phase in injection.expectations
        if name in ids and injection.level in levels and phase in phases
    ]
    metafunc.parametrize("case", cases, ids=[f"{name}-{phase}" for name, _, phase in cases])


def _chosen(text: str, known: Iterable[str]) -> set[str]:
    known = list(known)
    chosen = {part.strip() for part in text.split(",")} if text else set(known)
    unknown = chosen - set(known)
    if unknown:
        raise InputError(f"{min(unknown)!r} is none of: {', '.join(known)}.")
    return chosen
