"""Three nights told apart by the front page alone: a healthy one, one aged by 2 %, one with a shunt that drifts."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.bench.cli_support import ROOT, packbench

TEST = ROOT / "test_cases" / "test_discharge.py"


def night(folder: Path, *defects: str) -> str:
    """Run it, build its report and read the front page as text."""
    seeded = [f"--defect={defect}" for defect in defects]
    command = [
        sys.executable, "-m", "pytest", f"{TEST}::test_capacity_at_1c", f"--rootdir={ROOT}", "-q", "--temperatures=25",
        "-p", "no:cacheprovider", f"--alluredir={folder / 'results'}", "--clean-alluredir", f"--runs={folder / 'runs'}",
        *seeded,
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=False, capture_output=True)
    arguments = ("--results", folder / "results", "--output", folder / "report", "--history=all")
    packbench("report", folder / "runs", *arguments, cwd=folder)
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", page)))


@pytest.mark.timeout(900)
def test_the_front_page_tells_three_nights_apart(tmp_path: Path) -> None:
    healthy = night(tmp_path)
    assert "The pack passed the only test." in healthy
    assert "no earlier night of this station to compare with" in healthy

    ageing = night(tmp_path, "aged:0.98")
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

    drifting = night(tmp_path, "shunt-drift:0.2")
    assert "1 ended without a verdict on the pack" in drifting
    changed = drifting.partition("What changed since")[2].partition("Margin to the tightest limit")[0]
    assert "no verdict now" in changed
    assert "current-disagreement" in changed
    assert "BENCH FAULT" in changed
    assert "margin fell" not in changed
    assert "Pack failures" not in drifting
