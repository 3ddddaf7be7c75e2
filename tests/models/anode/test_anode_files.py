"""Reading sets of negative electrodes: good ones come out as written, bad ones as one clear sentence."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.anode import available_anodes, load_anode, parameters_of, written
from models.cell import available_cells, load_cell
from models.cell import written as written_cell
from models.fields import CellFileError

Content = dict[str, Any]
GOOD: Content = written("graphite-chen2020")


PLACES = (
    "name", "electrode", "electrode.thickness", "particle.saturation", "exchange", "exchange.activation", "potential",
    "potential.exponentials", "electrolyte.diffusivity", "electrolyte.diffusivity.powers", "reference", "counter",
)  # fmt: skip


@pytest.fixture
def anode_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the good set with values changed at places like `particle.radius`, or left out with `...`."""

    def write(changes: dict[str, object] | None = None) -> Path:
        content = deepcopy(GOOD)
        for place, value in (changes or {}).items():
            *sections, key = place.split(".")
            inner = content
            for section in sections:
                inner = inner[section]
            inner[key] = value
            if value is ...:
                del inner[key]
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def test_published_numbers_are_those_of_the_papers() -> None:
    """Chen 2020: 33133 mol/m3 in 75 % of 85.2 um; the potential of its equation 9 at half, worked out by hand."""
    chen = load_anode("graphite-chen2020")
    assert chen.capacity * 0.065 * 1.58 == pytest.approx(5.153, abs=0.001)  # Ah of an LG M50
    assert chen.surface_area == pytest.approx(3 * 0.75 / 5.86e-6)
    half = (0.5 - chen.empty) / (chen.full - chen.empty)
    assert chen.open_circuit_potential(half) == pytest.approx(0.13309, abs=2e-5)
    assert chen.exchange_current[1000] == pytest.approx(6.48e-7 * 33133 * 0.5 * np.sqrt(1000), rel=1e-6)
    lnmo = load_anode("graphite-schmitt2026")
    assert lnmo.capacity * 0.05 == pytest.approx(1.05, abs=0.01)
    assert (lnmo.surface_area, lnmo.diffusivity_activation) == (1.54e6, 13820)
    assert lnmo.exchange_current.max() == pytest.approx(5.527, rel=1e-3)


def test_electrolytes_are_those_of_the_papers() -> None:
    """Nyman 2008 at 1 mol/l: 0.95 S/m and 1.77e-10 m2/s; Prada 2013 at 1.2: 1.90 S/m."""
    nyman = load_anode("graphite-chen2020").electrolyte
    assert nyman.conductivity.at(np.array([1000.0])) == pytest.approx([0.9487], rel=1e-4)
    assert nyman.diffusivity.at(np.array([1000.0])) == pytest.approx([1.7694e-10], rel=1e-4)
    prada = load_anode("graphite-prada2013").electrolyte
    assert prada.conductivity.at(np.array([1200.0])) == pytest.approx([1.8985], rel=1e-4)
    assert prada.diffusivity.at(np.array([300.0, 2000.0])) == pytest.approx([2e-10, 2e-10])


def test_reactions_are_faster_when_it_is_warmer() -> None:
    chen = load_anode("graphite-chen2020")
    assert chen.faster(35000, 25.0) == pytest.approx(1.0)
    assert chen.faster(35000, 0.0) == pytest.approx(0.2746, rel=1e-3)  # exp(35000/8.314 (1/298.15 - 1/273.15))
    assert chen.faster(0.0, -20.0) == 1.0


@pytest.mark.parametrize("name", available_anodes())
def test_every_shipped_set_says_where_it_is_from_and_survives_a_recording(name: str) -> None:
    shipped = load_anode(name)
    assert shipped.name == name
    assert shipped.sources
    recorded = parameters_of(json.loads(json.dumps(written(name))))
    assert (recorded.name, recorded.capacity, recorded.assumed) == (name, shipped.capacity, shipped.assumed)
    assert recorded.potential == pytest.approx(shipped.potential, abs=0)


def test_a_file_of_your_own_is_read_by_path_or_text(anode_file: Callable[..., Path]) -> None:
    path = anode_file({"particle.radius": 5e-6})
    assert load_anode(path).radius == load_anode(str(path)).radius == 5e-6


