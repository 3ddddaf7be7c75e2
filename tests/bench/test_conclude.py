"""What a session makes of a run that could not be concluded: nobody has verified that bench."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench import plugin
from bench.testing import TestBench
from tests.bench.fakes import Plant


@pytest.fixture
def item(little_bench: TestBench) -> Any:
    """A test of pytest's that holds the bench of fakes, whose station says that time is real."""
    stash = pytest.Stash()
    stash[plugin._context_key] = SimpleNamespace(broken=None)  # type: ignore[assignment]
    found = SimpleNamespace(
        stash=pytest.Stash(), config=SimpleNamespace(stash=stash), nodeid="test_x.py::test_it", user_properties=[],
        ihook=SimpleNamespace(pytest_packbench_run_ended=lambda **_: None),
    )  # fmt: skip
    found.stash[plugin._bench_key] = little_bench
    return found


def fails(*_: object, **__: object) -> None:
    raise RuntimeError("a mistake of ours")


def test_a_bench_whose_run_could_not_be_concluded_is_used_by_no_further_test(
    item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TestBench, "conclude", fails)
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            plugin._conclude(item, None)
    assert "could not be concluded (RuntimeError: a mistake of ours)" in item.config.stash[plugin._context_key].broken


def test_a_bench_that_was_left_unsafe_is_used_by_no_further_test_though_that_cannot_be_told(
    item: Any, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.source_on = plant.switches_stuck = True
    monkeypatch.setattr(plugin, "aftermath", fails)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        plugin._conclude(item, None)
    assert "not verified safe" in item.config.stash[plugin._context_key].broken
