"""What a world that somebody else brings is told when it is opened: what was asked for, and nothing besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.pack import PackFile
from bench.running.setup import Setup
from bench.running.worlds import open_world
from bench.station import load_station

told: list[tuple[dict[str, Any], dict[str, Any]]] = []
"""What each world that was opened here was told: settings of the station's section, everything else."""


def elsewhere(settings: dict[str, Any], **everything_else: Any) -> object:
    """A world of another package, which knows what worlds are told and nothing that came later."""
    told.append((settings, everything_else))
    return object()


@pytest.mark.parametrize("asked", [{}, {"specimens": 7}])
def test_a_world_from_elsewhere_is_told_of_nothing_that_nobody_asked_for(
    install: Callable[[str, str, str], None], four_cells: PackFile, asked: dict[str, int]
) -> None:
    install("packbench.worlds", "elsewhere", f"{__name__}:elsewhere")
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    virtual = station.virtual.model_copy(update={"world": "elsewhere", **asked})
    setup = Setup(station.model_copy(update={"virtual": virtual}), path, four_cells, Path("four.yaml"))
    open_world(setup, lambda _seconds: None)
    settings, everything_else = told.pop()
    assert {name: settings[name] for name in settings if name == "specimens"} == asked
    assert everything_else["series"] == 4
    assert not {"construction", "charge_steps"} & set(everything_else)
