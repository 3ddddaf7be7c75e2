"""The two facts that tell three nights apart, on a bench that scans every 10 s; the whole is in `test_three_nights`.

The second night's capacity is named with its forecast, the third one's drift is blamed on the bench, with its meters.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.recording.session_log import last_session
from reports import generator, site
from reports.generator import GeneratorUnavailable
from tests.bench.cli_support import ROOT
from tests.reports.nights.test_three_nights import NIGHTS, page, run_night, section

__all__ = ["page"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The front page of each night, as it was in the morning; nobody waits for Allure."""
    folder = tmp_path_factory.mktemp("short-nights")
    shipped = (ROOT / "bench" / "stations" / "virtual-module.yaml").read_text(encoding="utf-8")
    station = folder / "slow.yaml"
    station.write_text(f"scan_period: 10.0\nrest_scan_period: 60.0\n{shipped}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(generator, "generate", _no_generator)
        yield {name: _morning_after(folder, name, station) for name in NIGHTS}


def _no_generator(*_: object) -> None:
    raise GeneratorUnavailable("it is not asked for")


def _morning_after(folder: Path, name: str, station: Path) -> Path:
    run_night(folder, *NIGHTS[name], station=station)
    session = last_session(folder / "runs")
    assert session is not None
    return site.build(folder / "results", folder / name, folder / "runs", session, site.Past("all")).index


def test_in_a_browser_the_first_morning_tells_a_regression_and_the_second_a_bench(
    page: Any, reports: dict[str, Path]
) -> None:
    page.goto(reports["ageing"].as_uri())
    fallen = section(page, "What changed since").locator("tr", has_text="margin fell")
    told = fallen.filter(has_text="discharge capacity").first.inner_text()
    assert re.search(r"reaches its limit in about \d+ nights?", told)
    assert section(page, "Bench faults").count() == 0

    page.goto(reports["drifting"].as_uri())
    assert section(page, "Pack failures").count() == 0
    (fault,) = section(page, "Bench faults").locator("tr", has_text="current-disagreement").all()
    assert "bms: foxBMS foxBMS 2" in fault.inner_text()
    assert re.search(r"supply: EA Elektro-Automatik .*, serial \d+, TCPIP0::supply", fault.inner_text())
    meter = section(page, "Bench health").locator("tr", has_text="current of the BMS against it")
    assert meter.filter(has_text="beyond the stated uncertainty").count() == 1

    page.goto(reports["healthy"].as_uri())
    assert section(page, "Bench health").count() == 1
    assert page.get_by_text("beyond the stated uncertainty").count() == 0
