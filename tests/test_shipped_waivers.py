"""The waivers that ship: each is about a test case, a pack and a limit that there are, and covers no pass."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

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
        stated = table.values() if waiver.temperature is None else [limit_at(table, waiver.temperature)]
        if waiver.at in (None, at, UNCONDITIONAL):
            yield from (limit for limit in stated if limit is not None)


def test_there_are_some() -> None:
    assert WAIVERS


@pytest.mark.parametrize("waiver", WAIVERS, ids=lambda each: f"{each.requirement}-{each.pack}-{each.temperature}")
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


STATIONS = {"24s": "virtual-module", "96s": "virtual-pack", "vehicle": "virtual-vehicle"}


def file_of(requirement: str) -> Path:
    """The test case of a requirement."""
    files = (ROOT / "test_cases").glob("test_*.py")
    return next(file for file in files if f'requirement("{requirement}")' in file.read_text(encoding="utf-8"))


SESSIONS = sorted(
    {(each.pack, each.temperature or 0.0, file_of(each.requirement).name) for each in WAIVERS},
    key=lambda each: (not each[0].endswith("-24s"), each[1] != 25.0, "fast" not in each[2], each),
)
"""Of a pack, a temperature, and a file of test cases; a nightly has few of them. The cheapest stands first."""


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(("pack", "temperature", "file"), SESSIONS, ids=str)
def test_a_waiver_covers_what_its_test_shows_and_none_is_needless(
    pack: str, temperature: float, file: str, tmp_path: Path
) -> None:
    station = STATIONS[pack.rpartition("-")[2]]
    command = [
        sys.executable, "-m", "pytest", f"test_cases/{file}", "-q", "-p", "no:reports.plugin", "-p", "no:cacheprovider",
        f"--station={station}", f"--pack={pack}", f"--temperatures={temperature:g}", f"--runs={tmp_path}",
        *(["-m", "needs"] if file == "test_roads.py" else []),
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    manifests = [json.loads(each.read_text(encoding="utf-8")) for each in tmp_path.glob("*/*/run.json")]
    # What nobody can decide is no failure, and needs no waiver; it has an exit status all the same.
    assert {run["verdict"] for run in manifests} <= {"PASS", "FAIL", "INCONCLUSIVE"}, ended.stdout
    failed = {
        (each["requirement"], each["name"])
        for run in manifests
        for each in run["measurements"]
        if each["verdict"] == "FAIL"
    }
    assert failed
    assert failed <= {(each.requirement, each.kpi) for each in WAIVERS if each.pack == pack}, ended.stdout
    passed = {
        (each["requirement"], each["name"])
        for run in manifests
        if run["pack"]["name"] == pack
        for each in run["measurements"]
        if each["verdict"] == "PASS"
    }
    needless = [each for each in WAIVERS if (each.requirement, each.kpi) in passed and each.pack == pack]
    assert not [each for each in needless if each.temperature == temperature]


def test_none_is_for_ever() -> None:
    """A year at most, from the day that the oldest of them was written."""
    assert max(waiver.expires for waiver in WAIVERS) <= date(2027, 11, 26)


def test_none_is_there_twice() -> None:
    keys = [(each.requirement, each.pack, each.kpi, each.at, each.temperature) for each in WAIVERS]
    assert len(keys) == len(set(keys))
