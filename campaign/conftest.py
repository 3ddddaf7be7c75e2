"""Which cases are run: every fault in every phase, or those of some levels, faults and phases."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from bench.verdicts import InputError
from campaign.catalogue import FOLDER, LEVELS, PHASES, Injection, load_campaign
from campaign.hearing import hearing

OUTCOMES = Path("fault-results/outcomes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose cases; the seed is the bench's own option."""
    group = parser.getgroup("campaign", "fault campaign")
    group.addoption("--levels", default="", help=f"with commas: {', '.join(LEVELS)} (default: all)")
    group.addoption("--phases", default="", help=f"with commas: {', '.join(PHASES)} (default: all)")
    group.addoption("--faults", default="", help="ids, with commas (default: all)")
    group.addoption("--groups", default="", help="files of the catalogue, with commas (default: all)")
    group.addoption("--sample", default=1, type=int, metavar="N", help="every Nth case only (default: all)")
    group.addoption(
        "--catalogue",
        default=str(FOLDER),
        help="of faults to inject, a file or a folder of them (default: the campaign's own)",
    )
    group.addoption("--outcomes", default=str(OUTCOMES), help="folder of the outcomes (default: %(default)s)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per fault and phase; a report sorts them by level and fault."""
    if not {"fault", "phase"} <= set(metafunc.fixturenames):
        return
    option = metafunc.config.getoption
    try:
        faults = load_campaign(Path(option("--catalogue")))
        levels, phases = _chosen(option("--levels"), LEVELS), _chosen(option("--phases"), _phases_of(faults))
        names = _chosen(option("--faults"), faults)
        groups = _chosen(option("--groups"), dict.fromkeys(fault.group for fault in faults.values()))
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    cases = [
        pytest.param(name, phase, marks=_labels(injection.level, name), id=f"{name}-{phase}")
        for name, injection in faults.items()
        for phase in injection.expectations
        if name in names and injection.level in levels and phase in phases and injection.group in groups
    ]
    metafunc.parametrize(("fault", "phase"), cases[:: max(1, option("--sample"))])


@pytest.fixture(scope="session", autouse=True)
def _hearing() -> Iterator[None]:
    with hearing():
        yield


@pytest.fixture
def injection(fault: str, pytestconfig: pytest.Config) -> Injection:
    """What is injected."""
    return load_campaign(Path(pytestconfig.getoption("--catalogue")))[fault]


def _phases_of(faults: Mapping[str, Injection]) -> Iterable[str]:
    """Ours, then those that are steps of other scenarios."""
    return dict.fromkeys((*PHASES, *(phase for fault in faults.values() for phase in fault.expectations)))


def _labels(level: str, fault: str) -> list[pytest.MarkDecorator]:
    label = pytest.mark.allure_label
    return [label(level, label_type="feature"), label(fault, label_type="story")]


def _chosen(text: str, known: Iterable[str]) -> set[str]:
    known = list(known)
    chosen = {part.strip() for part in text.split(",")} if text else set(known)
    unknown = chosen - set(known)
    if unknown:
        raise InputError(f"{min(unknown)!r} is none of: {', '.join(known)}.")
    return chosen
