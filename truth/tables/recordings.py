"""Published recordings of cyclers: what the make's own counter says of each step, against what `packbench judge` says.

Every file below the data folder is tried. The referee goes by the file's own steps: of each it takes what the counter
shows at the end, less what it showed at the end of the step before where it has not begun anew; it shares the columns
with the reader and nothing of how they are joined.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.verdicts import InputError
from reports import kpi
from reports.foreign import ForeignRecording, Source, open_recording
from reports.foreign import source as labels

ALLOWED = 5e-4
"""Part by which a capacity may differ from the make's counter."""
LARGEST = 300_000_000
SKIPPED = frozenset({".py", ".md", ".json", ".yml", ".yaml", ".toml", ".png", ".svg", ".pdf", ".rst", ".ipynb", ".cfg"})


@dataclass(frozen=True, slots=True)
class Line:
    """One file: `worst` is the largest difference of a step (nan: it has no counter), `why` it was refused."""

    name: str
    format: str = ""
    records: int = 0
    steps: int = 0
    vendor: float = 0.0
    ours: float = 0.0
    worst: float = float("nan")
    defects: int = 0
    why: str = ""


def main(data: Path | None) -> bool:
    """Print the table; whether every capacity is within 0.05 % of its counter."""
    if data is None:
        print("Skipped: it needs published recordings, name their folder with --data.")
        return True
    lines = [_line(path, data) for path in _files(data)]
    print(f"{'file':<58} {'format':<26} {'records':>8} {'steps':>5} {'vendor/Ah':>11} {'ours/Ah':>11} {'worst':>9}")
    for line in lines:
        print(_text(line))
    read = [line for line in lines if not line.why]
    compared = [line.worst for line in read if np.isfinite(line.worst)]
    print(
        f"{len(lines)} files: {len(read)} read, {len(lines) - len(read)} refused with the reason; "
        f"{len(compared)} with counters, worst {max(compared, default=0):.2e} (allowed {ALLOWED:.0e})."
    )
    return max(compared, default=0.0) <= ALLOWED


def _files(data: Path) -> Iterator[Path]:
    for path in sorted(data.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(data).parts)
        if path.is_file() and not hidden and path.suffix.lower() not in SKIPPED and path.stat().st_size < LARGEST:
            yield path


def _line(path: Path, data: Path) -> Line:
    name = path.relative_to(data).as_posix()[-58:]
    try:
        recording = open_recording(path)
    except InputError as refused:
        return Line(name, why=str(refused).replace(str(path), "it"))
    vendor, ours = _amounts(recording)
    differences = np.abs(ours - vendor)[vendor > 1e-3 * max(vendor, default=0.0)]
    against = vendor[vendor > 1e-3 * max(vendor, default=0.0)]
    worst = float(np.max(differences / against)) if len(against) else float("nan")
    defects = len(recording.defects)
    return Line(name, recording.format, len(recording.rows), len(vendor), sum(vendor), sum(ours), worst, defects)


def _amounts(recording: ForeignRecording) -> tuple["np.typing.NDArray[np.float64]", "np.typing.NDArray[np.float64]"]:
    """Ah of each step that has a capacity, by the make's counter and by ours; none where the file has no counter."""
    pairs = []
    for figure in kpi.compute_all(recording):
        if figure.key.endswith(" capacity") and recording.source is not None:
            rows = recording.step(figure.step).rows
            told = _told(recording.source, rows, figure.key.startswith("charge"))
            pairs += [(told, figure.value)] if told is not None else []
    found = np.array(pairs).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _told(source: Source, rows: slice, charge: bool) -> float | None:
    into, out = labels.COUNTERS_AH
    label = next((each for each in (into if charge else out, labels.NET_AH, labels.STEP_AH) if source.has(each)), None)
    if label is None:
        return None
    counter = np.abs(np.nan_to_num(source.whole(label))) if label != labels.NET_AH else source.whole(label)
    # Where it shows less than half of what it showed, it counts anew: also within a step, as after a power cut.
    anew = np.flatnonzero(counter[rows][1:] < 0.5 * counter[rows][:-1]) + rows.start + 1
    changes = {*_own_changes(source, rows), *(anew.tolist() if label != labels.NET_AH else [])}
    bounds = [rows.start, *sorted(changes), rows.stop]
    return sum(_of_one(counter, first, last, label) for first, last in pairwise(bounds))


def _own_changes(source: Source, rows: slice) -> list[int]:
    changes: set[int] = set()
    for label in (labels.STEP, labels.STEP_ID, labels.CYCLE):
        if label in source.columns:
            column = source.columns[label][rows]
            changes |= {rows.start + int(at) for at in np.flatnonzero(np.diff(column)) + 1}
    return sorted(changes)


def _of_one(counter: "np.typing.NDArray[np.float64]", first: int, last: int, label: str) -> float:
    """What the counter counted in one of the file's own steps."""
    before, begin, end = float(counter[max(first - 1, 0)]), float(counter[first]), float(counter[last - 1])
    if label == labels.NET_AH:
        return abs(end - before)
    return end if begin < 0.5 * before else abs(end - before)


def _text(line: Line) -> str:
    if line.why:
        return f"{line.name:<58} refused: {line.why}"
    worst = "none" if not np.isfinite(line.worst) else f"{line.worst:.1e}"
    defects = f"  {line.defects} defects" if line.defects else ""
    return (
        f"{line.name:<58} {line.format:<26.26} {line.records:>8} {line.steps:>5} {line.vendor:>11.6g} "
        f"{line.ours:>11.6g} {worst:>9}{defects}"
    )
