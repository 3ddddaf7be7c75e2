"""The trace of a frequency, as a test gives it: written down, made, or in a file of a user's."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bench.verdicts import InputError
from models.grid.frequency import Frequency, read_frequency
from models.grid.reading import SeriesError

Trace = str | Path | Frequency | Sequence[tuple[float, float]]


def trace_of(frequency: Trace) -> Frequency | Sequence[tuple[float, float]]:
    """What is given, a file read; raises `InputError`, one sentence, for one that is no record of a frequency."""
    if not isinstance(frequency, str | Path):
        return frequency
    path = Path(frequency)
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InputError(f"frequency {path} cannot be read: {error.strerror or error}.") from error
    except SeriesError as error:
        raise InputError(f"frequency {error}") from error


@lru_cache(maxsize=8)
def _read(path: Path, _modified: int, _size: int) -> Frequency:
    """A scenario is judged more than once; a file that has not changed need not be read again for that."""
    return read_frequency(path)
