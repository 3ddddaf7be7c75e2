"""`packbench runs` and `packbench judge`: what runs left behind, seen through exit statuses, tables and JSON."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recording.life import claim
from bench.recording.past import PastRun
from bench.recording.rejudge import rejudge, verdict_of
from bench.recording.runs import DIED, RUNNING, SURELY_DIED, find_run, list_runs
from bench.verdicts import Cause, InputError, Measurement, Verdict
from tests.bench.cli_support import CAPACITY, edit, packbench, packbench_here, record, recorded_as

TRIP = Cause(
    "pack", "cell under-voltage: 2.3 V is below the allowed 2.35 V.", "discharge", 3000.0, "cell under-voltage"
)
SILENT = Cause("bench", "The BMS did not reach CHARGE within 15 s.", "charge", 20.0)


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_shows_verdict_bench_time_and_first_cause_newest_last(tmp_path: Path) -> None:
    record(tmp_path, name="test_a")
    record(tmp_path, name="test_b[C/3-25]", verdict=Verdict.BENCH_FAULT, cause=SILENT)
    answer = packbench("runs", tmp_path)
    assert answer.status == 0
    first, second = [line for line in answer.out.splitlines() if "virtual-module" in line]
    assert first.split()[1] == "PASS"
    assert "1 h 00 min" in first
    assert "test_b_C_3-25" in second
    assert "BENCH FAULT" in second
    assert SILENT.text in second


def test_a_manifest_that_never_ended_is_a_run_that_died(tmp_path: Path) -> None:
    record(tmp_path, verdict=None)
    answer = packbench_here("runs", tmp_path, "--json")
    (run,) = json.loads(answer.out)
    command = f"pytest --resume={run['run_id']} --runs={tmp_path}"
    assert (run["state"], run["verdict"], run["resume"]) == ("died", None, command)
    assert run["cause"] == f"{DIED} Resume with: {command}"


@pytest.mark.parametrize(
    ("verdict", "resumable"),
    [
        (Verdict.ABORTED, True),
        (Verdict.BENCH_FAULT, True),
        (Verdict.TEST_ERROR, True),
        (Verdict.FAIL, False),
        (Verdict.INCONCLUSIVE, False),
        (Verdict.PASS, False),
    ],
)
def test_every_run_that_can_be_resumed_says_how(tmp_path: Path, verdict: Verdict, resumable: bool) -> None:
    folder = record(tmp_path, verdict=verdict, cause=SILENT)
    (run,) = list_runs(tmp_path)
    command = f"pytest --resume={run.run_id} --runs={tmp_path}"
    assert (run.resume == command) is resumable
    assert (f"Resume with: {command}" in str(run.cause)) is resumable
    # What is offered is what is taken.
    if resumable:
        assert PastRun.load(folder).manifest["run_id"] == run.run_id


def test_a_run_without_a_row_is_not_offered(tmp_path: Path) -> None:
    folder = record(tmp_path, verdict=None)
    journal = folder / "samples.journal"
    content = journal.read_bytes()
    journal.write_bytes(content[: 12 + int.from_bytes(content[4:8], "little")])
    (run,) = list_runs(tmp_path)
    assert run.resume is None
    with pytest.raises(InputError, match="never got to a first sample"):
        PastRun.load(folder)


def test_a_run_whose_process_lives_is_running_and_not_to_be_resumed(tmp_path: Path) -> None:
    life = claim(record(tmp_path, verdict=None))
    (run,) = list_runs(tmp_path)
    assert (run.state, run.cause, run.resume) == ("running", RUNNING, None)
    life.release()
    (run,) = list_runs(tmp_path)
    assert run.state == "died"
    assert str(run.cause).startswith(SURELY_DIED)


def test_a_run_that_was_resumed_says_by_which(tmp_path: Path) -> None:
    died, again = record(tmp_path, name="test_a", verdict=None), record(tmp_path, name="test_b")
    run_id = died.relative_to(tmp_path).as_posix()
    edit(again, resumed_from={"run_id": run_id, "chain": [run_id], "gaps": []})
    first, second = list_runs(tmp_path)
    assert (first.resume, first.resumed_by, second.resumed_from) == (None, second.run_id, run_id)
    assert f"It was resumed as {second.run_id}." in str(first.cause)


def test_the_newest_run_can_be_called_last(tmp_path: Path) -> None:
    record(tmp_path, name="test_a")
    newest = record(tmp_path, name="test_b")
    assert find_run("last", tmp_path) == newest
    with pytest.raises(InputError, match=r"^'last': there are no runs in "):
        find_run("last", tmp_path / "nowhere")


def test_of_several_runs_of_one_second_the_one_that_began_last_is_the_newest(tmp_path: Path) -> None:
    """A virtual run may take less than a second, and names are no times."""
    day = tmp_path / "2026-11-22"
    day.mkdir()
    began = {"test_z": "100", "test_a": "300", "test_m": "200"}
    for name, milliseconds in began.items():
        folder = record(tmp_path, name=name)
        edit(folder, started=f"2026-11-22T19:45:01.{milliseconds}Z", run_id=f"2026-11-22/194501-{name}")
        folder.rename(day / f"194501-{name}")
    listed = [run.run_id.rpartition("-")[2] for run in list_runs(tmp_path)]
    assert listed == ["test_z", "test_m", "test_a"]
    assert find_run("last", tmp_path).name == "194501-test_a"
    (day / "194501-test_a" / "run.json").write_text("{", encoding="utf-8")
    assert find_run("last", tmp_path).name == "194501-test_a", "what cannot be read is told, and no other taken for it"
    assert list_runs(tmp_path)[-1].state == "unreadable"
    (day / "194501-test_m" / "run.json").write_text("{", encoding="utf-8")
    assert find_run("last", tmp_path).name == list_runs(tmp_path)[-1].test == "194501-test_m"
    record(tmp_path, name="test_b")
    assert find_run("last", tmp_path).name.endswith("test_b")


def test_only_the_newest_are_listed_when_asked(tmp_path: Path) -> None:
    names = [record(tmp_path, name=f"test_{letter}").name for letter in "abc"]
    runs = json.loads(packbench("runs", tmp_path, "--last", 2, "--json").out)
    assert [run["run_id"].rpartition("/")[2] for run in runs] == names[1:]


def test_one_damaged_manifest_hides_no_other_run(tmp_path: Path) -> None:
    record(tmp_path, name="test_a")
    (record(tmp_path, name="test_b") / "run.json").write_text("{", encoding="utf-8")
    good, bad = list_runs(tmp_path)
    assert good.verdict == "PASS"
    assert (bad.state, bad.verdict) == ("unreadable", None)


@pytest.mark.parametrize("manifest", ["[]", "null", "{}", '{"state": "ended", "test": 3}', '{"state": "ended"}'])
def test_json_that_is_no_manifest_is_unreadable(tmp_path: Path, manifest: str) -> None:
    (record(tmp_path) / "run.json").write_text(manifest, encoding="utf-8")
    (run,) = list_runs(tmp_path)
    assert run.state == "unreadable"


def test_no_runs_is_no_error_but_no_folder_is(tmp_path: Path) -> None:
    assert packbench_here("runs", tmp_path).status == 0
    answer = packbench_here("runs", tmp_path / "nowhere")
    assert answer.status == 2
    assert answer.err.startswith("packbench: ")
    assert "no such folder of runs" in answer.err
    assert len(answer.err.splitlines()) == 1


# --- finding a run ------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_folder_by_file_and_by_id(tmp_path: Path) -> None:
    folder = record(tmp_path)
    run_id = folder.relative_to(tmp_path).as_posix()
    elsewhere = tmp_path / "no-runs"
    assert find_run(str(folder), elsewhere) == folder
    assert find_run(str(folder / "samples.parquet"), elsewhere) == folder
    assert find_run(run_id, tmp_path) == folder


def test_a_misspelt_run_is_answered_with_the_nearest(tmp_path: Path) -> None:
    run_id = record(tmp_path).relative_to(tmp_path).as_posix()
    with pytest.raises(InputError, match="nearest run") as caught:
        find_run(run_id[:-1], tmp_path)
    assert repr(run_id) in str(caught.value)


@given(name=st.text(max_size=40))
def test_no_name_is_a_run_where_there_are_none(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.getbasetemp() / "empty"
    empty.mkdir(exist_ok=True)
    with pytest.raises(InputError):
        find_run(name.replace("\0", ""), empty)


# --- judging again ------------------------------------------------------------------------------------------------


def test_judge_takes_the_value_from_the_samples_not_from_the_manifest(tmp_path: Path) -> None:
    folder = record(tmp_path, recorded_as(1.5), verdict=Verdict.FAIL)
    answer = packbench_here("judge", folder, "--json")
    found = json.loads(answer.out)
    (capacity,) = found["measurements"]
    assert capacity["value"] == pytest.approx(2.0)
    assert (capacity["recorded_value"], capacity["recorded_verdict"], capacity["verdict"]) == (1.5, "FAIL", "PASS")
    assert (found["recorded_verdict"], found["verdict"], answer.status) == ("FAIL", "PASS", 0)
    assert "discharge energy" in {kpi["name"] for kpi in found["kpis"]}


def test_judge_fails_a_run_whose_samples_miss_the_limit(tmp_path: Path) -> None:
    too_much = Measurement("discharge capacity", 2.5, "Ah", at_least=2.4, step="discharge")
    answer = packbench_here("judge", record(tmp_path, too_much))
    assert answer.status == 1
    row = next(line for line in answer.out.splitlines() if "≥ 2.4" in line)
    assert row.split()[-2:] == ["PASS", "FAIL"]
    assert "Verdict: FAIL (recorded: PASS)" in answer.out


def test_judge_shows_how_well_each_figure_is_known_and_why_on_demand(tmp_path: Path) -> None:
    limit = Measurement("discharge capacity", 2.0, "Ah", at_least=1.4, step="discharge", uncertainty=0.0123)
    folder = record(tmp_path, limit)
    told, why = packbench("judge", folder).out, packbench("judge", folder, "--why").out
    figures = {each["name"]: each for each in json.loads(packbench("judge", folder, "--json").out)["kpis"]}
    assert "2 ± 0.012 Ah" in " ".join(told.split())
    row = next(line for line in told.splitlines() if line.strip().startswith("discharge energy"))
    assert row.split()[-2] == f"{figures['discharge energy']['uncertainty']:.2g}"
    largest = figures["discharge energy"]["contributions"][0]["source"]
    assert largest not in told
    assert largest in " ".join(why.split())


def test_judge_keeps_what_the_samples_cannot_give_and_marks_it(tmp_path: Path) -> None:
    by_hand = Measurement("insulation resistance", 5.0e6, "Ohm", at_least=1e6)
    answer = packbench_here("judge", record(tmp_path, by_hand))
    assert answer.status == 0
    assert "5000000 Ohm *" in answer.out
    assert "* as recorded" in answer.out


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("verdict", "cause", "status"),
    [
        (Verdict.FAIL, TRIP, 1),
        (Verdict.BENCH_FAULT, SILENT, 3),
        (Verdict.ABORTED, None, 130),
        (Verdict.TEST_ERROR, None, 2),
        (None, None, 3),
    ],
)
def test_good_measurements_do_not_undo_how_a_run_ended(
    tmp_path: Path, verdict: Verdict | None, cause: Cause | None, status: int
) -> None:
    answer = packbench_here("judge", record(tmp_path, CAPACITY, verdict=verdict, cause=cause), "--json")
    assert answer.status == status
    assert json.loads(answer.out)["verdict"] == verdict


def test_a_folder_that_is_no_run_is_wrong_input(tmp_path: Path) -> None:
    answer = packbench_here("judge", tmp_path)
    assert answer.status == 2
    assert "run.json" in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_run_without_samples_is_wrong_input(tmp_path: Path) -> None:
    folder = record(tmp_path)
    (folder / "samples.parquet").unlink()
    answer = packbench_here("judge", folder)
    assert answer.status == 2
    assert "no samples" in answer.err


def test_a_value_never_measured_stays_a_failure() -> None:
    recorded = recorded_as(float("nan")).as_dict() | {"value": None}
    (entry,) = rejudge([recorded], {})
    assert entry.measurement.verdict is Verdict.FAIL


def test_a_figure_of_another_step_is_not_taken() -> None:
    (entry,) = rejudge([recorded_as(1.5).as_dict()], {("discharge capacity", "another step"): 9.0})
    assert (entry.measurement.value, entry.from_data) == (1.5, False)


@given(
    recorded=st.floats(0, 4), computed=st.floats(0, 4), limit=st.floats(0, 4), uncertainty=st.floats(0, 0.5),
    ending=st.sampled_from(list(Verdict)),
)  # fmt: skip
def test_a_run_is_never_better_than_its_measurements_nor_than_its_bench(
    recorded: float, computed: float, limit: float, uncertainty: float, ending: Verdict
) -> None:
    measured = Measurement("capacity", recorded, "Ah", at_least=limit, uncertainty=uncertainty)
    entries = rejudge([measured.as_dict()], {("capacity", None): computed})
    ending = max(ending, measured.verdict, key=lambda verdict: verdict.severity)
    verdict = verdict_of({"verdict": ending}, entries)
    assert verdict is not None
    assert verdict.severity >= entries[0].measurement.verdict.severity
    if ending in (Verdict.TEST_ERROR, Verdict.BENCH_FAULT, Verdict.ABORTED):
        assert verdict is ending
