"""The last minute of a test that did not pass: shown without asking, from whatever a run has left on the disk."""

import json
import re
import shutil
from collections.abc import Callable
from csv import reader
from io import StringIO
from pathlib import Path
from typing import Any

import can
import numpy as np
import pytest
from allure_commons.model2 import Status
from allure_commons.model2 import TestResult as Result

from bench.recording.canlog import NAME as BLF
from reports import allure
from reports.forensics import frames, shown, wire
from reports.forensics.evidence import Evidence, gather
from reports.forensics.moment import Moment
from reports.recording import Recording

Writer = Callable[..., Path]
DIED = Path(__file__).parents[2] / "recordings" / "died-9e90314"


@pytest.fixture
def tripped(write_run: Writer) -> Path:
    """A run that a weak cell has ended."""
    return write_run("test_weak_cell", weak_cell=0.35, soc=0.5, interval=5.0)


def evidence_of(folder: Path) -> Evidence:
    found = gather(folder)
    assert found is not None
    return found


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_run_that_passed_is_not_looked_into(cycle_run: Path) -> None:
    assert gather(cycle_run) is None


def test_every_channel_of_the_minute_before_the_trip_and_nothing_behind_it(tripped: Path) -> None:
    found, recording = evidence_of(tripped), Recording.load(tripped)
    trip = recording.of_type("trip")[0]
    assert found.moment.time == trip["time"]
    assert found.moment.step == "discharge"
    time = found.rows[:, list(found.columns).index("Test Time / s")]
    assert (time[0], time[-1]) == (trip["time"] - 60, trip["time"])
    assert list(found.columns) == list(recording.columns)
    lines = list(reader(StringIO(shown.as_csv(found))))
    assert lines[0] == list(recording.columns)
    assert [float(each) for each in lines[-1]] == pytest.approx(recording.rows[len(recording.rows) - 1, :].tolist())


def test_the_page_names_cause_limit_value_step_and_what_is_missing(tripped: Path) -> None:
    text = shown.page("It", evidence_of(tripped))
    assert "Limit: cell under-voltage of Cell Voltage Min / V, at least 2.4 V, found 2.3" in text
    assert "in step discharge" in text
    assert re.search(r"before .* min .*\(\d+\.\d s\) in step", text), "as the front page says it, and as the wire does"
    assert text.index("Cell Voltage Min / V") < text.index(">Voltage / V"), "the channel of the limit comes first"
    assert "No error queue was read" in text
    assert "<script" not in text


def test_a_figure_that_was_judged_at_the_end_is_looked_at_where_its_step_ended(write_run: Writer) -> None:
    cause = {"blame": "pack", "text": "capacity: 1 Ah", "step": "discharge", "time": 99999.0, "limit": "capacity"}
    folder = write_run("test_low", interval=20.0, verdict="FAIL", cause=cause)
    ended = next(step for step in Recording.load(folder).steps if step.name == "discharge").stop
    assert evidence_of(folder).moment.time == ended < 99999.0


def test_error_queues_are_shown_or_why_they_are_not(tripped: Path) -> None:
    queues = (
        {"instrument": "supply", "said": ["-222,\"Data out of range\""], "why": ""},
        {"instrument": "load", "said": [], "why": "load did not answer"},
        {"instrument": "meter", "said": [], "why": ""},
    )  # fmt: skip
    with (tripped / "events.jsonl").open("a", encoding="utf-8") as log:
        log.writelines(json.dumps({"time": 9e4, "type": "error queue", **each}) + "\n" for each in queues)
    found = evidence_of(tripped)
    for text in (shown.page("It", found), shown.summary(found)):
        told = [
            "-222,&quot;Data out of range&quot;",
            "load did not answer",
            '<td>meter</td><td data-at="Its error queue">empty</td>',
        ]
        assert [each for each in told if each not in text] == []
    assert not any("error queue" in each for each in found.missing)


