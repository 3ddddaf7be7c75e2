"""What a CAN bus has said: every frame in a file that python-can reads, whatever becomes of the disk."""

import json
from pathlib import Path
from threading import Thread

import can
import pytest

from bench.pack import load_pack
from bench.recording import canlog
from bench.recording.canlog import CanLog
from bench.recording.run import Run, TestIdentity
from bench.running.setup import Setup
from bench.scenario import Rest, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import Verdict
from campaign.served import served
from tests.bench.fakes import Plant

pytestmark = pytest.mark.real_time

IDENTITY = TestIdentity("test_x.py::test_it", "test_it", "A title")
REQUEST, STATE = 0x210, 0x220


def frame(identifier: int, time: float = 1.7e9) -> can.Message:
    return can.Message(arbitration_id=identifier, data=b"\x01\x02", timestamp=time, is_extended_id=False)


def kept(folder: Path) -> list[can.Message]:
    with can.BLFReader(folder / canlog.NAME) as reader:
        return list(reader)


def test_frames_of_several_threads_are_all_kept(tmp_path: Path) -> None:
    log = CanLog(tmp_path)
    threads = [Thread(target=lambda: [log.write(frame(each)) for each in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    log.close()
    log.write(frame(1))
    assert sorted(message.arbitration_id for message in kept(tmp_path)) == sorted([*range(200)] * 4)
    assert log.problem == ""


def test_a_frame_that_is_sent_stands_where_it_was_sent_and_not_at_the_beginning(tmp_path: Path) -> None:
    """No interface stamps it: it has the time of the newest that was received."""
    log, sent = CanLog(tmp_path), frame(REQUEST, 0.0)
    for each in (frame(STATE, 1.7e9), frame(STATE, 1.7e9 + 5), sent, frame(STATE, 1.7e9 + 6)):
        log.write(each)
    log.close()
    found = [(message.arbitration_id, message.timestamp - 1.7e9, message.is_rx) for message in kept(tmp_path)]
    assert found == [(STATE, 0.0, True), (STATE, 5.0, True), (REQUEST, 5.0, False), (STATE, 6.0, True)]
    assert (sent.timestamp, sent.is_rx) == (0.0, True), "it is still on its way, and nobody has touched it"


def test_a_station_without_frames_has_no_file(tmp_path: Path) -> None:
    CanLog(tmp_path).close()
    assert not (tmp_path / canlog.NAME).exists()


def test_a_disk_that_takes_no_more_ends_the_log_and_is_told_in_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    run = Run(tmp_path, IDENTITY, {}, now=lambda: 0.0)
    run.can_log.write(frame(1))
    monkeypatch.setattr(can.BLFWriter, "on_message_received", full)
    run.can_log.write(frame(2))
    run.can_log.write(frame(3))
    run.end(Verdict.PASS, None)
    manifest = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["verdict"], manifest["can_log"]) == ("PASS", "can.blf ended: [Errno 28] No space left on device")
    assert [message.arbitration_id for message in kept(run.folder)] == [1]


def test_a_bench_in_real_time_keeps_what_it_asked_and_what_the_node_said(tmp_path: Path) -> None:
    with served(tmp_path, shipped="served-pack", speed=5) as running:
        setup = Setup(*load_station(str(running.station)), *load_pack("lfp-96s"))
        bench = TestBench(setup, tmp_path / "runs", IDENTITY, supervised=False)
        bench.open()
        bench.run(Rest(until=elapsed(seconds=30)))
        bench.conclude()
    frames = kept(bench.run_log.folder)
    assert {REQUEST, STATE} <= {message.arbitration_id for message in frames}
    times = [message.timestamp for message in frames if message.arbitration_id == STATE]
    assert times == sorted(times)


def test_a_virtual_bench_keeps_none(little_bench: TestBench, plant: Plant) -> None:
    little_bench.run(Rest(until=elapsed(seconds=30)))
    little_bench.conclude()
    assert plant.calls
    assert not (little_bench.run_log.folder / canlog.NAME).exists()
