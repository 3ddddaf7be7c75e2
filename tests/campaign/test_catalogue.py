"""The campaign's faults: every level and phase is there, and nothing dangerous may be waved through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.safety.faults import GROUP, Fault
from bench.scenario import Rest, Step, elapsed
from bench.verdicts import InputError
from campaign import outcome
from campaign.catalogue import LEVELS, PHASES, Injection, campaign, load_campaign
from campaign.manager import MISBEHAVIOURS
from campaign.victim import ACTIONS
from campaign.wires import MISBEHAVIOURS as ON_WIRES
from tests.bench.conftest import Install

LEAK = """\
schema: 1
faults:
  leak:
    level: physics
    words: a cell leaks
    dangerous: true
    defects: ["self-discharge:7:0.5"]
    expect: ends
    named: [cell-spread]
    blame: pack
    locates: cell 7
"""


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[str], str]:
    """The sentence with which a catalogue is refused."""

    def sentence(text: str) -> str:
        path = tmp_path / "faults.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as refusal:
            load_campaign(path)
        return str(refusal.value)

    return sentence


def test_two_hundred_faults_on_every_level_and_in_every_phase() -> None:
    faults = campaign().values()
    assert len(faults) >= 200
    assert {fault.level for fault in faults} == set(LEVELS)
    assert {phase for fault in faults if not fault.scenario for phase in fault.expectations} == set(PHASES)


@pytest.mark.parametrize(
    ("kind", "least"), [("double", 40), ("intermittent", 20), ("found or left", 15), ("pack fault", 60)]
)
def test_there_are_enough_of_every_kind(kind: str, least: int) -> None:
    assert sum(kind in fault.kinds for fault in campaign().values()) >= least


def test_every_cell_that_is_to_be_named_is_one_that_is_ill() -> None:
    for name, fault in campaign().items():
        cell = fault.locates.removeprefix("cell ")
        if cell != fault.locates:
            assert cell in {defect.split(":")[1] for defect in fault.defects}, name


def test_every_process_is_hit_by_something_that_exists_and_everything_that_exists_is_used() -> None:
    strikes = [strike for fault in campaign().values() for strike in (fault, fault.also) if strike is not None]
    assert {strike.action for strike in strikes if strike.action} == set(ACTIONS)


def test_every_way_in_which_a_manager_can_fail_is_tried() -> None:
    assert {fault.manager for fault in campaign().values()} == {*MISBEHAVIOURS, *ON_WIRES}


@pytest.mark.parametrize(
    ("found", "wrong", "sentence"),
    [
        ("expect: ends", "expect: passes", "a dangerous fault may pass unnoticed only before or after"),
        ("blame: pack", "but: {charge: passes}\n    blame: pack", "a dangerous fault may pass unnoticed only before"),
        ("[cell-spread]", "[cell-spred]", "did you mean 'cell-spread'?"),
        ("    blame: pack\n", "", "needs `named` and `blame`"),
        ("expect: ends", "expect: told", "needs `told`"),
        ("defects:", "action: SIGINT\n    defects:", "says how a fault is injected"),
        ("defects:", "manager: nan\n    defects:", "says how a fault is injected"),
        ('defects: ["self-discharge:7:0.5"]', "manager: nam", "did you mean 'nan'?"),
        ("    locates: cell 7\n", "", "needs `locates`"),
        ("expect:", "also: {after: 1}\n    expect:", "says how a fault is injected"),
        ("expect:", "also: {overdue: load, named: [cell-spred]}\n    expect:", "did you mean 'cell-spread'?"),
    ],
)
def test_an_entry_that_cannot_be_judged_is_refused(
    refused: Callable[[str], str], found: str, wrong: str, sentence: str
) -> None:
    assert found in LEAK
    assert sentence in refused(LEAK.replace(found, wrong))


# --- what another package brings ------------------------------------------------------------------------------------


def own_scenario(_phase: str, _bench: object) -> list[Step]:
    """A scenario of somebody else's: one step, by its name."""
    return [Rest(until=elapsed(minutes=2), name="rest on a bench")]


NO_SCENARIO = 7
OWN = LEAK.replace("expect:", f"scenario: {__name__}:own_scenario\n    phases: [rest on a bench]\n    expect:")


def test_a_step_of_a_scenario_of_its_own_is_a_phase_by_its_name_behind_all_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(OWN.replace("[rest on", "[rest on a bench, teardown, rest on"), encoding="utf-8")
    expected = load_campaign(path)["leak"].expectations
    assert list(expected) == ["teardown", "rest on a bench"]


