"""What a pack file requires: how it may be written, how it may not, and that yesterday's files mean what they meant."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.pack import SHIPPED, PackFile, load_pack
from bench.requirements import at_temperature, limit_at, unstated
from bench.verdicts import InputError
from tests.bench.cli_support import ROOT
from tests.bench.conftest import WriteFile

HEAD = """\
schema: 2
name: four
chemistry: LFP
cell: lfp-26650
series: 4
rated_capacity: 2
limits:
  cell_voltage: {min: 3.05, max: 3.45}
  charge_temperature: {min: -10, max: 50}
  discharge_temperature: {min: -20, max: 50}
  charge_current: 4
  discharge_current: 5
"""
REQUIRED = """\
requirements:
  discharge capacity:
    C/3: {25: 1.8, -10: 1.5}
    1C: 1.7
  dc resistance 10 s: {25: 1}
  temperature rise: 1e1
"""


def load(path: Path, text: str) -> PackFile:
    path.write_text(text, encoding="utf-8")
    return load_pack(str(path))[0]


def test_a_limit_is_a_number_or_a_table_under_a_condition_or_under_any(tmp_path: Path) -> None:
    found = load(tmp_path / "pack.yaml", HEAD + REQUIRED).requirements
    assert list(found["discharge capacity"]["C/3"]) == [-10.0, 25.0], "from cold to warm, however it was written"
    assert found == {
        "discharge capacity": {"C/3": {-10.0: 1.5, 25.0: 1.8}, "1C": {25.0: 1.7}},
        "dc resistance 10 s": {"": {25.0: 1.0}},
        "temperature rise": {"": {25.0: 10.0}},
    }


@pytest.mark.parametrize("again", ["25.0", '"25.0"', "2.5e+1"])
def test_a_temperature_written_twice_is_refused_however_it_is_written(tmp_path: Path, again: str) -> None:
    """By the value that is kept the guard explains heat: which of the two would be a matter of luck."""
    text = f"{HEAD}  resistance: {{25: 0.5, {again}: 5}}\n{REQUIRED}"
    with pytest.raises(InputError, match=r"pack\.yaml, line 13, key .*given twice"):
        load(tmp_path / "pack.yaml", text)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("{25: 1}", "{}", 17, "dc resistance 10 s", "found {}, needs at least one temperature"),
        ("{25: 1}", "[1]", 17, "dc resistance 10 s", "found [1], should be a number, or numbers by temperature"),
        ("{25: 1}", "yes", 17, "dc resistance 10 s", "found True, should be a number"),
        ("{25: 1}", ".nan", 17, "dc resistance 10 s", "found nan, should be a number"),
        ("{25: 1}", f"1{'0' * 400}", 17, "dc resistance 10 s", "should be a number"),
        ("{25: 1}", "{25: one}", 17, "dc resistance 10 s.25", "found 'one', should be a number"),
        ("{25: 1}", "{25: 1, '25.0': 2}", 17, "dc resistance 10 s.25.0", "is a temperature that is given twice"),
        ("{25: 1}", "{25: 1, cold: 2}", 17, "dc resistance 10 s.cold", "stands beside temperatures"),
        ("{25: 1}", "{at_most: 1}", 17, "dc resistance 10 s.at_most", "the KPI says on which side of it is good"),
        ("{25: 1}", "{min: 1, max: 2}", 17, "dc resistance 10 s.min", "a requirement is one limit"),
        ("{25: 1}", "{25: null}", 17, "dc resistance 10 s", "requires nothing at any temperature; give one a limit"),
        ("1C: 1.7", "1C: null", 16, "discharge capacity.1C", "should be a number"),
        ("1C: 1.7", "1C: {}", 16, "discharge capacity.1C", "needs at least one temperature"),
        ("1C: 1.7", "1C: {warm: 1}", 16, "discharge capacity.1C.warm", "found 'warm', should be a temperature"),
        ("1C: 1.7", "1C: {25: {50: 1}}", 16, "discharge capacity.1C.25", "should be a number"),
        ("temperature rise: 1e1", "5: 1", 18, "5", "found 5, a requirement begins with the key of a KPI"),
        (REQUIRED, "requirements: 5\n", 13, "requirements", "found 5, needs the keys of KPIs, each with its limit"),
        (REQUIRED, "", 7, "limits.resistance", "cannot be told from heat from outside; give the largest resistance"),
        ("10 s: {25: 1}", "10 s: {warm: 1}", 7, "limits.resistance", "or require 'dc resistance 10 s'"),
    ],
)
def test_a_requirement_that_is_none_is_named_where_it_is(
    write: WriteFile, old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in HEAD + REQUIRED
    path = write("mine.yaml", (HEAD + REQUIRED).replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        load_pack(str(path))
    text = str(refused.value)
    assert text.startswith(f"{path}, line {line}, key ")
    assert f"{key}: " in text
    assert says in text
    assert "\n" not in text


def test_a_pack_of_which_nothing_is_required_says_its_resistance_itself(tmp_path: Path) -> None:
    free = load(tmp_path / "pack.yaml", HEAD + "  resistance: {25: 0.5}\n")
    assert free.requirements == {}
    assert free.resistance == {25.0: 0.5}


def test_what_the_pack_says_of_its_resistance_counts_before_what_is_required(tmp_path: Path) -> None:
    assert load(tmp_path / "one.yaml", HEAD + REQUIRED).resistance == {25.0: 1.0}
    assert load(tmp_path / "two.yaml", HEAD + "  resistance: {25: 0.5}\n" + REQUIRED).resistance == {25.0: 0.5}


def test_a_requirement_without_a_limit_in_the_cold_explains_heat_by_those_that_it_has(tmp_path: Path) -> None:
    pack = load(tmp_path / "pack.yaml", HEAD + REQUIRED.replace("{25: 1}", "{-10: null, 25: 1}"))
    assert pack.requirements["dc resistance 10 s"] == {"": {-10.0: None, 25.0: 1.0}}
    assert pack.resistance == {25.0: 1.0}


@pytest.mark.parametrize(
    ("temperature", "limit"),
    [(-30, None), (-10, None), (0, 1.0), (-1.9, 1.0), (-2.1, None), (12.5, 2.0), (25, 3.0), (26, 3.0), (28, None),
     (45, None), (50, None)],
)  # fmt: skip
def test_where_nobody_states_a_limit_there_is_none(temperature: float, limit: float | None) -> None:
    """Between two limits is what lies between them; beside none, each holds as far as a chamber may be off."""
    assert limit_at({-10.0: None, 0.0: 1.0, 25.0: 3.0, 45.0: None}, temperature) == limit


@pytest.mark.parametrize(
    ("temperature", "limit", "says"),
    [
        (-13, None, "it is required at -10 to 25 °C, and nobody says what at -13 °C"),
        (-12, 1.0, ""),  # as far as a chamber may be off
        (7.5, 2.0, ""),
        (27, 3.0, ""),
        (27.5, None, "it is required at -10 to 25 °C, and nobody says what at 27.5 °C"),
    ],
)
def test_what_is_required_beyond_the_last_temperature_nobody_has_said(
    temperature: float, limit: float | None, says: str
) -> None:
    table = {-10.0: 1.0, 25.0: 3.0}
    assert (limit_at(table, temperature), unstated(table, temperature)) == (limit, says)


@pytest.mark.parametrize(
    ("table", "temperature", "limit"),
    [({25.0: 1.0}, -30, 1.0), ({-10.0: None, 25.0: 3.0}, -30, None), ({0.0: 1.0, 10.0: None, 25.0: 3.0}, 10, None)],
)
def test_one_limit_holds_at_any_temperature_and_null_says_that_there_is_none(
    table: dict[float, float | None], temperature: float, limit: float | None
) -> None:
    """Null at the end of a table holds beyond it: whoever ended it has said that nobody limits anything there."""
    assert (limit_at(table, temperature), unstated(table, temperature)) == (limit, "")


@given(
    table=st.dictionaries(st.floats(-40, 60), st.none() | st.floats(-1e6, 1e6), min_size=1),
    temperature=st.floats(-60, 80),
)
def test_a_limit_lies_between_those_that_are_stated(table: dict[float, float | None], temperature: float) -> None:
    found, stated = limit_at(table, temperature), [each for each in table.values() if each is not None]
    if len(stated) == len(table) and min(table) <= temperature <= max(table):
        assert found == pytest.approx(at_temperature({t: v for t, v in table.items() if v is not None}, temperature))
    if found is not None:
        room = 1e-6 * max(map(abs, stated))
        assert min(stated) - room <= found <= max(stated) + room
    if temperature in table:
        assert found == (None if table[temperature] is None else pytest.approx(table[temperature]))


def test_a_file_of_yesterday_means_what_it_meant(write: WriteFile, pack_text: str) -> None:
    """Fractions of the rated 2 Ah become Ah, hours and minutes s, fractions %."""
    assert pack_text.startswith("schema: 1")
    text = pack_text.replace("capacity_1c: {25: 0.9}", "capacity_1c: {25: 0.8, 0: 0.5}")
    found = load_pack(str(write("pack.yaml", text)))[0]
    assert found.requirements == {
        "discharge capacity": {"C/3": {25.0: 1.8}, "1C": {0.0: 1.0, 25.0: 1.6}},
        "energy round-trip efficiency": {"": {25.0: 90.0}},
        "duration": {"charge at C/3": {25.0: 14400.0}, "charge at 1C": {25.0: 7200.0}},
        "charge time 10 to 80 %": {"": {25.0: 2700.0}},
        "dc resistance 10 s": {"": {25.0: 1.0}},
        "temperature rise": {"": {25.0: 10.0}},
        "cell spread at end": {"": {25.0: 0.1}},
    }
    assert found.resistance == {25.0: 1.0}
    assert (found.name, found.series, found.limits.charge_current) == ("four", 4, 4.0)


def test_a_file_of_yesterday_with_a_mistake_is_still_told_where_it_is(write: WriteFile, pack_text: str) -> None:
    path = write("pack.yaml", pack_text.replace("dc_resistance", "dc_resistence"))
    with pytest.raises(InputError, match=r"line \d+, key requirements.dc_resistence: .* did you mean 'dc_resistance'"):
        load_pack(str(path))


@pytest.mark.parametrize("version", ["3", "[1]", "'2'"])
def test_a_file_of_tomorrow_is_refused(write: WriteFile, version: str) -> None:
    path = write("pack.yaml", HEAD.replace("schema: 2", f"schema: {version}") + REQUIRED)
    with pytest.raises(InputError, match=r"line 1, key schema: found .*1, 2"):
        load_pack(str(path))


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_packs_are_written_as_today(file: Path) -> None:
    pack = load_pack(file.stem)[0]
    assert pack.schema_version == 2
    assert set(pack.requirements["discharge capacity"]) == {"C/3", "1C"}


EXAMPLE = ROOT / "examples" / "insulation_bench" / "src" / "insulation_bench" / "files" / "lfp-24s-insulated.yaml"


@pytest.mark.parametrize("file", [*sorted(SHIPPED.glob("*.yaml")), EXAMPLE], ids=lambda file: file.stem)
def test_every_limit_of_a_shipped_pack_says_where_it_comes_from(file: Path) -> None:
    pack = load_pack(str(file))[0]
    unsourced = [name for name in pack.limits.model_fields_set if not pack.sources.get(f"limits.{name}", "").strip()]
    unsourced += [
        f"{key} {condition}" for key, conditions in pack.requirements.items() for condition in conditions
        if not pack.source_of(key, condition).strip()
    ]  # fmt: skip
    assert unsourced == []
    assert "resistance" in pack.limits.model_fields_set, "a requirement as wide as its source explains any heat"


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["C/3", "1e-3", "min"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requirements=TREES)
def test_anything_that_is_required_is_taken_as_numbers_or_refused_in_one_sentence(
    tmp_path: Path, requirements: object
) -> None:
    head = {**yaml.safe_load(HEAD), "requirements": requirements}
    head["limits"]["resistance"] = {25: 1}
    said, found = "", None
    try:
        found = load(tmp_path / "any.yaml", yaml.safe_dump(head))
    except InputError as error:
        said = str(error)
    assert (found is None) is (said.endswith((".", ".)")) and "\n" not in said)
    for conditions in found.requirements.values() if found else ():
        assert conditions
        for table in conditions.values():
            assert table
            assert list(table) == sorted(table)
