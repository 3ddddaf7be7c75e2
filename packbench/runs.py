"""Recorded runs, for a notebook or a script of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def load_run(folder: str | Path) -> "pd.DataFrame":
    """Samples of the run in `folder`, a column per channel in its unit, as a frame.

    `frame.attrs` has the `manifest` (`run.json`) and the `events`; `packbench.Recording` and `packbench.kpi` make
    figures of the same folder. Raises `RecordingError` for a folder that is no run, or a damaged one.
    """
    import pandas as pd

    from reports.recording import Recording

    run = Recording.load(Path(folder))
    frame = pd.DataFrame({name: run.column(name) for name in run.columns})
    frame.attrs |= {"manifest": dict(run.manifest), "events": list(run.events)}
    return frame
