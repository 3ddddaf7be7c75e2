"""The table of limits: every one with its source, and a made-up pack whose limit has none is not good enough."""

import pytest

from bench.pack import load_pack
from truth.tables import limits


def test_each_shipped_limit_is_a_line_with_where_it_comes_from() -> None:
    pack = load_pack("nmc811-vehicle")[0]
    lines = {(row.cells[1], row.cells[2]): row for row in limits.limits_with_sources(pack)}
    assert all(row.reached for row in lines.values())
    time = lines["charge time 10 to 80 %", ""].cells
    assert time[0] == "nmc811-vehicle"
    assert time[3].endswith("25 °C: 1800, 45 °C: no limit")
    assert "Renault 5" in time[4]
    assert lines["cell voltage", "never beyond"].cells[3] == "2.8 to 4.2"


def test_a_limit_without_a_source_does_not_reach_the_goal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = load_pack("lfp-24s")[0]
    bare = pack.model_copy(update={"sources": {**pack.sources, "requirements.duration": ""}})
    monkeypatch.setattr(limits, "shipped", lambda: [bare])
    monkeypatch.setattr(limits, "PACKS", ())
    assert limits.main(None) is False
    assert "| lfp-24s | duration | charge at C/3 |" in capsys.readouterr().out
    monkeypatch.setattr(limits, "shipped", lambda: [pack])
    assert limits.main(None) is True
