"""Recordings, of runs and of other programs, for a notebook or a script of one's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from reports.recording import Recording


def load_run(folder: str | Path) -> "pd.DataFrame":
    """Samples of the run in `folder`, a column per channel in its unit, as a frame.

    `frame.attrs` has the `manifest` (`run.json`), the `events`, and the `units` by column; `packbench.Recording` and
    `packbench.kpi` make figures of the same folder. Raises `RecordingError` for a folder that is no run, or a damaged
    one.
    """
    from reports.recording import Recording

    run = Recording.load(Path(folder))
    frame = _frame(run)
    frame.attrs |= {"manifest": dict(run.manifest), "events": list(run.events)}
    return frame


def load_recording(file: str | Path) -> "pd.DataFrame":
    """Records of a cycler's file as a frame: Battery Data Format names, SI units, positive current charges.

    Counters grow since the start of the recording, `Step Count / 1` is the step that was found in the data.
    `frame.attrs` has the `units` by column, the `format`, the `findings` of the examination (sentences), what is
    `withheld` (sentences by column: the values are there, and not to be believed) and the `steps` (name, direction,
    first and last row). Raises `InputError` for a file that is no recording.
    """
    from reports.foreign import open_recording

    recording = open_recording(Path(file))
    frame = _frame(recording)
    frame.attrs |= {
        "format": recording.format, "findings": [finding.text for finding in recording.findings],
        "withheld": dict(recording.withheld),
        "steps": [
            {"name": step.name, "direction": step.direction, "first": step.rows.start, "last": step.rows.stop - 1}
            for step in recording.steps
        ],
    }  # fmt: skip
    return frame


def _frame(recording: "Recording") -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame({name: recording.column(name) for name in recording.columns})
    frame.attrs["units"] = _units(recording.columns)
    return frame


def _units(columns: Iterable[str]) -> dict[str, str]:
    """Of each column what stands behind its name: V, A, s, Ah, degC; 1 for what has none."""
    return {name: name.rpartition(" / ")[2] if " / " in name else "1" for name in columns}
