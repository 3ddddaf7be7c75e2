"""A recording is what the run folder says, or a sentence that says why it is not."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import recording as reading
from reports.recording import Recording, RecordingError, read_manifest

STARTED = {
    "type": "step started",
    "index": 1,
    "name": "charge",
    "kind": "Charge",
    "step_type": "CC_CHG",
    "time": 0.0,
}
COLUMNS = ["Test Time / s", "Step Count / 1", "Voltage / V"]


def recording(events: list[dict[str, object]], rows: list[list[float]]) -> Recording:
    return Recording({"schema": 1}, events, COLUMNS, np.array(rows, dtype=float).reshape(-1, 3))


def test_a_folder_gives_manifest_events_and_samples(cycle_run: Path) -> None:
    run = Recording.load(cycle_run)
    assert run.manifest["pack"]["chemistry"] == "LFP"
    assert [event["type"] for event in run.events][:2] == ["run started", "step started"]
    assert run.time[0] == pytest.approx(10.0)
    assert len(run.column("SOC / 1")) == len(run.rows)


def test_steps_carry_what_was_asked_and_what_was_reached(cycle_run: Path) -> None:
    run = Recording.load(cycle_run)
    assert [step.name for step in run.steps] == ["soak", "charge", "rest", "discharge", "restoring charge"]
    discharge = run.step("discharge")
    assert (discharge.index, discharge.kind, discharge.step_type) == (4, "Discharge", "CC_DCH")
    assert discharge.set_points["current"] == pytest.approx(-2.3)
    assert discharge.ended_by == "the condition of the step"
    assert discharge.reached["Voltage / V"] < 60.0
    assert run.step(4) is run.step(discharge)


def test_rows_of_the_steps_follow_each_other_and_cover_the_run(cycle_run: Path) -> None:
    run = Recording.load(cycle_run)
    edges = [(step.rows.start, step.rows.stop) for step in run.steps]
    assert edges[0][0] == 0
    assert edges[-1][1] == len(run.rows)
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    assert set(run.values("Step Count / 1", "rest")) == {3.0}


def test_a_run_still_open_has_a_step_without_an_end() -> None:
    run = recording([STARTED], [[0, 1, 3.2], [5, 1, 3.3]])
    (step,) = run.steps
    assert (step.ended_by, step.verdict, step.duration, step.sample_count) == (None, None, 5.0, 2)


def test_a_step_without_a_single_sample_is_still_a_step() -> None:
    run = recording([STARTED], [])
    assert run.step("charge").sample_count == 0
    assert run.step("charge").duration == 0.0


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("dischrge", "no step 'dischrge'; did you mean 'discharge'?"),
        (9, "no step 9"),
        ("pulse", "2 steps are called 'pulse': say which by its index, one of 2, 3"),
    ],
)
def test_a_step_that_cannot_be_told_is_refused(which: str | int, sentence: str) -> None:
    names = ["discharge", "pulse", "pulse"]
    events = [{**STARTED, "index": index, "name": name} for index, name in enumerate(names, start=1)]
    with pytest.raises(RecordingError, match=sentence):
        recording(events, [[0, 1, 3.2]]).step(which)


def test_a_missing_column_names_the_nearest(cycle_run: Path) -> None:
    with pytest.raises(RecordingError, match=r"no column 'Voltage'; did you mean 'Voltage / V'"):
        Recording.load(cycle_run).column("Voltage")


def test_a_column_without_a_value_is_not_there() -> None:
    run = recording([], [[0, 0, float("nan")]])
    assert run.has("Test Time / s")
    assert not run.has("Voltage / V")
    assert not run.has("Power / W")


def test_rows_and_columns_must_fit() -> None:
    with pytest.raises(RecordingError, match=r"shape \(2, 2\), but 3 columns"):
        Recording({}, [], COLUMNS, np.zeros((2, 2)))


class TestBrokenFolder:
    def test_without_a_manifest(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingError, match=r"is not a run: it holds no run\.json"):
            Recording.load(tmp_path)

    @pytest.mark.parametrize(("text", "found"), [('{"schema": 3}', "schema 3"), ("[]", "schema 'list'")])
    def test_of_another_schema(self, tmp_path: Path, text: str, found: str) -> None:
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(RecordingError, match=found):
            read_manifest(tmp_path)

    def test_with_half_a_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text('{"schema": 1, "run')
        with pytest.raises(RecordingError, match=r"run\.json cannot be read"):
            read_manifest(tmp_path)

    def test_without_samples(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text('{"schema": 1}')
        (tmp_path / "events.jsonl").touch()
        with pytest.raises(RecordingError, match=r"neither samples\.parquet nor samples\.journal"):
            Recording.load(tmp_path)

    def test_with_samples_that_are_no_table(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text('{"schema": 1}')
        (tmp_path / "events.jsonl").touch()
        (tmp_path / "samples.parquet").write_bytes(b"PAR1 and then the power went")
        with pytest.raises(RecordingError, match="is not a table of samples"):
            Recording.load(tmp_path)

    def test_with_a_broken_line_between_good_ones(self, write_run: Callable[[], Path]) -> None:
        folder = write_run()
        path = folder / "events.jsonl"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], '{"time": 1.0}', *lines[1:]]))
        run = Recording.load(folder)
        assert run.damage == ("events.jsonl: line 2 is damaged and left out.",)
        assert run.events == [json.loads(line) for line in lines]

    @settings(max_examples=25, deadline=None)
    @given(cut=st.integers(min_value=1, max_value=400))
    def test_whose_last_event_was_cut_off_keeps_the_others(self, cycle_run: Path, cut: int) -> None:
        from bench.recording.reading import read_events

        path = cycle_run.parent / "cut.jsonl"
        whole = (cycle_run / "events.jsonl").read_text()
        path.write_text(whole[:-cut])
        kept, damage = read_events(path)
        assert not damage
        assert kept == [json.loads(line) for line in whole.splitlines()[: len(kept)]]
        assert len(kept) >= whole[:-cut].count("\n")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_as_a_manifest_is_a_sentence_or_a_manifest(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    (folder / "run.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(RecordingError, match=r"run\.json"):
        read_manifest(folder)


@pytest.mark.parametrize("few", [1, 3, 1000])
@given(
    gaps=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=30), ahead=st.integers(0, 4),
    seconds=st.floats(-1.0, 200.0),
)  # fmt: skip
def test_the_beginning_of_a_step_ends_with_the_first_sample_that_is_late_enough(
    few: int, gaps: list[float], ahead: int, seconds: float
) -> None:
    """Counted from the first of them, which may be late itself; however many samples are looked at together."""
    times = 100.0 + np.cumsum(gaps)
    rows = [[float(row), 0.0, 3.3] for row in range(ahead)] + [[time, 1.0, 3.3] for time in times]
    run = recording([{**STARTED, "time": 100.0}], rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "FEW", few)
        found = run.beginning(run.step("charge"), seconds)
    late = [place for place, time in enumerate(times) if time - times[0] >= seconds]
    assert found.rows == slice(ahead, ahead + (late[0] + 1 if late else len(times)))
    assert (found.start, found.name) == (100.0, "charge")


def test_the_beginning_of_a_step_without_a_sample_has_none() -> None:
    run = recording([STARTED], [])
    assert run.beginning(run.step("charge"), 10.0).sample_count == 0


def test_a_pause_that_never_ended_lasts_until_the_last_sample() -> None:
    held = {"type": "hold started", "limit": "hot", "time": 3.0, "step": "charge", "text": "It is hot."}
    gone = {"type": "gap", "start": 5.0, "duration": 2.0, "step": None, "text": "Nobody was there."}
    run = recording([STARTED, held, gone], [[0, 1, 3.2], [9, 1, 3.3]])
    (hold,), (gap,) = run.holds, run.gaps
    assert (hold.start, hold.stop, hold.recovered) == (3.0, 9.0, False)
    assert (gap.start, gap.seen, gap.stop, gap.step) == (5.0, 7.0, 9.0, "")
    empty = recording([held, gone], [])
    assert (empty.holds[0].stop, empty.gaps[0].stop) == (3.0, 7.0), "no sample: no later than it is known itself"


def test_pauses_end_where_they_are_said_to_and_count_where_they_are() -> None:
    events = [
        {"type": "hold started", "limit": "hot", "time": 3.0, "step": "charge", "text": "It is hot."},
        {"type": "hold ended", "time": 5.0, "recovered": True},
        {"type": "gap", "start": 10.0, "duration": 2.0, "step": "charge", "text": "Nobody was there."},
        {"type": "step resumed", "time": 14.0},
    ]
    run = recording(events, [[0, 1, 3.2], [20, 1, 3.3]])
    assert (run.holds[0].stop, run.holds[0].recovered, run.gaps[0].stop) == (5.0, True, 14.0)
    assert [run.held(*times) for times in ((0, 20), (4, 11), (5, 10), (6, 7), (20, 0))] == [6.0, 2.0, 0.0, 0.0, 0.0]


def test_what_ends_and_never_began_is_passed_over() -> None:
    run = recording([{"type": "hold ended", "time": 5.0, "recovered": True}, {"type": "step resumed", "time": 6.0}], [])
    assert (run.holds, run.gaps) == ([], [])


def test_a_column_that_is_not_believed_is_there_and_has_no_value_for_a_figure() -> None:
    run = Recording({}, [], COLUMNS, np.ones((2, 3)), withheld={"Voltage / V": "It is in mV."})
    assert run.column("Voltage / V").tolist() == [1.0, 1.0]
    assert not run.has("Voltage / V")
    with pytest.raises(RecordingError, match=r"^'Voltage / V' is not believed: It is in mV\.$"):
        run.refuse_withheld(["Test Time / s", "Voltage / V"])
    run.refuse_withheld(["Test Time / s"])


@pytest.mark.parametrize("row", [-1, 1])
def test_a_sample_is_counted_from_either_end(row: int) -> None:
    run = recording([], [[0, 1, 3.2], [9, 1, 3.3]])
    assert run.at("Voltage / V", row) == 3.3
    with pytest.raises(IndexError):
        run.at("Voltage / V", 2)
