"""`packbench check` and `packbench safe` on virtual stations, whole and broken."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.checkup import check, make_safe
from bench.pack import SHIPPED as PACKS
from bench.pack import load_pack
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup
from bench.safety.lease import BenchLease
from bench.station import load_station
from bench.verdicts import BenchInUse, InputError
from tests.bench.cli_support import WriteStation, packbench, packbench_here

TODAY = date(2026, 6, 15)


def setup_of(station: Path | str, pack: str = "lfp-24s", defects: tuple[str, ...] = ()) -> Setup:
    return Setup(*load_station(str(station)), *load_pack(pack), defects=defects)


def kill_chamber(station: dict[str, Any]) -> None:
    """Nobody answers at the chamber's address any more."""
    del station["virtual"]["simulators"]["chamber"]


SILENT_BMS = ("bms-silent:0",)


# --- check --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("station", ["virtual-module", "virtual-pack", "virtual-wallbox"])
def test_a_shipped_station_is_ready(station: str) -> None:
    answer = packbench_here("check", station)
    assert answer.status == 0, answer.err
    assert "Ready: a test can start." in answer.out
    for name, entry in load_station(station)[0].instruments.items():
        row = next(line for line in answer.out.splitlines() if line.strip().startswith(name))
        assert (entry.expect.model or "") in row


