"""The waivers that ship: each is about a test case, a pack and a limit that there are, and covers no pass."""

import re
from collections.abc import Iterator
from datetime import date

import pytest

from bench.pack import SHIPPED, load_pack
from bench.requirements import UNCONDITIONAL, limit_at
from bench.waivers import Waiver, load
from reports.kpi import found
from reports.requirements import bounds
from tests.bench.cli_support import ROOT

WAIVERS = load(None, ROOT).waivers
PACKS = {file.stem for file in SHIPPED.glob("*.yaml")}


def requirements() -> set[str]:
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / "test_cases").glob("test_*.py"))
    return {identity for text in texts for identity in re.findall(r'requirement\("([^"]+)"\)', text)}


def limits(waiver: Waiver) -> Iterator[float]:
    """What the pack requires of the figure, under the conditions and at the temperature that are meant."""
    conditions = load_pack(waiver.pack)[0].requirements.get(waiver.kpi, {})
    for at, table in conditions.items():
        limit = None if waiver.temperature is None else limit_at(table, waiver.temperature)
        if waiver.at in (None, at, UNCONDITIONAL) and limit is not None:
            yield limit


def test_there_are_some() -> None:
    assert WAIVERS


@pytest.mark.parametrize("waiver", WAIVERS, ids=lambda each: f"{each.requirement}-{each.pack}-{each.temperature:g}")
def test_a_waiver_means_a_limit_that_there_is_and_values_that_miss_it(waiver: Waiver) -> None:
    assert waiver.requirement in requirements()
    assert waiver.pack in PACKS
    kpi = found().named(waiver.kpi)
    assert kpi is not None
    stated = list(limits(waiver))
    assert stated, "a limit that nobody states cannot be missed"
    least, most = bounds(kpi.sense, stated[0])
    assert least is None or waiver.value.min < least
    assert most is None or waiver.value.max > most


def test_none_is_for_ever() -> None:
    """A year at most, from the day that the oldest of them was written."""
    assert max(waiver.expires for waiver in WAIVERS) <= date(2027, 11, 26)


def test_none_is_there_twice() -> None:
    keys = [(each.requirement, each.pack, each.kpi, each.at, each.temperature) for each in WAIVERS]
    assert len(keys) == len(set(keys))
