"""The part of a run's `can.blf` that belongs to some seconds, as a BLF file of its own and as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.recording.canlog import NAME
from instruments.wires.can import written
from reports.forensics.blf_tail import tail_of
from reports.forensics.moment import Moment

if TYPE_CHECKING:
    from can import Message

OTHER_EPOCH = 3600.0
"""s by which the last frame and the end of the run differ where an interface counts time from somewhere else."""


class Slice(NamedTuple):
    """Frames in the order of the file, and a sentence on each thing that is missing of them."""

    frames: "tuple[Message, ...]"
    missing: tuple[str, ...]


def cut(folder: Path, manifest: Mapping[str, Any], moment: Moment, end: float) -> Slice:
    """Cut the log to what is looked at; `end` is the test time (s) at which the recording ends."""
    path = folder / NAME
    if not path.is_file():
        return Slice((), _why_none(manifest))
    start, stop, ended = (moment.civil(time) for time in (moment.start, moment.stop, end))
    if start is None or stop is None or ended is None:
        return Slice((), (f"{NAME} cannot be cut: no event of this run tells the civil time.",))
    frames, missing = _read(path, ended - start)
    if manifest.get("can_log"):
        missing = (*missing, f"{manifest['can_log']}.")
    if not frames:
        return Slice((), (*missing, f"{NAME} holds no frame that can be read."))
    last = max(frame.timestamp for frame in frames)
    # Some interfaces stamp frames by a clock of their own: what is known of it is that the log ends with the run.
    other = last - ended if abs(last - ended) > OTHER_EPOCH else 0.0
    found = tuple(frame for frame in frames if start <= frame.timestamp - other <= stop)
    if not found:
        missing = (*missing, f"{NAME} has no frame in these seconds.")
    return Slice(found, missing)


def _why_none(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    clock, instruments = (manifest.get("clock") or {}).get("kind"), manifest.get("instruments", ())
    has_bus = any("::" not in str(each.get("resource")) and "bms" in each.get("roles", ()) for each in instruments)
    if clock == "virtual" or not has_bus:
        return ()
    return (f"{NAME} is missing, though this bench has a CAN bus and real time.",)


def _read(path: Path, seconds: float) -> "tuple[list[Message], tuple[str, ...]]":
    """At least the frames of the last `seconds`; they are in memory together."""
    from can import BLFReader

    frames: list[Message] = []
    try:
        end = tail_of(path, seconds)
        with BLFReader(end.file) as reader:
            frames.extend(reader)
        why = "its last container is not whole" if end.cut else ""
    except Exception as error:  # noqa: BLE001 - whatever a file that was cut off makes its reader raise
        why = str(error) or type(error).__name__
    told = f"{NAME} is cut off or damaged ({why}): {len(frames)} frames of its end could be read."
    return frames, (told,) if why else ()


def as_blf(frames: "Sequence[Message]") -> bytes:
    """A file of these frames that python-can and the tools of the field read."""
    from can import BLFWriter

    with TemporaryDirectory() as scratch:
        path = Path(scratch) / NAME
        with BLFWriter(path) as writer:
            for frame in frames:
                writer.on_message_received(frame)
        return path.read_bytes()


def as_text(frames: "Sequence[Message]") -> str:
    """A line each: seconds from the first one, the direction, identifier and payload in hexadecimal."""
    first = frames[0].timestamp if frames else 0.0
    return "".join(
        f"{frame.timestamp - first:10.4f} {'<' if frame.is_rx else '>'} {written(frame)}\n" for frame in frames
    )
