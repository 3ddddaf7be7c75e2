"""A yes where a number is meant: of every model that a file is read as, and of the options that no model reads."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bench.files import FileModel
from instruments.virtual import simulators
from instruments.virtual.simulator import Settings
from instruments.yesno import is_number, taken_for_a_number

for module in ("bench.accepted", "bench.grid.charger", "bench.station", "bench.waivers", "packbench.mapping.tariff",
               "reports.limits"):  # fmt: skip
    import_module(module)
for each in pkgutil.iter_modules(simulators.__path__):
    import_module(f"{simulators.__name__}.{each.name}")


def below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from below(each)


NUMBERS = [
    (model, name, field)
    for base in (FileModel, Settings)
    for model in below(base)
    if model.__module__.partition(".")[0] in {"bench", "instruments", "packbench", "reports"}
    for name, field in model.model_fields.items()
    if field.annotation in {float, int, float | None, int | None}
]


def test_there_are_models_to_try() -> None:
    assert {"StationFile", "PackFile", "Limits", "TariffFile", "_Common"} <= {
        model.__name__ for base in (FileModel, Settings) for model in below(base)
    }
    assert len(NUMBERS) > 50


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize(
    ("model", "name", "field"), NUMBERS, ids=[f"{model.__name__}.{name}" for model, name, _ in NUMBERS]
)
def test_a_yes_is_no_number(model: type[BaseModel], name: str, field: Any, written: bool) -> None:
    key = field.alias or name
    with pytest.raises(ValidationError) as refused:
        model.model_validate({key: written})
    (said,) = [each for each in refused.value.errors() if each["loc"] == (key,)]
    assert "should be a number" in said["msg"]


class Section(BaseModel):
    share: float = 0.0


@pytest.mark.parametrize(
    ("annotation", "written", "where"),
    [
        (float, True, ()),
        (dict[str, float], {"at home": False}, ("at home",)),
        (dict[float, float | None], {25: 1.0, True: 2.0}, ("True",)),
        (tuple[tuple[float, ...], ...], [[1.0], [2.0, True]], (1, 1)),
    ],
)
def test_it_is_found_where_it_lies(annotation: Any, written: object, where: tuple[int | str, ...]) -> None:
    [(found, _)] = taken_for_a_number(annotation, written)
    assert found == where


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        (bool, True), (bool | float, True), (dict[str, Any], {"hold": True}), (str, True), (float, 1.0),
        (float, "1e-3"),
        (dict[str, Section | float], {"a": {"share": True}}),  # which the section says
    ],
)  # fmt: skip
def test_a_yes_that_may_be_one_is(annotation: Any, written: object) -> None:
    assert list(taken_for_a_number(annotation, written)) == []


def test_an_option_that_is_a_yes_is_no_number() -> None:
    assert [is_number(each) for each in (1, 1.5, True, False, "1", None)] == [True, True, False, False, False, False]