def test_a_potential_may_be_a_table(anode_file: Callable[..., Path]) -> None:
    path = anode_file({"potential": {"stoichiometry": [0, 0.5, 1], "volts": [1.0, 0.2, 0.0]}})
    assert load_anode(path).potential[[0, 500, 1000, 2000]] == pytest.approx([1.0, 0.6, 0.2, 0.0])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"partikel": {}}, "unknown key 'partikel' (nearest: particle); allowed are name, sources"),
        ({"particle.radius": -1}, "particle: radius is -1; give a number above 0."),
        ({"particle.diffusivity": "fast"}, "particle: diffusivity is 'fast'; give a number above 0."),
        ({"particle.radios": 1}, "particle: unknown key 'radios' (nearest: radius)"),
        ({"electrode.porosity": 1.2}, "electrode: porosity is 1.2; give a number above 0 up to 1."),
        ({"electrode.full": 0.01}, "electrode: full is 0.01; give a number above 0.0263 up to 1."),
        ({"separator": None}, "separator: found None where a mapping with thickness, porosity, bruggeman is needed."),
        ({"exchange.rate": ...}, "exchange: rate is missing; add it."),
        ({"potential.offset": ...}, "potential: offset is missing; add it."),
        ({"potential.steps": []}, "potential: steps is []; give a list of mappings with height, steepness, at"),
        ({"electrolyte.transference": 3}, "electrolyte: transference is 3; give a number from 0 up to 1."),
        (
            {"electrolyte.conductivity": {"powers": [0, 1], "coefficients": [1]}},
            "electrolyte: conductivity: coefficients is [1]; give a list of 2 numbers.",
        ),
        ({"sources": []}, "sources is []; give a list of texts, at least one."),
        ({"assumed": ["electrolite in the cold"]}, "assumed[0] is 'electrolite in the cold'; give one of name, "),
    ],
)
def test_what_is_wrong_is_one_sentence(anode_file: Callable[..., Path], changes: dict[str, object], says: str) -> None:
    path = anode_file(changes)
    with pytest.raises(CellFileError) as caught:
        load_anode(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: {says}")
    assert "\n" not in sentence


def test_a_set_that_does_not_ship_is_told_with_the_nearest() -> None:
    with pytest.raises(
        CellFileError, match=r"no anode 'graphite-chen2002' \(nearest: graphite-chen2020\); shipped are"
    ):
        load_anode("graphite-chen2002")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    place=st.sampled_from(PLACES),
    value=st.none() | st.booleans() | st.integers(-5, 0) | st.text(max_size=5) | st.lists(st.text(max_size=3)),
)  # fmt: skip
def test_nonsense_is_a_sentence_or_a_set(anode_file: Callable[..., Path], place: str, value: object) -> None:
    try:
        parameters_of(yaml.safe_load(anode_file({place: value}).read_text(encoding="utf-8")))
    except CellFileError as error:
        sentence = str(error)
    else:
        sentence = "None."
    assert "\n" not in sentence
    assert sentence.endswith(".")


# --- cells --------------------------------------------------------------------------------------------------------


def test_every_shipped_cell_but_lithium_metal_names_its_negative_electrode() -> None:
    named = {name: load_cell(name).anode for name in available_cells()}
    assert {name for name, anode in named.items() if anode is None} == {"li-metal"}
    assert set(named.values()) - {None} <= set(available_anodes())


def cell_with(folder: Path, anode: object) -> Path:
    """A shipped cell in a file of one's own, that names another set."""
    path = folder / "cell.yaml"
    path.write_text(yaml.safe_dump(written_cell("lfp-26650") | {"anode": anode}), encoding="utf-8")
    return path


def test_a_cell_may_bring_a_set_of_its_own(tmp_path: Path, anode_file: Callable[..., Path]) -> None:
    """Beside its own file, wherever the bench was started."""
    anode_file({"name": "mine"})
    where = load_cell(cell_with(tmp_path, "mine.yaml")).anode
    assert where is not None
    assert load_anode(where).name == "mine"


def test_a_cell_that_names_none_has_none(tmp_path: Path) -> None:
    assert load_cell(cell_with(tmp_path, None)).anode is None


@pytest.mark.parametrize(
    ("anode", "says"),
    [
        ("graphite-prada", "anode: no anode 'graphite-prada' (nearest: graphite-prada2013)"),
        ("nowhere.yaml", "nowhere.yaml: cannot be read"),
        (3, "anode is 3; give a text."),
    ],
)
def test_a_cell_with_a_wrong_one_is_refused(tmp_path: Path, anode: object, says: str) -> None:
    path = cell_with(tmp_path, anode)
    with pytest.raises(CellFileError) as caught:
        load_cell(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
