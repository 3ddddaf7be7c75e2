"""How samples travel inside a page: small, and read back by a few lines of script.

Values are 16-bit steps of their range, differenced, deflated and base64-encoded: a tenth of the same numbers as text.
"""

import zlib
from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.recording import Floats

GAP = 65535  # code of a missing sample
TOP = GAP - 1
LARGEST = 2**31 - 1


def column(values: Floats, finest: float = 0.0) -> dict[str, Any]:
    """A column as a page has it: its low end, size of a step (never finer than `finest`), data."""
    low, step, data = quantise(values, finest)
    return {"low": low, "step": step, "data": data}


def quantise(values: Floats, finest: float = 0.0) -> tuple[float, float, str]:
    """Code values in at most `TOP` steps of their range, differenced modulo 65536: low end, step size, data.

    Of a table with several rows each row is coded behind the one before.
    """
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    step = max((high - low) / TOP, finest) or 1.0
    codes = np.full(values.shape, GAP, dtype=np.uint16)
    codes[finite] = np.round((values[finite] - low) / step).astype(np.uint16)
    return low, step, deflate(np.diff(codes.ravel(), prepend=np.uint16(0)).astype("<u2"))


def ticks_of(time: Floats) -> int:
    """Into how many parts a second is cut for times to be told in: 1000, fewer where months lie between two of them."""
    leap = float(np.abs(np.diff(time, prepend=0.0)).max(initial=0.0))
    return next((ticks for ticks in (1000, 100, 10) if leap * ticks < LARGEST), 1)


def pack_time(time: Floats, ticks: int = 1000) -> str:
    """Parts of a second as differences of 32-bit integers: regular scans deflate to almost nothing."""
    return whole_numbers(np.round(ticks * time).astype(np.int64))


def whole_numbers(numbers: NDArray[np.integer[Any]]) -> str:
    """Rising numbers as differences of 32 bits."""
    return deflate(np.diff(numbers, prepend=0).astype("<i4"))


def deflate(numbers: np.ndarray[Any, Any]) -> str:
    """Bytes as text."""
    return b64encode(zlib.compress(numbers.tobytes(), level=9)).decode("ascii")
