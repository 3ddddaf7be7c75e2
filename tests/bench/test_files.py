"""Station and pack files: every way to be wrong is one sentence, and nothing in a file can do more than be wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench import files, pack, station
from bench.pack import at_temperature, load_pack
from bench.station import load_station
from bench.verdicts import InputError

WriteFile = Callable[[str, str], Path]

quiet = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(load: Callable[[str], object], path: Path) -> str:
    """The sentence that a file is refused with."""
    with pytest.raises(InputError) as caught:
        load(str(path))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", ".)"))
    return text


# --- shipped files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(file.stem for file in station.SHIPPED.glob("*.yaml")))
def test_every_shipped_station_loads_under_its_own_name_with_packs_that_exist(name: str) -> None:
    loaded, path = load_station(name)
    assert (loaded.name, path.stem) == (name, name)
    assert loaded.packs
    for member in loaded.packs:
        assert load_pack(member)[0].voltage_max <= loaded.wiring.voltage


@pytest.mark.parametrize("name", sorted(file.stem for file in pack.SHIPPED.glob("*.yaml")))
def test_every_shipped_pack_loads_under_its_own_name(name: str) -> None:
    loaded, path = load_pack(name)
    assert (loaded.name, path.stem) == (name, name)


def test_four_chemistries_are_shipped() -> None:
    chemistries = {load_pack(file.stem)[0].chemistry for file in pack.SHIPPED.glob("*.yaml")}
    assert chemistries == {"LFP", "NMC811", "LNMO", "Li-metal"}


# --- finding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("virtual-modul", "did you mean 'virtual-module'"),
        ("zzz", "allowed: served-module, served-pack, virtual-home, virtual-module, virtual-pack"),
        ("nowhere.yaml", "there is no such file"),
        ("../stations/virtual-module", "neither a file nor a shipped name"),
        ("", "neither a file nor a shipped name"),
        ("\0", "neither a file nor a shipped name"),
        ("x" * 5000, "neither a file nor a shipped name"),
        ("x" * 5000 + ".yaml", "there is no such file"),
    ],
)
def test_a_station_that_is_not_there(name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_station(name)
    assert says in str(caught.value)


def test_a_folder_is_no_station(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    assert "there is no such file" in refused(load_station, tmp_path / "folder.yaml")


# --- one sentence with file, line, key, found, allowed, nearest -------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("wiring:", "wirring:", 9, "wirring", "did you mean 'wiring'?"),
        ("schema: 1", "shema: 1", 1, "shema", "did you mean 'schema'?"),
        ("schema: 1", "schema: 7", 1, "schema", "found 7; allowed: 1"),
        ("schema: 1\n", "", 1, "schema", "required and missing"),
        ("name: little", "name: a little bench", 2, "name", "a little bench"),
        ("clock: wall", "clock: wal", 3, "clock", "did you mean 'wall'?"),
        ("clock: wall", "clock: virtual", 1, "the file", "virtual needs a virtual section"),
        ("[chamber]", "[chambre]", 6, "instruments.chamber.roles.0", "did you mean 'chamber'?"),
        ("[chamber]", "[]", 6, "instruments.chamber.roles", "at least 1"),
        ("[chamber]", "[bms]", 4, "instruments", "role bms is played by chamber and bms; one is allowed"),
        ("[source, sink]", "[source, snk]", 5, "instruments.supply.roles.1", "no such role; did you mean 'sink'"),
        ("resource: plant, roles: [bms]", "roles: [bms]", 8, "instruments.bms", "either a resource"),
        (", roles: [bms]", ", can: {channel: x}, roles: [bms]", 8, "instruments.bms", "not both"),
        ("resource: plant, roles: [bms]", "resorce: plant, roles: [bms]", 8, "instruments.bms.resorce", "'resource'"),
        ("{voltage: 40", "{voltage: forty", 9, "wiring.voltage", "found 'forty', should be a valid number"),
        ("{voltage: 40", "{voltage: -40", 9, "wiring.voltage", "found -40, should be greater than 0"),
        ("{voltage: 40", "{voltage: .nan", 9, "wiring.voltage", "finite number"),
        ("{voltage: 40", "{voltage: .inf", 9, "wiring.voltage", "finite number"),
        ("{voltage: 40", "{voltage: [40]", 9, "wiring.voltage", "found [40], should be a valid number"),
        ("{voltage: 40, current: 6}", "5", 9, "wiring", "found 5"),
        ("wiring: {voltage: 40", "wiring: {voltage: 40, voltage: 400", 9, "voltage", "given twice"),
        ("wiring: {voltage: 40", 'wiring: {voltage: 40, "voltage": 400', 9, "voltage", "given twice"),
        ("wiring: {voltage: 40", "wiring: {1: 40, 1.0: 400", 9, "1.0", "given twice"),
        ("clock: wall", "clock: wall\nscan_period: 0", 4, "scan_period", "greater than 0"),
    ],
)
def test_a_mistake_in_a_station_file_is_named_where_it_is(
    write: WriteFile, station_text: str, old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in station_text
    path = write("mine.yaml", station_text.replace(old, new, 1))
    text = refused(load_station, path)
    assert text.startswith(f"{path}, line {line}, key {key}: ")
    assert says in text


STEPS = "{temperature: [0, 20], soc: [0, 0.5], c_rate: [[0.2, 0.1], [0.5]]}"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("chemistry: LFP", "chemistry: LPF", 3, "chemistry", "found 'LPF'; did you mean 'LFP'?"),
        ("chemistry: LFP", "chemistry: unobtainium", 3, "chemistry", "allowed: LFP, LNMO, Li-metal, NMC811"),
        ("series: 4", "series: 4.5", 5, "series", "found 4.5"),
        ("series: 4", "series: 0", 5, "series", "greater than 0"),
        ("series: 4", f"series: 0x{'f' * 9000}", 5, "series", "found a number of more than"),
        ("min: 3.05, max: 3.45", "min: 3.45, max: 3.05", 8, "limits.cell_voltage", "must lie below"),
        ("max: 3.45", "maxi: 3.45", 8, "limits.cell_voltage.maxi", "did you mean 'max'?"),
        ("min: 3.05, max: 3.45", "min: .nan, max: .nan", 8, "limits.cell_voltage.min", "finite number"),
        ("series: 4", f"series: 4\nbms: {{charge_limit: {STEPS}}}", 6, "bms.charge_limit", "c_rate is not a row of 2"),
        ("series: 4", "series: 4\nbms: {charge_limits: {}}", 6, "bms.charge_limits", "did you mean 'charge_limit'?"),
        ("{25: 0.9}", "{}", 14, "requirements.capacity_c3", "at least one temperature"),
        ("{25: 0.9}", "{warm: 0.9}", 14, "requirements.capacity_c3.warm", "found 'warm'"),
    ],
)
def test_a_mistake_in_a_pack_file_is_named_where_it_is(
    write: WriteFile, pack_text: str, old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in pack_text
    path = write("mine.yaml", pack_text.replace(old, new, 1))
    text = refused(load_pack, path)
    assert text.startswith(f"{path}, line {line}, key {key}")
    assert says in text


def test_the_number_of_other_mistakes_is_told(write: WriteFile, station_text: str) -> None:
    text = station_text.replace("wiring: {voltage: 40, current: 6}", "wiring: {voltage: 0, current: 0}")
    assert "(1 more after this one.)" in refused(load_station, write("mine.yaml", text))


SAFE = "safe_state: {bus_meter: supply}"
GOOD = ["sink off", "source off", "current gone", "contactor open", "bus discharged", "chamber to rest"]


def ordered(*steps: str) -> str:
    return f"safe_state:\n  bus_meter: supply\n  order: [{', '.join(steps)}]"


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        (ordered(*GOOD[:3], *GOOD[4:]), 12, "'contactor open' is missing; a safe state has sink off, source off, "),
        (ordered(*GOOD, "sink off"), 12, "'sink off' is given twice"),
        (ordered(*GOOD[:2], "contactor open", "current gone", *GOOD[4:]), 12,
         "'contactor open' comes before 'current gone', so that the contactor would open under load; put it after"),
        (ordered("chamber to rest", *GOOD[:5]), 12, "'chamber to rest' comes before 'sink off'"),
        (ordered(*GOOD[:3], "bus discharged", "contactor open", GOOD[5]), 12, "the pack itself still holds the bus up"),
        (ordered("contactor opened", *GOOD[:3], *GOOD[4:]), 12, "did you mean 'contactor open'?"),
        (ordered(*GOOD[:5], "emulator off", GOOD[5]), 12, "found 'emulator off', is no step of this station"),
        ("safe_state: {bus_meter: suply}", 10, "found 'suply', no source or sink .* did you mean 'supply'"),
        ("safe_state: {bus_meter: bms}", 10, "safe_state.bus_meter: found 'bms', no source or sink .* allowed: supply"),
        ("safe_state: {bus_voltage: 75}", 10, "less than or equal to 60"),
        ("safe_state: {curent: 1}", 10, "unknown key; did you mean 'current'?"),
    ],
)  # fmt: skip
def test_a_safe_state_that_is_not_safe_is_refused_where_it_is_written(
    write: WriteFile, station_text: str, section: str, line: int, says: str
) -> None:
    assert SAFE in station_text
    path = write("mine.yaml", station_text.replace(SAFE, section))
    text = refused(load_station, path)
    assert f"line {line}, key safe_state" in text
    assert re.search(says, text), text


def test_a_station_with_an_emulator_must_switch_it_off(write: WriteFile) -> None:
    text = (station.SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8")
    text = text.replace("safe_state:\n", f"safe_state:\n  order: [{', '.join(GOOD)}]\n")
    said = refused(load_station, write("mine.yaml", text))
    assert "'emulator off' is missing; a safe state has sink off, " in said


def test_source_and_sink_may_be_switched_off_in_either_order(write: WriteFile, station_text: str) -> None:
    path = write("mine.yaml", station_text.replace(SAFE, ordered("source off", "sink off", *GOOD[2:])))
    assert load_station(str(path))[0].safe_order[:2] == ("source off", "sink off")


def test_without_a_word_the_order_is_that_of_the_roles(write: WriteFile, station_text: str) -> None:
    assert list(load_station(str(write("mine.yaml", station_text)))[0].safe_order) == GOOD
    assert list(load_station("virtual-module")[0].safe_order) == [*GOOD[:5], "emulator off", GOOD[5]]


def test_a_simulator_behind_no_instrument_is_refused_with_the_nearest_one(write: WriteFile, station_text: str) -> None:
    text = station_text.replace("clock: wall", "clock: virtual\nvirtual: {simulators: {suply: {}}}")
    assert "did you mean 'supply'?" in refused(load_station, write("mine.yaml", text))


# --- anything at all --------------------------------------------------------------------------------------------------


def load_bytes(path: Path, content: bytes) -> None:
    """Both loaders either take the bytes or refuse them in one sentence."""
    path.write_bytes(content)
    for load in (load_station, load_pack):
        refused(load, path)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@quiet
@given(content=st.binary(max_size=200))
@example(content=b"")
@example(content=b"\xff\xfe\x00")
@example(content=b"\x00")
@example(content=b"a: b: c")
@example(content=b"- 1\n- 2")
@example(content=b"--- 1\n--- 2\n")
@example(content=b"[" * 500)
@example(content=b"a: !!int ''")
@example(content=b"a: !!bool maybe")
@example(content=b"a: !!timestamp soon")
@example(content=b"a: 2001-99-99")
@example(content=b"a: !!python/object/apply:os.system ['true']")
@example(content=b"? [a, b]\n: 1\n? {a: b}\n: 2\n")
@example(content=b"&a [*a]")
@example(content=b"schema: &a {x: *a}")
@example(content=b"<<: &a {<<: *a}")
@example(content=b"schema: *nobody")
@example(content=b"a: " + b"9" * 10_000)
@example(content=b"a: 1" + b":1" * 2_000 + b".5")
def test_any_bytes_are_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    load_bytes(tmp_path / "any.yaml", content)


@quiet
@given(key=st.sampled_from(["instruments", "wiring", "virtual", "chamber", "packs", "lease", "name"]), value=NESTED)
def test_any_value_of_a_key_of_a_station_is_taken_or_refused_in_one_sentence(
    tmp_path: Path, station_text: str, key: str, value: object
) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(station_text) | {key: value}), encoding="utf-8")
    try:
        load_station(str(path))
    except InputError:
        refused(load_station, path)


LAST = 25
ALIASES = "\n".join(
    f"{'schema' if i == LAST else f'x{i}'}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, LAST + 1)
)
MERGES = "\n".join([f"x{i}: &x{i}\n  <<: [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 26)])


@pytest.mark.parametrize("bomb", ["x0: &x0 [1]\n" + ALIASES, "x0: &x0 {a: 1}\n" + MERGES], ids=["aliases", "merges"])
def test_a_file_that_unfolds_into_more_than_was_written_is_refused(write: WriteFile, bomb: str) -> None:
    assert "unfold" in refused(load_station, write("bomb.yaml", bomb))


def test_a_file_that_is_not_there_is_answered_with_the_one_beside_it(write: WriteFile, station_text: str) -> None:
    path = write("station.yaml", station_text)
    text = refused(load_station, path.with_name("sation.yml"))
    assert f"there is no such file; did you mean {str(path)!r}?" in text


def test_a_file_that_is_there_is_not_said_not_to_be_one(write: WriteFile, station_text: str) -> None:
    assert "its name must end in .yaml" in refused(load_station, write("station.txt", station_text))


def test_an_anchor_saves_writing(write: WriteFile, station_text: str) -> None:
    text = station_text.replace("resource: plant", "resource: &there plant", 1).replace(
        "resource: plant", "resource: *there"
    )
    loaded, _ = load_station(str(write("mine.yaml", text)))
    assert {entry.resource for entry in loaded.instruments.values()} == {"plant"}


def test_a_merged_mapping_is_overridden_by_what_stands_beside_it(write: WriteFile, station_text: str) -> None:
    """`<<` is no key of its own, and a key that hides one of it is not given twice."""
    text = station_text.replace("wiring: {", "wiring: &all {", 1) + "virtual: {<<: *all}\n"
    assert "key virtual.voltage: unknown key" in refused(load_station, write("mine.yaml", text))
    merged = station_text.replace("wiring: {voltage: 40", "wiring: {<<: {voltage: 7}, voltage: 40", 1)
    loaded, _ = load_station(str(write("merged.yaml", merged)))
    assert loaded.wiring.voltage == 40


def test_a_file_of_the_wrong_kind_is_not_read_to_its_end(write: WriteFile) -> None:
    text = refused(load_station, write("movie.yaml", "x" * (files.LARGEST_FILE + 1)))
    assert "too large for a bench file" in text


def test_text_that_is_not_utf_8_is_told_how_to_become_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("description: Prüfstand".encode("latin-1"))
    assert "save it as UTF-8" in refused(load_station, path)


def test_a_fingerprint_changes_with_the_file(write: WriteFile, station_text: str) -> None:
    first = files.fingerprint(write("mine.yaml", station_text))
    assert first == files.fingerprint(write("same.yaml", station_text))
    assert first != files.fingerprint(write("other.yaml", station_text + "# a remark\n"))


# --- tables by temperature --------------------------------------------------------------------------------------------


def test_a_table_is_linear_between_its_points_and_flat_outside() -> None:
    table = {25.0: 1.0, -10.0: 0.3, 0.0: 0.5}
    read = {t: at_temperature(table, t) for t in (-40.0, -10.0, -5.0, 0.0, 12.5, 25.0, 60.0)}
    assert read == pytest.approx({-40: 0.3, -10: 0.3, -5: 0.4, 0: 0.5, 12.5: 0.75, 25: 1.0, 60: 1.0})


@given(
    table=st.dictionaries(st.floats(-60, 120), st.floats(-1e3, 1e3), min_size=1, max_size=6),
    temperature=st.floats(-100, 200),
)
def test_a_table_never_leaves_the_range_of_its_values(table: dict[float, float], temperature: float) -> None:
    value = at_temperature(table, temperature)
    assert min(table.values()) - 1e-9 <= value <= max(table.values()) + 1e-9
    for point, expected in table.items():
        assert at_temperature(table, point) == pytest.approx(expected)
