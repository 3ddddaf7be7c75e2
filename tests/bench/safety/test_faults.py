"""The fault catalogue: one vocabulary, and nobody who speaks of a fault by another name."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bench
import packbench
from bench.pack import load_pack
from bench.safety.faults import catalogue, fault, load_catalogue
from bench.safety.guard import Limit
from bench.safety.limits import limits_for
from bench.station import load_station
from bench.verdicts import (
    BenchFault,
    BenchInUse,
    Blame,
    Inconclusive,
    InputError,
    PackFailure,
    TestError,
    blame_of,
    fault_of,
)
from instruments.roles import InstrumentFault, SetPointRejected
from instruments.virtual.defects.vocabulary import shipped_kinds

WriteFile = Callable[[str, str], Path]

MINIMAL = """\
schema: 1
faults:
  too-hot:
    name: too hot
    meaning: It burns.
    detection: A sensor.
    layer: guard
    action: trip
    blame: pack
"""


def shipped_limits() -> list[Limit]:
    """Every limit of every shipped pack on the station it is for."""
    found: list[Limit] = []
    for name in ("virtual-module", "virtual-pack", "virtual-wallbox"):
        station = load_station(name)[0]
        for pack in station.packs:
            found += limits_for(load_pack(pack)[0], station)
    return found


def code() -> Iterator[Path]:
    """The files of all who notice a fault: the bench, and who makes runs on it."""
    for package in (bench, packbench):
        yield from Path(package.__file__ or "").parent.rglob("*.py")


def named_in_code() -> Iterator[str]:
    """Every string constant that could be an id: lower case words joined by hyphens."""
    for path in code():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


# --- the shipped catalogue --------------------------------------------------------------------------------------------


def test_every_limit_is_one_of_the_faults_that_the_guard_detects() -> None:
    for limit in shipped_limits():
        assert fault(limit.fault).layer == "guard", limit.fault


def test_every_fault_that_the_guard_detects_has_a_limit() -> None:
    limited = {limit.fault for limit in shipped_limits()}
    of_the_guard = {fault_id for fault_id, entry in catalogue().items() if entry.layer == "guard"}
    # A value that is missing is detected by whatever limit needs it.
    assert of_the_guard - limited == {"value-missing"}


def test_every_fault_is_named_where_it_is_noticed() -> None:
    assert set(catalogue()) - set(named_in_code()) == set()


def raised_in_code() -> Iterator[tuple[str, ast.Call]]:
    """Every place that makes a `BenchFault`, with its file and line."""
    for path in code():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BenchFault":
                yield f"{path.name}:{node.lineno}", node


def test_every_bench_fault_that_is_raised_has_an_entry_of_its_own() -> None:
    found = dict(raised_in_code())
    assert len(found) > 10
    assert [place for place, call in found.items() if len(call.args) + len(call.keywords) < 2] == []
    literal = {call.args[1].value for call in found.values() if isinstance(call.args[1], ast.Constant)}
    assert literal <= set(catalogue())
    assert "bench-fault" not in literal


def test_the_guard_only_warns_holds_or_trips() -> None:
    actions = {entry.action for entry in catalogue().values() if entry.layer == "guard"}
    assert actions == {"warn", "hold", "trip"}


TRAITS = {
    "bms-unasked",
    "saturated-limits",
    "charger-charge-unknown",
    "charger-charge-jumps",
    "grid-frequency",
    "grid-voltage",
}
"""What a real node does and nothing is wrong with: a bench that works with it finds nothing."""


def test_every_defect_that_can_be_seeded_is_a_fault_and_the_other_way_round() -> None:
    seeded = {defect for entry in catalogue().values() for defect in entry.defects}
    assert seeded == set(shipped_kinds()) - TRAITS


def test_somebody_is_to_blame_for_everything_and_everybody_for_something() -> None:
    assert {entry.blame for entry in catalogue().values()} == set(get_args(Blame))


def test_names_of_limits_are_distinct_on_each_station() -> None:
    for name in ("virtual-module", "virtual-pack"):
        station = load_station(name)[0]
        names = [limit.name for limit in limits_for(load_pack(station.packs[0])[0], station)]
        assert len(names) == len(set(names))


def test_sentences_are_sentences() -> None:
    for fault_id, entry in catalogue().items():
        for sentence in (entry.meaning, entry.detection):
            assert sentence[0].isupper(), fault_id
            assert sentence.endswith("."), fault_id


# --- what is raised ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PackFailure("x", "cell-over-voltage"), "cell-over-voltage"),
        (PackFailure("x"), "requirement-missed"),
        (AssertionError("a test's own"), "requirement-missed"),
        (Inconclusive("near"), "requirement-missed"),
        (BenchFault("x", "chamber-not-settled"), "chamber-not-settled"),
        (BenchFault("x"), "bench-fault"),
        (BenchInUse("x"), "bench-in-use"),
        (InstrumentFault("no answer"), "instrument-fault"),
        (SetPointRejected("too much"), "instrument-fault"),
        (InputError("no such pack"), "wrong-input"),
        (MemoryError(), "bench-fault"),
        (OSError(28, "No space left on device"), "bench-fault"),
        (ZeroDivisionError(), "test-error"),
        (TestError("x"), "test-error"),
        (TestError("x", "bench-not-open"), "bench-not-open"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_what_is_raised_has_an_entry_that_blames_the_same(error: BaseException, expected: str) -> None:
    assert fault_of(error) == expected
    assert fault(expected).blame == blame_of(error)[0]


# --- the loader -------------------------------------------------------------------------------------------------------


def test_a_catalogue_is_read_in_its_order(write: WriteFile) -> None:
    second = MINIMAL[MINIMAL.index("  too-hot") :].replace("too-hot", "too-cold").replace("too hot", "too cold")
    assert list(load_catalogue(write("faults.yaml", MINIMAL + second))) == ["too-hot", "too-cold"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("blame: pack", "blame: nobody"),
            "line 9, key faults.too-hot.blame: found 'nobody'; .*bench, charger, manager, operator, pack, test",
        ),
        (("action: trip", "action: tripp"), "did you mean 'trip'"),
        (("layer: guard", "layer: gard"), "did you mean 'guard'"),
        (("    meaning: It burns.\n", ""), "meaning: this key is required and missing"),
        (("meaning", "meanings"), "unknown key; did you mean 'meaning'"),
        (("too-hot:", "Too hot:"), "'Too hot' is no id: write lower case letters, digits and hyphens"),
        (("too-hot:", "Too-hot:"), "'Too-hot' is no id"),
        (("too-hot:", "too_hot:"), "'too_hot' is no id"),
        (("name: too hot", "name: ''"), "name: found ''"),
        (("schema: 1", "schema: 2"), "key schema"),
    ],
)
def test_a_mistake_in_a_catalogue_is_one_sentence(write: WriteFile, change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_catalogue(write("faults.yaml", MINIMAL.replace(*change)))


def test_two_faults_of_one_name_could_not_be_told_apart(write: WriteFile) -> None:
    second = MINIMAL[MINIMAL.index("  too-hot") :].replace("too-hot", "very-hot")
    with pytest.raises(InputError, match="two faults are called 'too hot'"):
        load_catalogue(write("faults.yaml", MINIMAL + second))


def sentence_about(path: Path) -> str:
    """What the loader says of a file, empty when nothing is wrong with it."""
    try:
        load_catalogue(path)
    except InputError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(place=st.integers(0, len(MINIMAL)), removed=st.integers(0, 40), inserted=st.text(max_size=20))
def test_a_damaged_catalogue_is_a_sentence_and_never_a_traceback(
    place: int, removed: int, inserted: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    damaged = MINIMAL[:place] + inserted + MINIMAL[place + removed :]
    path.write_text(damaged, encoding="utf-8", errors="replace", newline="\n")
    assert "\n" not in sentence_about(path)
