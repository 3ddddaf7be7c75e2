"""From a file of somebody else's to a `Recording`: read, examined, cut into steps, its counters joined."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from bench import columns
from bench.recording.reading import Event
from bench.recording.rows import Columns, Rows, Values
from reports.foreign import source as labels
from reports.foreign.amounts import amounts_of
from reports.foreign.checks import examine
from reports.foreign.checks.comparing import unknown
from reports.foreign.exam import Exam
from reports.foreign.head import Head
from reports.foreign.made import Numbered, Without
from reports.foreign.pieces import sampled
from reports.foreign.registry import format_of
from reports.foreign.segments import Segment
from reports.foreign.source import Finding, Source
from reports.foreign.times import directed, ensure_time
from reports.recording import Recording

KINDS = {"charge": "Charge", "discharge": "Discharge", "both": "Profile", "none": "Rest"}
WORDS = {"both": "profile", "none": "rest"}
ONE_CELL = 6.0
"""V that no single cell has."""
EDGE = 2.0
"""s; a step that a record follows after a longer pause began at that record, not at the one before."""


@dataclass(frozen=True)
class ForeignRecording(Recording):
    """A recording that no bench of ours has made: its findings, its format, and what a KPI may be computed from."""

    findings: Sequence[Finding] = ()
    format: str = ""
    source: Source | None = field(default=None, repr=False)

    @property
    def defects(self) -> list[Finding]:
        """Findings that withhold something."""
        return [finding for finding in self.findings if finding.withholds]


def open_recording(path: Path | str, rated: float = nan) -> ForeignRecording:
    """Read and examine a recording. `rated` is the rated capacity (Ah), where a pack file tells it.

    Raises `InputError` with one sentence for a file that is no recording, is empty, damaged, or of several cells.
    """
    head = Head.of(Path(path))
    source = format_of(head).read(head)
    ensure_time(source)
    directed(source)
    exam = Exam(source, list(source.told))
    examine(exam)
    return _recording(exam, rated)


def _recording(exam: Exam, rated: float) -> ForeignRecording:
    table = _columns(exam)
    manifest = _manifest(exam, rated)
    withheld = {label: finding.text for finding in exam.findings for label in finding.withholds}
    if labels.VOLTAGE in withheld:
        withheld |= dict.fromkeys(labels.COUNTERS_WH, withheld[labels.VOLTAGE])
    return ForeignRecording(
        manifest, list(_events(exam)), tuple(table), Rows(Columns(list(table.values()))), withheld=withheld,
        findings=tuple(exam.findings), format=exam.source.format, source=exam.source,
    )  # fmt: skip


def _manifest(exam: Exam, rated: float) -> Mapping[str, Any]:
    """As much of a run's manifest as a file of somebody else's can fill in."""
    return {
        "run_id": exam.source.path.name, "state": "ended", "verdict": None, "cause": None, "measurements": [],
        "instruments": [], "pack": {"name": "", "capacity": rated}, "kpis": [],
        "foreign": {"format": exam.source.format, "records": len(exam.source)},
    }  # fmt: skip


def _columns(exam: Exam) -> dict[str, Values]:
    """The columns that KPIs read: those of the file, joined counters or integrals, and the step of each row."""
    source = exam.source
    # Counters are those that were found to be some: columns of zeros, and what fell, are none.
    others = [label for label in columns.DERIVED if label not in (*labels.COUNTERS_AH, *labels.COUNTERS_WH)]
    kept = {label: source.columns[label] for label in others if label in source.columns}
    first: dict[str, Values] = {
        labels.TIME: exam.time, labels.VOLTAGE: exam.voltage, labels.CURRENT: exam.current
    }  # fmt: skip
    found = first | kept | _amounts(exam)
    found[labels.STEP] = Numbered([each.start for each in exam.segments], len(source))
    if (
        columns.SURFACE in found
        and columns.SURFACE not in exam.withheld
        and float(np.median(sampled(exam.voltage))) < ONE_CELL
    ):
        # One cell, one sensor on it: what is the mean over all sensors is their highest as well.
        found[columns.CELL_TEMPERATURE_MAX] = found[columns.SURFACE]
    return found


def _amounts(exam: Exam) -> dict[str, Values]:
    """Counters since the start: the file's own where it has them, else integrals; missing where a step has neither."""
    found = {label: each.total for label, each in exam.counted.items()}
    believed = exam.believes(labels.TIME, labels.CURRENT)
    for (into, out), pair in (
        ((labels.CHARGE_AH, labels.DISCHARGE_AH), "charge"),
        ((labels.CHARGE_WH, labels.DISCHARGE_WH), "energy"),
    ):
        counters = {into, out} & found.keys()
        # Also of the one direction that a file does not count: figures of the other one read both columns.
        if believed and len(counters) < 2:
            found = dict(zip((into, out), getattr(exam, pair)(), strict=True)) | found
        elif len(counters) == 1:
            found = dict.fromkeys((into, out), _unknown(len(exam.time))) | found
    lost = _doubtful(exam, believed=believed)
    return {label: Without(each, lost[label]) if lost[label] else each for label, each in found.items()}