def test_a_run_that_was_killed_shows_its_last_minute_and_says_what_it_took_with_it(tmp_path: Path) -> None:
    found = evidence_of(Path(shutil.copytree(DIED, tmp_path / "run")))
    last = Recording.load(DIED).time[-1]
    assert found.moment.time == last
    assert len(found.rows) >= 2
    assert found.moment.causes == ()
    told = " ".join(found.missing)
    assert "transcript.log is missing: the process that ran this one died before it wrote anything of it" in told
    assert "the process that ran the test died before it could ask" in told
    assert "Nobody has told a cause" in shown.page("It", found)


@pytest.mark.parametrize(("share", "further"), [(1.0, ""), (0.5, ", while other files go on to {:.0f} s")])
def test_a_run_that_was_killed_says_until_when_its_wire_is_known(tmp_path: Path, share: float, further: str) -> None:
    """Messages wait for up to a second of the process, an hour of a virtual bench: the page must not look complete."""
    run = Path(shutil.copytree(DIED, tmp_path / "run"))
    last = evidence_of(run).moment.time
    said = f"{0:12.3f} supply > MEAS?\n{share * last:12.3f} supply < 1 V\n"
    (run / wire.NAME).write_text(said, encoding="utf-8")
    words = f"transcript.log ends at {share * last:.0f} s{further.format(last)}: the process died"
    found = evidence_of(run)
    assert any(each.startswith(words) for each in found.missing)
    assert words in shown.page("It", found)
    assert words in shown.summary(found), "Allure shows it at first sight"


def test_a_run_that_ended_and_lost_its_manifest_is_not_told_to_have_died(tripped: Path) -> None:
    (tripped / "run.json").unlink()
    (tripped / wire.NAME).write_text(f"{0:12.3f} supply > MEAS?\n", encoding="utf-8")
    assert not [each for each in evidence_of(tripped).missing if "died" in each]


def test_a_folder_without_manifest_or_with_a_table_cut_off_shows_the_rest(tripped: Path) -> None:
    whole = evidence_of(tripped)
    table = tripped / "samples.parquet"
    table.write_bytes(table.read_bytes()[:2000])
    (tripped / "run.json").unlink()
    found = evidence_of(tripped)
    assert found.moment.time == whole.moment.time, "the events know it"
    assert found.moment.causes == whole.moment.causes
    assert not found.rows.size
    assert any("run.json" in each for each in found.missing)


def test_names_and_messages_of_others_are_shown_and_never_obeyed(tripped: Path) -> None:
    bad = "<script>alert(1)</script>"
    moment = evidence_of(tripped).moment
    (tripped / "transcript.log").write_text(f"{moment.time:12.3f} supply > {bad}\n", encoding="utf-8")
    edit(tripped, causes=[{"text": bad}])
    found = evidence_of(tripped)
    assert bad in "".join(found.wire)
    for text in (shown.page(bad, found), shown.summary(found)):
        assert "<script" not in text
        assert "&lt;script&gt;" in text


# --- the wire ---------------------------------------------------------------------------------------------------------


def test_the_wire_is_cut_to_its_seconds_and_a_message_of_several_lines_stays_whole(tmp_path: Path) -> None:
    (tmp_path / wire.NAME).write_text(
        "       9.900 supply > before\n      10.000 supply > MEAS?\n      10.100 supply < 1\n2 V\n"
        "      70.000 load ! lost\n      70.100 load > behind\n",
        encoding="utf-8",
    )
    found = wire.cut(tmp_path, 10.0, 70.0, ended=True)
    assert found.lines == ("10.000 supply > MEAS?", "10.100 supply < 1", "2 V", "70.000 load ! lost")
    assert found.missing == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12.000 supply > ME", "ends in the middle of a line"), ("", "holds no message"),
        (None, "transcript.log is missing."), ("12.000 supply > X\n", "begins at 12 s"),
    ],
)  # fmt: skip
def test_what_is_missing_of_the_wire_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / wire.NAME).write_text(text, encoding="utf-8")
    assert any(told in each for each in wire.cut(tmp_path, 1.0, 70.0, ended=True).missing)


# --- the bus ----------------------------------------------------------------------------------------------------------

