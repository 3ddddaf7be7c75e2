"""Recordings of others: read, examined, cut into steps and made a `Recording` that every KPI can be computed from.

A file format is one file in `formats/` (or an entry point of the group `packbench.formats`), a check one function in
`checks/`. The order is fixed: a format reads columns and changes no value but its unit; the examination looks for what
cannot be true; only then are counters joined and steps found. What was found wrong withholds the columns that it makes
wrong, so that no KPI is computed from them.
"""

from reports.foreign.opening import ForeignRecording, open_recording
from reports.foreign.source import Finding, Source

__all__ = ["Finding", "ForeignRecording", "Source", "open_recording"]