def _unknown(rows: int) -> Values:
    """A counter since the start of which nobody knows more than that it began at 0."""
    return np.concatenate(([0.0], np.full(max(rows - 1, 0), nan)))[:rows]


def _doubtful(exam: Exam, *, believed: bool) -> Mapping[str, Sequence[int]]:
    """Last rows of the steps whose amounts nobody knows, by the counters of their direction.

    Only by those: of the other direction the step behind it begins with that row, and is known. Where time or current
    are not `believed`, a counter is held against nothing but that it must grow.
    """
    unsure = [each.segment for each in amounts_of(exam) if (unknown(each) if believed else each.uncounted)]
    rows = {way: [each.stop - 1 for each in unsure if each.direction == way] for way in ("charge", "discharge")}
    return {
        label: rows[way]
        for counters in (labels.COUNTERS_AH, labels.COUNTERS_WH)
        for label, way in zip(counters, rows, strict=True)
    }


def _events(exam: Exam) -> Iterator[Event]:
    numbers: dict[str, int] = {}
    for index, segment in enumerate(exam.segments, 1):
        word = "pulse" if segment.pulse else WORDS.get(segment.direction, segment.direction)
        numbers[word] = numbers.get(word, 0) + 1
        name = f"{word} {numbers[word]}"
        yield {
            "type": "step started", "time": _when(exam, _began(exam, segment)), "index": index, "name": name,
            "kind": "Pulse" if segment.pulse else KINDS[segment.direction], "step_type": "", "set_points": {},
            "until": [], "direction": segment.direction, "resumable": not segment.pulse,
        }  # fmt: skip
        yield {
            "type": "step ended", "time": _when(exam, float(exam.time[segment.stop - 1])), "index": index, "name": name,
            "ended_by": "the recording", "reached": {}, "verdict": "PASS",
        }  # fmt: skip


def _when(exam: Exam, time: float) -> float:
    """A time of the recording, s; nan where its time is not believed: no step has a duration then."""
    return time if labels.TIME not in exam.withheld else nan


def _began(exam: Exam, segment: Segment) -> float:
    """When a step began, s: as long ago as its first record says, else at the record before it."""
    first = float(exam.time[segment.start])
    before = float(exam.time[segment.start - 1]) if segment.start else first
    within = exam.source.columns.get(labels.STEP_TIME)
    # It cannot have begun before the record ahead of it, which is of another step.
    if within is not None and 0 <= within[segment.start] <= max(EDGE, first - before + EDGE):
        return first - float(within[segment.start])
    return before if 0 <= first - before <= EDGE or not exam.source.has(labels.STEP_TIME) else first


__all__ = ["ForeignRecording", "open_recording"]