@pytest.mark.parametrize(
    ("found", "wrong", "sentence"),
    [
        (f"scenario: {__name__}:own_scenario\n    ", "", "'rest on a bench' is no phase; allowed: charge"),
        ("own_scenario", "nowhere", "cannot be imported: module"),
        ("own_scenario", "NO_SCENARIO", "is no function; write package.module:function"),
        (":own_scenario", "", "is no function; write package.module:function"),
        (f"{__name__}:own", "no.such.module:own", "cannot be imported: No module named 'no'"),
        (
            "    phases:",
            "    judge: no.such.module:own\n    phases:",
            "`judge` 'no.such.module:own' cannot be imported",
        ),
        (
            "    phases:",
            f"    judge: {__name__}:NO_SCENARIO\n    phases:",
            "is no function; write package.module:function",
        ),
        (
            "    phases:",
            f"    judge: {__name__}:own_scenario\n    station: served-module\n    phases:",
            "where time is real the test itself has to judge",
        ),
        ("[rest on a bench]", "[judgement]", "a `scenario` of its own has a `judge` of its own"),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(
    refused: Callable[[str], str], found: str, wrong: str, sentence: str
) -> None:
    assert found in OWN
    assert sentence in refused(OWN.replace(found, wrong))


def test_a_station_and_a_pack_of_its_own_lie_beside_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "mine" / "faults.yaml"
    path.parent.mkdir()
    path.write_text(LEAK.replace("expect:", "station: served-mine.yaml\n    pack: packs/a.yml\n    expect:"), "utf-8")
    fault = load_campaign(path)["leak"]
    assert (Path(fault.station), Path(fault.pack)) == (
        path.parent / "served-mine.yaml",
        path.parent / "packs" / "a.yml",
    )
    assert fault.real
    assert load_campaign(tmp_path / "mine")["leak"].station == fault.station


LEAK_TO_CASE = Fault(
    name="leak to the case", meaning="It leaks.", detection="By looking.", layer="guard", action="trip", blame="pack"
)


def test_a_fault_that_another_package_brings_may_be_named(tmp_path: Path, install: Install) -> None:
    install(GROUP, "leak-to-case", f"{__name__}:LEAK_TO_CASE")
    path = tmp_path / "faults.yaml"
    path.write_text(LEAK.replace("[cell-spread]", "[leak-to-case]"), encoding="utf-8")
    assert load_campaign(path)["leak"].named == ("leak-to-case",)
    assert outcome.words("ended", "leak-to-case", "pack", "it leaks")["layer"] == "guard"


def test_nothing_is_expected_of_a_phase_that_has_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(LEAK + "    phases: [charge]\n    but: {teardown: passes}\n", encoding="utf-8")
    assert load_campaign(path)["leak"].expectations == {"charge": "ends", "teardown": "passes"}


def test_the_files_of_a_folder_are_one_catalogue_with_their_own_defaults(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(LEAK, encoding="utf-8")
    brief = "{words: it rests, action: asleep, named: [test-hung], blame: bench, dangerous: false}"
    defaults = "{level: process, station: served-module, expect: ends}"
    text = f"schema: 1\ndefaults: {defaults}\nfaults:\n  asleep: {brief}\n"
    (tmp_path / "process.yaml").write_text(text, encoding="utf-8")
    found = load_campaign(tmp_path)
    assert {name: (fault.group, fault.level) for name, fault in found.items()} == {
        "leak": ("pack", "physics"),
        "asleep": ("process", "process"),
    }


def test_an_id_that_two_files_have_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(LEAK, encoding="utf-8")
    with pytest.raises(InputError, match=r"two\.yaml, key faults\.leak: one\.yaml has a fault of that id already"):
        load_campaign(tmp_path)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, ("pack fault",)),
        ({"defects": ["internal-short:7:1@+1/5"]}, ("intermittent", "pack fault")),
        ({"also": {"defects": ["silent:supply@+1/5"], "after": 1}}, ("double", "intermittent")),
        ({"found": True, "blame": "bench"}, ("found or left",)),
        ({"expect": "warns"}, ()),
    ],
)
def test_a_fault_counts_as_what_it_is(change: dict[str, object], kinds: tuple[str, ...]) -> None:
    leak = {
        "level": "physics", "words": "a cell leaks", "dangerous": True, "defects": ["self-discharge:7:0.5"],
        "expect": "ends", "named": ["cell-spread"], "blame": "pack", "locates": "cell 7",
    }  # fmt: skip
    assert Injection.model_validate(leak | change).kinds == kinds
