"""Three nights told apart by the front page alone: a healthy one, one aged by 2 %, one with a shunt that drifts.

Read as text, and as a reviewer does: in a browser.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.bench.cli_support import ROOT, packbench

TEST = ROOT / "test_cases" / "test_discharge.py"
NIGHTS = {"healthy": (), "ageing": ("aged:0.98",), "drifting": ("shunt-drift:0.2",)}
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of each night, as it was in the morning."""
    folder = tmp_path_factory.mktemp("nights")
    return {name: Path(shutil.copytree(night(folder, *defects), folder / name)) for name, defects in NIGHTS.items()}


def night(folder: Path, *defects: str) -> Path:
    """Run it and build its report."""
    run_night(folder, *defects)
    arguments = ("--results", folder / "results", "--output", folder / "report", "--history=all")
    packbench("report", folder / "runs", *arguments, cwd=folder)
    return folder / "report"


def run_night(folder: Path, *defects: str, station: Path | None = None) -> None:
    """Run it alone."""
    seeded = [f"--defect={defect}" for defect in defects]
    command = [
        sys.executable, "-m", "pytest", f"{TEST}::test_capacity_at_1c", f"--rootdir={ROOT}", "-q", "--temperatures=25",
        "-p", "no:cacheprovider", f"--alluredir={folder / 'results'}", "--clean-alluredir", f"--runs={folder / 'runs'}",
        *seeded, *([f"--station={station}"] if station else []),
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=False, capture_output=True)


def text_of(report: Path) -> str:
    page = (report / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", page)))


def test_the_front_page_tells_three_nights_apart(reports: dict[str, Path]) -> None:
    healthy, ageing, drifting = (text_of(reports[name]) for name in NIGHTS)
    assert "The pack passed the only test." in healthy
    assert "no earlier night of this station to compare with" in healthy

    assert "The pack passed the only test." in ageing, "it is still good"
    changed = ageing.partition("What changed since")[2].partition("Margin to the tightest limit")[0]
    assert "margin fell Capacity at 1C, 25 °C discharge capacity" in changed
    forecast = re.search(r"reaches its limit in about (\d+) nights? \(by the last 2\)", changed)
    margins = re.search(r"\+([\d.]+) % → \+([\d.]+) %", changed)
    assert forecast
    assert margins
    then, now = map(float, margins.groups())
    assert then - now == pytest.approx(2.0, abs=0.4), "2 % of what is a little more than the limit"
    assert int(forecast.group(1)) == pytest.approx(now / (then - now), abs=0.6)

    assert "1 ended without a verdict on the pack" in drifting
    changed = drifting.partition("What changed since")[2].partition("Margin to the tightest limit")[0]
    assert "no verdict now" in changed
    assert "current-disagreement" in changed
    assert "bench failed" in changed
    assert "margin fell" not in changed
    assert "Pack failures" not in drifting


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that asks nobody outside for anything, and complains of nothing."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert said == []
    opened.close()


def section(page: Any, title: str) -> Any:
    return page.locator("section").filter(has=page.locator("h2", has_text=title))


def test_in_a_browser_the_second_night_names_the_capacity_and_when_it_reaches_its_limit(
    page: Any, reports: dict[str, Path]
) -> None:
    page.goto((reports["ageing"] / "index.html").as_uri())
    fallen = section(page, "What changed since").locator("tr", has_text="margin fell")
    row = fallen.filter(has_text="discharge capacity")
    assert row.first.is_visible()
    assert re.search(r"reaches its limit in about \d+ nights?", row.first.inner_text())
    assert section(page, "Bench faults").count() == 0
    row.first.locator("a").first.click()
    assert page.locator("details[open]").first.is_visible(), "what it leads to is open"


def test_in_a_browser_the_third_night_blames_the_bench_and_leads_to_its_last_minute(
    page: Any, reports: dict[str, Path]
) -> None:
    page.goto((reports["drifting"] / "index.html").as_uri())
    assert "without a verdict on the pack" in page.locator("h1").inner_text()
    assert section(page, "Pack failures").count() == 0
    fault = section(page, "Bench faults").locator("tr", has_text="current-disagreement")
    assert "supply or bms is wrong" in fault.inner_text()
    assert "bms: foxBMS foxBMS 2" in fault.inner_text()
    assert re.search(r"supply: EA Elektro-Automatik .*, serial \d+", fault.inner_text())
    meter = section(page, "Bench health").locator("tr", has_text="current of the BMS against it").first
    shown = float(re.search(r"(-?[\d.]+) %", meter.inner_text()).group(1))  # type: ignore[union-attr]
    assert shown > 2.0, "a shunt that drifts is further off than any specimen of a good one"
    assert "beyond the stated uncertainty" in meter.inner_text(), "in the first night that it drifts"
    fault.get_by_text("last minute").click()
    assert page.locator("h1").inner_text().startswith("The last minute")
    assert "Current Difference BMS / A" in page.locator("body").inner_text()
    assert section(page, "The wire").locator("pre").inner_text().count("OUTP OFF") >= 1


def test_in_a_browser_the_healthy_night_has_nothing_to_see_to(page: Any, reports: dict[str, Path]) -> None:
    page.goto((reports["healthy"] / "index.html").as_uri())
    assert page.locator("h1").inner_text() == "The pack passed the only test."
    for title in ("Bench faults", "Pack failures", "Inconclusive"):
        assert section(page, title).count() == 0
    meter = section(page, "Bench health").locator("tr", has_text="current of the BMS against it").last
    shown = float(re.search(r"(-?[\d.]+) %", meter.inner_text()).group(1))  # type: ignore[union-attr]
    assert abs(shown) < 1.0
    assert page.get_by_text("last minute").count() == 0