@pytest.mark.parametrize(
    ("interface", "says"),
    [
        ({"interface": "socketcn"}, "its CAN bus has an unknown interface 'socketcn'; did you mean 'socketcan'?"),
        ({"interface": None}, "its CAN bus names no interface; allowed: canalystii, "),
        ({"interface": ["packbench"]}, "its CAN bus has an unknown interface ['packbench']; "),
        ({}, "its CAN bus names no interface; allowed: "),
        (
            {"interface": "packbench", "wolrd": "1"},
            "its CAN bus has a key 'wolrd' that the interface 'packbench' does not know; did you mean 'world'?",
        ),
    ],
)
def test_a_can_interface_that_nobody_knows_is_wrong_input_before_anything_is_opened(
    write_station: WriteStation, monkeypatch: pytest.MonkeyPatch, interface: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr(OpenBench, "_reached", lambda _bench: pytest.fail("a link is opened"))
    for name in ("CAN_INTERFACE", "CAN_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    answer = packbench_here(
        "check", write_station(lambda station: station["instruments"]["bms"].update(can={**interface, "channel": "x"}))
    )
    assert answer.status == 2
    assert "instrument bms: " + says in answer.err


def test_a_charger_is_switched_off_and_the_bms_confirms_it() -> None:
    answer = packbench_here("safe", "virtual-wallbox")
    assert answer.status == 0, answer.err
    (row,) = (line for line in answer.out.splitlines() if line.strip().startswith("charger off"))
    assert row.split()[2:5] == ["done", "verified", "bms"]


def test_the_machine_readable_check_says_what_the_table_says() -> None:
    found = json.loads(packbench("check", "--json").out)
    assert found["ready"] is True
    assert [entry["name"] for entry in found["instruments"]] == list(load_station("virtual-module")[0].instruments)
    supply = next(entry for entry in found["instruments"] if entry["name"] == "supply")
    assert "PSB" in supply["identity"]["model"]


def test_protections_are_those_of_the_pack_as_read_back() -> None:
    small = check(setup_of("virtual-module", "lfp-24s"), TODAY).protections["supply"].over_voltage
    large = check(setup_of("virtual-module", "lnmo-24s"), TODAY).protections["supply"].over_voltage
    assert small == pytest.approx(24 * 3.6 * 1.05, rel=1e-3)
    assert large is not None
    assert large > small


def test_a_dead_instrument_hides_none_of_the_others(write_station: WriteStation) -> None:
    answer = packbench_here("check", write_station(kill_chamber), "--json")
    found = json.loads(answer.out)
    assert answer.status == 3
    assert found["ready"] is False
    silent = [entry["name"] for entry in found["instruments"] if entry["identity"] is None]
    assert silent == ["chamber"]
    assert [entry["name"] for entry in found["instruments"] if entry["problems"]] == ["chamber"]


def test_the_wrong_instrument_is_named_with_what_was_expected(write_station: WriteStation) -> None:
    def expect_another(station: dict[str, Any]) -> None:
        station["instruments"]["load"]["expect"] = {"model": "63210A"}

    answer = packbench_here("check", write_station(expect_another))
    assert answer.status == 3
    assert "FAULT    load: " in answer.out
    assert "'63210A'" in answer.out
    assert "Not ready." in answer.out


def test_a_bms_that_never_sends_is_a_fault() -> None:
    found = check(setup_of("virtual-module", defects=SILENT_BMS), TODAY)
    (bms,) = [entry for entry in found.instruments if entry.problems]
    assert bms.name == "bms"
    assert "never" in bms.problems[0]


@pytest.mark.parametrize(
    ("days", "problems", "warnings", "words"),
    [
        (-1, 1, 0, "its readings prove nothing until it is renewed"), (0, 0, 1, "0 days are left to renew it."),
        (1, 0, 1, "1 day is left to renew it."), (30, 0, 1, "30 days are left"), (31, 0, 0, ""), (400, 0, 0, ""),
    ],
)  # fmt: skip
def test_calibration_overdue_is_a_fault_and_a_month_ahead_a_warning(
    write_station: WriteStation, days: int, problems: int, warnings: int, words: str
) -> None:
    def due(station: dict[str, Any]) -> None:
        station["instruments"]["supply"]["calibration_due"] = TODAY + timedelta(days=days)

    found = check(setup_of(write_station(due)), TODAY)
    supply = next(entry for entry in found.instruments if entry.name == "supply")
    assert (len(supply.problems), len(supply.warnings)) == (problems, warnings)
    assert found.ready is (problems == 0)
    assert words in " ".join((*supply.problems, *supply.warnings))


def test_a_warning_is_shown_and_does_not_stop_the_bench(write_station: WriteStation) -> None:
    soon = datetime.now(UTC).date() + timedelta(days=10)

    def due(station: dict[str, Any]) -> None:
        station["instruments"]["supply"]["calibration_due"] = soon

    answer = packbench_here("check", write_station(due))
    assert answer.status == 0
    assert f"WARNING  supply: Its calibration runs out on {soon}" in answer.out


def test_the_order_of_the_safe_state_is_shown_and_what_cannot_be_verified(write_station: WriteStation) -> None:
    order = "sink off, source off, current gone, contactor open, bus discharged, emulator off, chamber to rest"
    shipped = packbench_here("check", "virtual-module")
    assert f"Safe state: {order}." in shipped.out
    assert "UNKNOWN" not in shipped.out
    blind = write_station(lambda station: station.pop("safe_state"))
    answer = packbench_here("check", blind)
    assert answer.status == 0, answer.err
    assert "UNKNOWN  bus discharged: not measurable here: the station file names no bus_meter" in answer.out
    assert list(json.loads(packbench_here("check", blind, "--json").out)["unverifiable"]) == ["bus discharged"]


def test_a_pack_that_the_wiring_cannot_carry_is_wrong_input(write_station: WriteStation) -> None:
    station = write_station(lambda station: station["wiring"].update(voltage=60))
    answer = packbench_here("check", station)
    assert answer.status == 2
    assert "86.4 V" in answer.err
    assert "60 V" in answer.err


def test_a_pack_with_fewer_cells_than_the_emulator_has_channels_is_a_fault(tmp_path: Path) -> None:
    pack = (PACKS / "lfp-24s.yaml").read_text(encoding="utf-8").replace("series: 24", "series: 12")
    (tmp_path / "small.yaml").write_text(pack, encoding="utf-8")
    found = check(setup_of("virtual-module", str(tmp_path / "small.yaml")), TODAY)
    assert not found.ready
    assert "12 cells in series" in " ".join(found.problems)


def test_a_pack_of_another_chemistry_than_its_cell_is_wrong_input(tmp_path: Path) -> None:
    """Its limits would be judged on a twin of something else."""
    text = (PACKS / "lfp-24s.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("chemistry: LFP", "chemistry: NMC811", 1), encoding="utf-8")
    answer = packbench_here("check", "virtual-module", "--pack", path)
    assert answer.status == 2
    assert "lfp-26650 is a cell of LFP, and the pack one of NMC811" in answer.err


def test_a_simulator_behind_nobody_is_told_where_it_stands(write_station: WriteStation) -> None:
    station = write_station(lambda station: station["instruments"].pop("chamber"))
    answer = packbench_here("check", station)
    assert answer.status == 2
    assert "key virtual.simulators.chamber: found 'chamber', stands behind no instrument; allowed: " in answer.err


def test_a_pack_too_long_for_the_station_is_wrong_input() -> None:
    with pytest.raises(InputError, match="V"):
        check(setup_of("virtual-module", "lfp-96s"), TODAY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "virtual-modul"), "did you mean 'virtual-module'?"),
        (("check", "no-such-bench.yaml"), "there is no such file"),
        (("check", "--pack", "lfp-24"), "did you mean 'lfp-24s'?"),
        (("safe", "virtual-modul"), "did you mean 'virtual-module'?"),
    ],
)
def test_a_station_or_pack_that_is_not_there_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    answer = packbench_here(*arguments)
    assert answer.status == 2
    assert answer.err.startswith("packbench: ")
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not answer.out


