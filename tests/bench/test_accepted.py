"""What a specimen has shown once: kept by its number, read as it was written, and never another's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import accepted
from bench.accepted import Accepted, AcceptedFile, AcceptedValue, figure_named, file_of, load, read, write
from bench.pack import PackFile
from bench.verdicts import InputError

MOMENT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def value(kpi: str = "capacity", at: str = "", temperature: float | None = 25.0, **changed: object) -> AcceptedValue:
    told = {"value": 2.0, "uncertainty": 0.01, "unit": "Ah", "run": "2026-11-26/120000-test"}
    return AcceptedValue.model_validate({"kpi": kpi, "at": at, "temperature": temperature, **told, **changed})


def kept(*values: AcceptedValue, pack: str = "four", serial_number: str = "No. 1") -> AcceptedFile:
    return AcceptedFile.model_validate(
        {"schema": 1, "pack": pack, "serial_number": serial_number, "accepted": MOMENT, "values": values}
    )


@pytest.fixture
def specimen(four_cells: PackFile) -> PackFile:
    return four_cells.model_copy(update={"serial_number": "No. 1"})


FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.builds(
    value, st.text("aé °%\"':#", min_size=1), st.text("C/3-é ", max_size=5), st.none() | FINITE,
    value=FINITE, uncertainty=st.floats(0, 1e300), unit=st.text("Ah%Ω", max_size=3),
)  # fmt: skip


@given(st.lists(VALUES, max_size=4, unique_by=lambda each: each.place))
def test_what_is_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, values: list[AcceptedValue]
) -> None:
    file = tmp_path_factory.getbasetemp() / "new" / "kept.yaml"
    write(file, kept(*values))
    assert read(file, "four", "No. 1").values == tuple(values)


def test_newer_figures_take_the_place_of_those_of_the_same_kind_and_of_no_other() -> None:
    before = Accepted((value(), value(at="C/3"), value(temperature=None), value("resistance")))
    after = before.renewed([value(value=1.9), value(temperature=0.0)])
    assert after.find("capacity", "", 25.0) == value(value=1.9)
    assert after.find("capacity", "", 0.0) == value(temperature=0.0)
    for place in (("capacity", "C/3", 25.0), ("capacity", "", None), ("resistance", "", 25.0)):
        assert after.find(*place) == before.find(*place)
    assert before.find("capacity", "", 25.0) == value()
    assert after.find("capacity", "1C", 25.0) is None


@given(st.permutations([value(), value(temperature=None), value(temperature=-10.0), value(at="C/3"), value("a")]))
def test_the_order_of_the_figures_does_not_depend_on_that_of_the_runs(values: list[AcceptedValue]) -> None:
    places = [each.place for each in Accepted().renewed(values).values]
    assert places == [
        ("a", "", 25.0), ("capacity", "", None), ("capacity", "", -10.0), ("capacity", "", 25.0),
        ("capacity", "C/3", 25.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (value(), "capacity, 25 °C: 2 ± 0.01 Ah"),
        (value(at="C/3", temperature=-10.0), "capacity at C/3, -10 °C: 2 ± 0.01 Ah"),
        (value(temperature=None, uncertainty=0.0), "capacity: 2 ± 0 Ah"),
    ],
)
def test_a_figure_reads_as_a_line(figure: AcceptedValue, sentence: str) -> None:
    assert str(figure) == sentence


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (value(), "capacity, 25 °C is there twice; keep one"),
        (value(at="C/3", temperature=None), "capacity at C/3 is there twice; keep one"),
    ],
)
def test_a_figure_that_is_there_twice_is_named_as_people_do(tmp_path: Path, figure: AcceptedValue, words: str) -> None:
    write(tmp_path / "kept.yaml", kept(value("other"), figure, figure))
    with pytest.raises(InputError, match=words):
        read(tmp_path / "kept.yaml", "four", "No. 1")


@pytest.mark.parametrize("other", [{"pack": "five"}, {"serial_number": "No. 2"}])
def test_the_figures_of_another_specimen_are_never_taken(tmp_path: Path, other: dict[str, str]) -> None:
    write(tmp_path / "kept.yaml", kept(value(), **other))
    with pytest.raises(InputError, match=r"holds the accepted figures of .*, and not of four, No\. 1; restore it, or"):
        read(tmp_path / "kept.yaml", "four", "No. 1")


@pytest.mark.parametrize("wrong", [{"uncertainty": -0.1}, {"value": float("nan")}, {"kpi": ""}, {"at": None}])
def test_a_figure_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        value(**wrong)  # type: ignore[arg-type]


def test_two_specimens_whose_numbers_look_alike_on_a_disk_are_told_apart(tmp_path: Path) -> None:
    """What cannot stand in a name is replaced there, and the file says whose it is."""
    one, other = file_of(tmp_path, "four", "A/1"), file_of(tmp_path, "four", "A_1")
    assert one == other == tmp_path / "four.A_1.yaml"
    write(one, kept(value(), serial_number="A/1"))
    assert read(one, "four", "A/1").values == (value(),)
    with pytest.raises(InputError, match="holds the accepted figures of four, A/1, and not of four, A_1"):
        read(other, "four", "A_1")


def test_a_number_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert file_of(tmp_path, "four", "../../x\0y").parent == tmp_path


def test_a_pack_without_a_number_is_compared_with_nothing_and_cannot_be_accepted(
    tmp_path: Path, four_cells: PackFile
) -> None:
    assert four_cells.serial_number == accepted.NAMELESS
    assert load(tmp_path, four_cells) == Accepted()
    with pytest.raises(InputError, match=r"Pack four has no serial number: .* \(serial_number\)"):
        file_of(tmp_path, "four", four_cells.serial_number)


def test_what_was_accepted_here_goes_before_what_ships_and_a_folder_that_is_named_counts_alone(
    tmp_path: Path, specimen: PackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, here, named = (tmp_path / name for name in ("shipped", "here", "named"))
    monkeypatch.setattr(accepted, "SHIPPED", shipped)
    monkeypatch.setattr(accepted, "FOLDER", here)
    assert load(None, specimen) == load(named, specimen) == Accepted()
    write(file_of(shipped, "four", "No. 1"), kept(value(value=1.0), value("resistance")))
    write(file_of(here, "four", "No. 1"), kept(value(value=3.0)))
    assert load(None, specimen).values == (value(value=3.0), value("resistance"))
    assert load(named, specimen) == Accepted()
    write(file_of(named, "four", "No. 1"), kept(value(value=4.0)))
    assert load(named, specimen).values == (value(value=4.0),)


def test_a_place_that_cannot_be_written_is_told_with_the_option_that_names_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be written \(.*\); name another folder \(--accepted\)"):
        write(tmp_path / "file" / "kept.yaml", kept(value()))
    (tmp_path / "kept.yaml").mkdir()
    with pytest.raises(InputError, match=r"--accepted .*kept\.yaml: is a folder"):
        write(tmp_path / "kept.yaml", kept(value()))


@pytest.mark.parametrize("name", ["capacity", "capacity of this specimen", "of this specimen"])
def test_a_figure_keeps_its_name_whatever_it_was_judged_against(name: str) -> None:
    assert figure_named(figure_named(name) + accepted.OF_THIS_SPECIMEN) == figure_named(name)
    assert figure_named("capacity of this specimen") == "capacity"
