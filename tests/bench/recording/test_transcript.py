"""The messages of the wire on the disk while a run goes on: whole, bounded, and never in anybody's way."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.recording.transcript import KEPT, NAME, PERIOD, SCANS, Transcript


class Clock:
    """Bench time, s."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time of the bench, and of the process."""
    clock = Clock()
    monkeypatch.setattr("bench.recording.transcript.monotonic", clock.now)
    return clock


@pytest.fixture
def transcript(tmp_path: Path, clock: Clock) -> Iterator[Transcript]:
    kept = Transcript(tmp_path, clock)
    yield kept
    kept.end()


def lines(folder: Path) -> list[str]:
    path = folder / NAME
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def scan(transcript: Transcript, clock: Clock, count: int = 1) -> None:
    """Scans of one second with two messages each."""
    keep = transcript.of("supply")
    for _ in range(count):
        clock.time += 1.0
        keep(">", f"MEAS? {clock.time:.0f}")
        keep("<", "1 V")
        transcript.scanned()


def test_a_killed_process_has_lost_what_came_in_its_last_second_at_most(
    tmp_path: Path, transcript: Transcript, clock: Clock
) -> None:
    for _ in range(6 * SCANS):
        scan(transcript, clock, 1)
        found = lines(tmp_path)
        assert len(found) >= 2 * (clock.time - PERIOD - SCANS), "nobody has closed it"
    assert found[0] == "       1.000 supply > MEAS? 1"


def test_many_that_came_between_two_looks_are_the_newest_and_nothing_is_before_them_that_did_not_go_before(
    tmp_path: Path, transcript: Transcript, clock: Clock
) -> None:
    scan(transcript, clock, 10)
    transcript.flush()
    transcript.period = 2.0 * KEPT
    scan(transcript, clock, 2 * KEPT + 2 * SCANS)
    numbers = [int(number) for number in re.findall(r"MEAS\? (\d+)", "\n".join(lines(tmp_path)))]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) == KEPT / 2


def test_where_time_is_real_each_scan_is_on_the_disk(tmp_path: Path, transcript: Transcript, clock: Clock) -> None:
    transcript.period = 0.0
    scan(transcript, clock, 3)
    assert len(lines(tmp_path)) == 6


def test_what_goes_wrong_on_a_link_is_on_the_disk_at_once(tmp_path: Path, transcript: Transcript) -> None:
    transcript.of("load")(">", "MEAS?")
    transcript.of("load")("!", "did not answer")
    assert [line.split(maxsplit=1)[1] for line in lines(tmp_path)] == ["load > MEAS?", "load ! did not answer"]


def test_it_never_holds_more_than_twice_what_is_kept_and_at_the_end_just_that(
    tmp_path: Path, transcript: Transcript, clock: Clock
) -> None:
    most = 0
    for _ in range(40):
        scan(transcript, clock, KEPT // 10)
        found = lines(tmp_path)
        numbers = [int(number) for number in re.findall(r"MEAS\? (\d+)", "\n".join(found))]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "none is missing, none is there twice"
        most = max(most, len(found))
    assert KEPT < most <= 2 * KEPT
    transcript.end()
    assert len(lines(tmp_path)) == KEPT
    assert lines(tmp_path)[-2].endswith(f"MEAS? {clock.time:.0f}")


def test_a_disk_that_was_full_for_a_while_costs_nothing_that_is_still_kept(
    tmp_path: Path, transcript: Transcript, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: memoryview) -> int:
        if len(data) > 10:
            return write(file, data[:10])  # what a disk has room for, before it has none
        raise OSError(errno.ENOSPC, "no space left")

    write = os.write
    scan(transcript, clock, 10)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        scan(transcript, clock, 10)
    scan(transcript, clock, 10)
    transcript.end()
    asked = [line.split("? ")[1] for line in lines(tmp_path) if "MEAS" in line]
    assert asked == [str(number) for number in range(1, 31)]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_an_end_without_a_message_leaves_an_empty_file_and_messages_behind_it_change_nothing(
    tmp_path: Path, transcript: Transcript
) -> None:
    transcript.end()
    assert (tmp_path / NAME).read_bytes() == b""
    transcript.of("supply")("!", "too late")
    transcript.end()
    assert (tmp_path / NAME).read_bytes() == b""


def test_text_that_is_no_text_is_kept_as_far_as_it_goes(tmp_path: Path, transcript: Transcript) -> None:
    transcript.of("supply")("!", "\udcff V")
    assert lines(tmp_path) == ["       0.000 supply ! \\udcff V"]