EPOCH = 1.7e9
MOMENT = Moment(time=600.0, utc=EPOCH + 300, speed=2.0)
ON_CAN = {"clock": {"kind": "wall"}, "instruments": [{"roles": ["bms"], "resource": "socketcan:can0"}]}


def bus(folder: Path, shift: float = 0.0) -> None:
    """A frame each second of 400 s of civil time; the identifier says which."""
    with can.BLFWriter(folder / BLF) as log:
        for second in range(400):
            log.on_message_received(
                can.Message(
                    arbitration_id=second, data=[second % 256], timestamp=EPOCH + shift + second, is_extended_id=False
                )
            )


@pytest.mark.parametrize("shift", [0.0, 1e4 - EPOCH])
def test_the_bus_is_cut_to_its_seconds_by_civil_time_or_by_the_end_of_the_run(tmp_path: Path, shift: float) -> None:
    """At twice the speed a minute of test time is half a minute of civil time."""
    bus(tmp_path, shift)
    found = frames.cut(tmp_path, ON_CAN, MOMENT, end=600.0 + 2 * 99)
    assert found.missing == ()
    assert [frame.arbitration_id for frame in found.frames] == list(range(270, 303))
    copy = tmp_path / "slice.blf"
    copy.write_bytes(frames.as_blf(found.frames))
    with can.BLFReader(copy) as kept:
        assert [(each.arbitration_id, bytes(each.data)) for each in kept] == [
            (number, bytes([number % 256])) for number in range(270, 303)
        ]


def test_a_log_that_was_cut_off_gives_what_can_be_read_and_one_that_is_missing_is_told(tmp_path: Path) -> None:
    assert "can.blf is missing" in frames.cut(tmp_path, ON_CAN, MOMENT, 700.0).missing[0]
    assert frames.cut(tmp_path, {"clock": {"kind": "virtual"}}, MOMENT, 700.0).missing == ()
    bus(tmp_path)
    log = tmp_path / BLF
    log.write_bytes(log.read_bytes()[:300])
    found = frames.cut(tmp_path, ON_CAN, MOMENT, 700.0)
    assert found.frames == ()
    assert any(BLF in each for each in found.missing)


# --- in Allure --------------------------------------------------------------------------------------------------------


def test_allure_shows_it_at_first_sight_and_no_attachment_is_blank(tripped: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    time = evidence_of(tripped).moment.time
    (tripped / "transcript.log").write_text(f"{time:12.3f} supply > OUTP OFF\n", encoding="utf-8")
    result = Result(uuid="1", name="x", status=Status.FAILED)
    allure.present(result, tripped, results)
    assert "The last minute before" in result.descriptionHtml
    assert "supply &gt; OUTP OFF" in result.descriptionHtml
    names = {each.name: results / each.source for each in result.attachments}
    assert {allure.FORENSICS, "Last 60 s of every channel", "The wire in the last 60 s"} <= names.keys()
    assert [name for name, path in names.items() if not path.read_bytes().strip()] == []
    assert "<script" not in names[allure.FORENSICS].read_text(encoding="utf-8"), "viewers run none: it would be blank"


def test_allure_shows_what_a_run_without_samples_has_left(tripped: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (tripped / "samples.parquet").write_bytes(b"PAR1")
    result = Result(uuid="1", name="x", status=Status.PASSED)
    allure.present(result, tripped, results)
    assert result.status == Status.FAILED
    assert "cell under-voltage" in result.descriptionHtml
    assert "Missing:" in result.descriptionHtml


def test_a_channel_without_a_value_is_not_drawn_and_breaks_nothing() -> None:
    rows = np.array([[1.0, np.nan, np.nan], [2.0, np.nan, 3.0], [3.0, np.nan, 5.0]])
    found = Evidence(Moment(3.0), True, ["Test Time / s", "Empty / V", "Late / V"], rows)
    text = shown.page("It", found)
    assert "Empty / V" not in text
    assert "Late / V" in text
    assert shown.as_csv(found).splitlines()[1] == "1,,"
