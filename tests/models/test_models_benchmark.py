"""The benchmark of the physics runs and names what it measured; its figures are not judged here."""

import pytest

from benchmarks import models as benchmark


def test_it_measures_every_figure_that_has_a_target(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    monkeypatch.setattr(benchmark, "CALLS", 2)
    figures = benchmark.measure()
    assert set(benchmark.TARGETS) <= set(figures)
    assert all(cost > 0 for cost in figures.values())
    benchmark.main()
    assert "24 cells: step" in capsys.readouterr().out
