"""Shipped virtual benches, open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.lifecycle import Setup
from bench.station import load_station
from bench.testing import TestBench


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Callable[..., TestBench]]:
    """Open a station by its name, its pack as the file has it or with another `temperature` (degC) and `soc`."""
    opened: list[TestBench] = []

    def open_on(name: str, **begun: float) -> TestBench:
        station, file = load_station(name)
        assert station.virtual is not None
        virtual = station.virtual.model_copy(update=begun)
        setup = Setup(station.model_copy(update={"virtual": virtual}), file, *load_pack(station.packs[0]))
        bench = TestBench(setup, tmp_path / "runs", TestIdentity("tests", name, "running"))
        bench.open()
        opened.append(bench)
        return bench

    yield open_on
    for bench in opened:
        bench.conclude()
