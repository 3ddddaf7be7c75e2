"""What a world that somebody else brings is told when it is opened: what was asked for, and nothing besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.pack import PackFile
from bench.running.setup import Setup
from bench.running.worlds import open_world
from bench.station import load_station
from bench.verdicts import InputError

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


def of_another_version(_settings: dict[str, Any], *, cells: int) -> object:
    """A world that is told otherwise."""
    raise NotImplementedError(cells)


def without_its_key(settings: dict[str, Any], **_everything_else: Any) -> object:
    """A world that needs a key of the section that nobody wrote."""
    return settings["grid"]


def ending_it_all(_settings: dict[str, Any], **_everything_else: Any) -> object:
    """A world that knows no other way out."""
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        ("of_another_version", "TypeError: .*unexpected keyword"), ("without_its_key", "KeyError: 'grid'"),
        ("ending_it_all", "SystemExit: 3"), ("nothing_of_that_name", "AttributeError: "),
    ],
)  # fmt: skip
def test_a_world_that_cannot_be_opened_is_one_sentence_with_its_name(
    install: Callable[[str, str, str], None], four_cells: PackFile, thing: str, says: str
) -> None:
    install("packbench.worlds", "elsewhere", f"{__name__}:{thing}")
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    virtual = station.virtual.model_copy(update={"world": "elsewhere"})
    setup = Setup(station.model_copy(update={"virtual": virtual}), path, four_cells, Path("four.yaml"))
    with pytest.raises(
        InputError, match=rf"the world 'elsewhere' \({__name__}:{thing}, of .*\) cannot be opened: {says}"
    ):
        open_world(setup, lambda _seconds: None)