def test_a_station_without_packs_asks_for_one(write_station: WriteStation) -> None:
    station = write_station(lambda station: station.pop("packs"))
    answer = packbench_here("check", station)
    assert answer.status == 2
    assert "--pack" in answer.err
    assert packbench_here("check", station, "--pack", "lfp-24s").status == 0


def test_check_names_who_confirms_each_step_and_what_is_only_reported() -> None:
    out = packbench_here("check", "virtual-module").out
    assert "VERIFIED source off: by bms, load." in out
    assert "VERIFIED contactor open: by supply, load." in out
    assert "REPORTED chamber to rest: no other instrument of this station can confirm it." in out
    found = json.loads(packbench_here("check", "virtual-pack", "--json").out)
    assert found["confirmed_by"]["bus discharged"] == ["bms"]
    assert found["confirmed_by"]["chamber to rest"] == []


def test_on_simulators_that_end_with_the_test_a_power_cut_leaves_nothing_on() -> None:
    answer = packbench_here("check", "virtual-module")
    assert "POWER CUT" not in answer.out
    assert json.loads(packbench_here("check", "virtual-module", "--json").out)["power_cut"] == []


# --- safe ---------------------------------------------------------------------------------------------------------


def test_every_step_of_the_safe_state_is_said_and_verified() -> None:
    answer = packbench("safe")
    assert answer.status == 0, answer.out
    rows = [line.split() for line in answer.out.splitlines() if " done " in line]
    assert [("verified" in row, "reported" in row) for row in rows] == [(True, False)] * 6 + [(False, True)]
    assert "load, bms" in next(line for line in answer.out.splitlines() if line.strip().startswith("bus discharged"))
    assert "The bench is safe." in answer.out


def test_what_the_station_cannot_verify_is_said_and_not_taken_for_safe_to_touch(write_station: WriteStation) -> None:
    blind = write_station(lambda station: station.pop("safe_state"))
    answer = packbench_here("safe", blind)
    assert answer.status == 0, answer.out
    assert "The bench is safe." not in answer.out
    assert "Outputs off, as the instruments themselves report (" in answer.out
    assert "bus discharged: not measurable here" in answer.out
    told = json.loads(packbench_here("safe", blind, "--json").out)
    assert (told["safe"], told["state"]) == (True, "reported")
    reported = [step["name"] for step in told["steps"] if step["verified"] is None]
    assert reported == ["contactor open", "bus discharged", "chamber to rest"]


def test_a_dead_instrument_keeps_no_other_from_being_made_safe(write_station: WriteStation) -> None:
    answer = packbench_here("safe", write_station(kill_chamber), "--json")
    steps = {step["name"]: step for step in json.loads(answer.out)["steps"]}
    assert answer.status == 3
    assert [name for name, step in steps.items() if step["verified"] is False] == ["chamber to rest"]
    assert "chamber" in steps["chamber to rest"]["detail"]
    assert steps["chamber to rest"]["done"] is False


def test_a_silent_bms_is_not_taken_for_an_open_contactor() -> None:
    verdict = make_safe(setup_of("virtual-module", defects=SILENT_BMS)).verdict
    assert "contactor open" in [step.name for step in verdict.steps if step.verified is False]


# --- a bench in use -----------------------------------------------------------------------------------------------


def test_a_bench_in_use_is_not_touched_but_by_force(
    write_station: WriteStation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = tmp_path / "bench.lock"
    station = write_station(lambda station: station.update(lease={"file": str(lease)}))
    opened: list[object] = []
    find = OpenBench._find
    monkeypatch.setattr(OpenBench, "_find", lambda bench: (opened.append(bench), find(bench)))
    held = BenchLease(lease, "virtual-module")
    try:
        looked, asked = packbench_here("check", station), packbench_here("safe", station)
        assert opened == [], "nothing is written to a bench that somebody else holds"
        made_safe = packbench_here("safe", station, "--force", "--json")
    finally:
        held.release()
    assert (looked.status, asked.status) == (3, 3)
    assert "is in use" in looked.err
    assert "is in use" in asked.err
    assert f"Nothing was sent. To switch it off under them all the same: packbench safe {station} --force" in asked.err
    told = json.loads(made_safe.out)
    assert told["safe"] is True
    assert "is in use" in told["held"]
    assert made_safe.status == 3
    assert "can switch on again" in made_safe.err


def test_the_lease_is_given_back(write_station: WriteStation, tmp_path: Path) -> None:
    lease = tmp_path / "bench.lock"
    setup = setup_of(write_station(lambda station: station.update(lease={"file": str(lease)})))
    check(setup, TODAY)
    make_safe(setup)
    assert not list(tmp_path.glob("*holder*"))
    BenchLease(lease, "virtual-module").release()
    held = BenchLease(lease, "virtual-module")
    try:
        with pytest.raises(BenchInUse):
            check(setup, TODAY)
    finally:
        held.release()
