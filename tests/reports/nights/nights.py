"""Nights that nobody ran, with the verdicts and figures that a test wants of them."""

from collections.abc import Sequence
from dataclasses import replace

from reports.nights.night import Figure, Night, Told

NODE = "test_cases/test_discharge.py::test_capacity[25C]"


def capacity(value: float, at_least: float | None = 2.0, uncertainty: float = 0.02) -> Figure:
    return Figure("discharge capacity", "discharge", value, "Ah", uncertainty, at_least)


def told(verdict: str = "PASS", *figures: Figure, nodeid: str = NODE, **more: object) -> Told:
    fields = {"title": "Capacity, 25 °C", "pack": "lfp-24s", "serial": "0001", **more}
    return Told(nodeid, verdict, figures=figures, **fields)  # type: ignore[arg-type]


def night(number: int, *tests: Told, **more: object) -> Night:
    """The night of a day of a year that has as many as it takes."""
    day = f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}"
    fields = {"station": "virtual-module", "git": f"rev{number:04d}", **more}
    return Night(f"{day}T020000.000000-{number}", f"{day}T02:00:00.000Z", tests=tests, **fields)  # type: ignore[arg-type]


def of_values(values: Sequence[float], at_least: float = 2.0) -> list[Night]:
    """A night for each value of the capacity, the oldest first; below the limit it failed."""
    return [
        night(number, told("PASS" if value >= at_least else "FAIL", capacity(value, at_least)))
        for number, value in enumerate(values)
    ]


def without(night: Night, who: str) -> Night:
    """The night without one of its tests."""
    return replace(night, tests=[test for test in night.tests if test.nodeid != who])
