"""The table of the negative electrode at its boundary: what is printed where its referee is not, and what is missed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from truth.__main__ import main
from truth.tables import anode


def test_without_pybamm_it_says_what_it_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(anode, "find_spec", lambda _name: None)
    assert main(["--data", str(tmp_path), "anode"]) == 0
    assert "skipped: it needs PyBaMM, which is not installed here" in capsys.readouterr().out


@pytest.mark.parametrize(("away", "status", "told"), [(0.0, 0, "yes"), (-0.012, 1, "NO")])
def test_a_potential_that_is_off_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], away: float, status: int, told: str
) -> None:
    """A referee that says what we do, and one that is 12 mV off."""

    def referee(
        reference: anode.Reference, charge: anode.Charge, temperature: float
    ) -> tuple[anode.Vector, anode.Vector, anode.Vector]:
        time, rate = anode.steps(charge, 5.0)
        return time, rate, anode.ours(reference.anode, time, rate, temperature) + away

    monkeypatch.setattr(anode, "find_spec", lambda _name: importlib.util.find_spec("numpy"))
    monkeypatch.setattr(anode, "import_module", lambda _name: np)
    monkeypatch.setattr(anode, "dfn", referee)
    monkeypatch.setattr(anode, "CHARGES", anode.CHARGES[1:2])
    monkeypatch.setattr(anode, "HELD", {})
    assert main(["anode"]) == status
    lines = [each for each in capsys.readouterr().out.splitlines() if each.startswith("| graphite-")]
    assert len(lines) == len(anode.REFERENCES) * len(anode.TEMPERATURES)
    assert {line.split("|")[-2].strip() for line in lines if "| 0 °C" not in line} == {told}
    assert {line.split("|")[-2].strip() for line in lines if "| 0 °C" in line} == {""}  # no goal in the cold


def test_stages_go_on_to_their_charge() -> None:
    time, rate = anode.steps(anode.CHARGES[4])
    assert float(np.sum(rate[1:] * np.diff(time))) / 3600 == pytest.approx(0.7, abs=1e-3)
    assert list(dict.fromkeys(rate[1:])) == [2.0, 1.5, 0.9]
