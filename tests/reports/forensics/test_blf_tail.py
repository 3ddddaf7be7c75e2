"""The end of a CAN log without the rest of it: what python-can reads of the whole file, from no more than its end."""

from pathlib import Path

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.forensics import blf_tail
from reports.forensics.blf_tail import tail_of

EPOCH, FRAMES, PERIOD = 1.7e9, 12_000, 0.01
LOOKS_LIKE_AN_OBJECT = b"LOBJ\x10\x00\x01\x00"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a bus in some containers; each seventh frame carries what an object begins with."""
    path = tmp_path_factory.mktemp("log") / "can.blf"
    with can.BLFWriter(path, max_container_size=16_000) as writer:
        for number in range(FRAMES):
            data = LOOKS_LIKE_AN_OBJECT if number % 7 == 0 else number.to_bytes(8, "little")[: number % 9]
            writer.on_message_received(
                can.Message(EPOCH + PERIOD * number, number % 0x800, is_extended_id=False, data=data)
            )
    return path


def read(file: object) -> list[tuple[float, int, bytes]]:
    with can.BLFReader(file) as reader:  # type: ignore[arg-type]
        return [(each.timestamp, each.arbitration_id, bytes(each.data)) for each in reader]


@settings(max_examples=25)
@given(st.floats(0, 2 * FRAMES * PERIOD))
def test_it_has_the_last_seconds_as_the_whole_file_has_them(log: Path, seconds: float) -> None:
    whole, found = read(log), read(tail_of(log, seconds).file)
    assert found == whole[len(whole) - len(found) :]
    last = whole[-1][0]
    wanted = sum(time >= last - seconds for time, *_ in whole)
    assert wanted <= len(found) <= wanted + (BEFORE_AND_A_CONTAINER if wanted < len(whole) else 0)


BEFORE_AND_A_CONTAINER = round(blf_tail.BEFORE / PERIOD) + 2 * 16_000 // 32


def test_nothing_is_unpacked_that_is_older(log: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "can.blf"
    content = bytearray(log.read_bytes())
    content[144 + 32 : 144 + 64] = bytes(32)  # what the first container holds
    damaged.write_bytes(content)
    assert read(tail_of(damaged, 5.0).file) == read(tail_of(log, 5.0).file)
    with pytest.raises(ValueError, match="a container cannot be unpacked"):
        tail_of(damaged, 1e9)


@pytest.mark.parametrize("lost", [8, 40, 3000])
def test_of_a_file_that_was_cut_off_the_end_that_is_there_is_read(log: Path, tmp_path: Path, lost: int) -> None:
    cut = tmp_path / "can.blf"
    cut.write_bytes(log.read_bytes()[:-lost])
    tail = tail_of(cut, 20.0)
    assert (tail.cut, tail_of(log, 20.0).cut) == (True, False)
    times = [time for time, *_ in read(tail.file)]
    assert times == sorted(times)
    assert len(times) >= 1900


@pytest.mark.parametrize("content", [b"", b"LOGG", b"LOGG" + bytes(4000), b"no log at all", bytes(4000)])
def test_what_is_no_such_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "can.blf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not begin as a BLF file does"):
        tail_of(path, 60.0)
