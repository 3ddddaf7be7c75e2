"""What a figure rests on is what its models do: the cell, the construction, the electrode and the car."""

from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.verdicts import InputError
from models.shipped import FOLDERS
from packbench.mapping import basis
from packbench.mapping.outcome import ASSUMED, CONDITIONING, CONSUMPTION, FITTED, MARGIN, MEASURED

CAR = "renault-5-class"


def test_on_a_model_everything_that_is_assumed_is_named_by_whose_it_is() -> None:
    found = basis.of(load_pack("lfp-vehicle")[0], CAR, modelled=True)
    assert found.bench == ASSUMED
    begin = {each.partition(": ")[0] for each in found.assumed}
    assert begin == {"cell", "construction of the pack", "negative electrode", "car"}


def test_hardware_measures_its_pack_and_neither_a_margin_nor_what_a_car_costs() -> None:
    found = basis.of(load_pack("lfp-vehicle")[0], CAR, modelled=False)
    assert found.bench == MEASURED
    assert {found.figures[name] for name in (MARGIN, CONSUMPTION, CONDITIONING)} == {ASSUMED}
    assert {each.partition(": ")[0] for each in found.assumed} == {"negative electrode", "car"}


def test_a_car_in_which_nothing_is_assumed_is_a_fitted_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = (FOLDERS["car"] / f"{CAR}.yaml").read_text(encoding="utf-8")
    path.write_text("\n".join(line for line in text.splitlines() if "assumed" not in line), encoding="utf-8")
    found = basis.of(load_pack("lfp-vehicle")[0], str(path), modelled=False)
    assert found.figures[CONSUMPTION] == FITTED
    with pytest.raises(InputError, match="no car 'renault'"):
        basis.of(load_pack("lfp-vehicle")[0], "renault", modelled=False)
