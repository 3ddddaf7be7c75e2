"""What a world that somebody else brings is told when it is opened: what was asked for, and nothing besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.grid.charger import ChargerSettings
from bench.pack import PackFile, load_pack
from bench.running.setup import PackState, Setup
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


def test_a_world_is_told_all_that_the_station_the_pack_and_the_run_say(
    install: Callable[[str, str, str], None], pack_text: str, write: Callable[[str, str], Path]
) -> None:
    install("packbench.worlds", "elsewhere", f"{__name__}:elsewhere")
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    virtual = station.virtual.model_copy(update={"world": "elsewhere", "soc": 0.4, "temperature": 12.0, "specimens": 7})
    charger = ChargerSettings(charge=2000.0)
    station = station.model_copy(update={"virtual": virtual, "charger": charger})
    text = pack_text.replace("series: 4", "series: 4\nparallel: 3\nserial_number: B7").replace(
        "limits:",
        "construction: {coupling: 3, loss: 2, housing_heat_capacity: 900}\n"
        "bms: {charge_limit: {temperature: [0, 20], soc: [0.0, 0.5], c_rate: [[0.5, 0.1], [1.0, 0.3]]}}\nlimits:",
    )
    pack, file = load_pack(str(write("pack.yaml", text)))
    given = pack.bms.charge_limit
    assert given is not None

    def wait(_seconds: float) -> None: ...

    setup = Setup(station, path, pack, file, seed=5, defects=("weak-cell:1:0.5",), pack_state=PackState(0.9, -5.0))
    for links in (None, {"supply": "elsewhere"}):
        open_world(setup, wait, links)
        settings, everything_else = told.pop()
        assert settings == {
            "soc": 0.9, "temperature": -5.0, "plant": "pack", "spread": {}, "specimens": 7,
            "simulators": virtual.simulators,
        }  # fmt: skip
        assert everything_else == {
            "links": links or {name: entry.address for name, entry in station.instruments.items()},
            "cell": "lfp-26650", "series": 4, "parallel": 3, "serial_number": "B7", "seed": 5,
            "defects": ("weak-cell:1:0.5",), "wait": wait, "charge_steps": given.model_dump(), "lowest_voltage": 3.05,
            "construction": {"coupling": 3.0, "loss": 2.0, "housing_heat_capacity": 900.0},
            "charger": charger.model_dump(),
        }  # fmt: skip


def test_a_pack_that_goes_as_low_as_its_cells_tells_no_voltage_of_its_own(
    install: Callable[[str, str, str], None], pack_text: str, write: Callable[[str, str], Path]
) -> None:
    install("packbench.worlds", "elsewhere", f"{__name__}:elsewhere")
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    virtual = station.virtual.model_copy(update={"world": "elsewhere"})
    pack, file = load_pack(str(write("pack.yaml", pack_text.replace("{min: 3.05,", "{min: 2.0,"))))
    open_world(Setup(station.model_copy(update={"virtual": virtual}), path, pack, file), lambda _seconds: None)
    settings, everything_else = told.pop()
    assert (settings["soc"], settings["temperature"]) == (virtual.soc, virtual.temperature)
    assert not {"lowest_voltage", "charge_steps", "construction", "charger"} & set(everything_else)


def test_hardware_has_no_world_and_one_that_nobody_brings_is_told_with_the_nearest(four_cells: PackFile) -> None:
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    hardware = station.model_copy(update={"virtual": None})
    with pytest.raises(
        InputError, match="Station virtual-pack has no virtual section: it is hardware, there is nothing"
    ):
        open_world(Setup(hardware, path, four_cells, Path("four.yaml")), lambda _seconds: None)
    other = station.model_copy(update={"virtual": station.virtual.model_copy(update={"world": "virtuall"})})
    with pytest.raises(InputError, match=r"key virtual\.world: found 'virtuall'; did you mean 'virtual'\?"):
        open_world(Setup(other, path, four_cells, Path("four.yaml")), lambda _seconds: None)


@pytest.mark.parametrize(
    ("pack", "says"),
    [
        ({"cell": "lfp-26550"}, r"^pack four, key cell: .*lfp-26650"),
        ({"chemistry": "NMC"}, r"^pack four, key cell: lfp-26650 is a cell of LFP"),
    ],
)
def test_a_pack_that_is_wrong_is_no_mistake_of_the_station(
    install: Callable[[str, str, str], None], four_cells: PackFile, pack: dict[str, str], says: str
) -> None:
    install("packbench.worlds", "elsewhere", f"{__name__}:elsewhere")
    station, path = load_station("virtual-pack")
    assert station.virtual is not None
    virtual = station.virtual.model_copy(update={"world": "elsewhere"})
    wrong = four_cells.model_copy(update=pack)
    setup = Setup(station.model_copy(update={"virtual": virtual}), path, wrong, Path("four.yaml"))
    with pytest.raises(InputError, match=says):
        open_world(setup, lambda _seconds: None)
    assert told == []


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
