"""Cells as other programs write them: numbers with commas, durations, dates, words; all of a column at once."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.foreign.source import Floats

DURATION = r"^\s*(?:(?P<d>\d+)\s*(?:d|days?|-|\.)\s*)?(?P<h>\d+):(?P<m>\d{1,2}):(?P<s>\d{1,2}(?:[.,:]\d+)?)\s*$"
"""`0d 00:00:05.05`, `1.02:03:04`, `27:14:09,5`, `00:00:01:250` (some write the milliseconds behind a colon)."""
DATES = (
    "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p", "%Y-%m-%d %I:%M:%S %p", "%d.%m.%Y %H:%M:%S", "%d-%b-%y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%m-%d-%Y %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S,%f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M", "%Y/%m/%d %I:%M:%S %p", "%m/%d/%y %H:%M:%S", "%d/%m/%y %H:%M:%S",
    "%m/%d/%y %I:%M:%S %p", "%d/%m/%y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S.%f %p", "%m/%d/%Y %I:%M %p", "%m/%d/%y %H:%M",
    "%d/%m/%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S,%f", "%d.%m.%y %H:%M:%S", "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %I:%M:%S %p", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M",
)  # fmt: skip
UNIX, EXCEL, MATLAB = (1e8, 1e11), (2e4, 8e4), (6.9e5, 8e5)
"""What a number of a date can be: s since 1970, days since 1899-12-30, days since the year 0."""
FINER = (1e-3, 1e-6, 1e-9)
"""s: what loggers count since 1970 in else. No two of them can be taken for each other."""


def is_text(column: Any) -> bool:
    """Whether an arrow column holds words."""
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def floats(column: Any) -> Floats:
    """Numbers of an arrow column; `nan` for what is missing or is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_text(column):
        column = _cast(column)
    elif not pa.types.is_float64(column.type):
        column = pc.cast(column, pa.float64(), safe=False)
    if column.null_count:
        column = pc.fill_null(column, float("nan"))
    chunks = [np.from_dlpack(chunk) for chunk in getattr(column, "chunks", [column]) if len(chunk)]
    if len(chunks) == 1:
        return np.asarray(chunks[0], dtype=np.float64)
    return np.concatenate(chunks) if chunks else np.empty(0)


SHORT = r"^\s*(?P<many>\d+):(?P<few>\d{1,2}(?:[.,]\d+)?)\s*$"
"""`59:50`, `119:07.5`: minutes and seconds, or hours and minutes."""


def two_fields(column: Any, last: float) -> Floats:
    """Durations in s of words of two fields, of which the last counts so many s; `nan` where they are none."""
    import pyarrow.compute as pc

    found = pc.extract_regex(column, pattern=SHORT)
    many, few = (floats(_or_zero(pc.struct_field(found, name), optional=False)) for name in ("many", "few"))
    return last * (60 * many + few)


def has_two_fields(column: Any) -> bool:
    """Whether most of these words are times of two fields, of which nobody says which."""
    import pyarrow.compute as pc

    known = column.drop_null()
    return len(known) > 0 and 2 * (pc.sum(pc.match_substring_regex(known, SHORT)).as_py() or 0) > len(known)


_NUMBER = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"


_THOUSANDS = r"^[-+]?\d{1,3}(?:,\d{3})+\.\d+$"
"""A comma beside a point parts thousands, in all of the column."""


_POINTS, _POINTED = r"^[-+]?\d{1,3}(?:\.\d{3})+,\d+$", r"^[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$"
"""Points before a comma part thousands, in all of the column: beside `1.234,5` a `1.236` is 1236."""
BLANKS = "[\u00a0\u2009\u202f]"


def _cast(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Thousands may be parted by blanks that are none of ASCII, or by points before a comma.
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), BLANKS, "")
    if pc.any(pc.match_substring_regex(text, _POINTS)).as_py():
        text = pc.if_else(pc.match_substring_regex(text, _POINTED), pc.replace_substring(text, ".", ""), text)
    if pc.any(pc.match_substring_regex(text, _THOUSANDS)).as_py():
        text = pc.replace_substring(text, ",", "")
    commas = pc.replace_substring(text, ",", ".")
    text = pc.if_else(pc.match_substring_regex(text, r"^[-+]?\d*,\d+(?:[eE][-+]?\d+)?$"), commas, text)
    good = pc.match_substring_regex(text, _NUMBER)
    return pc.cast(pc.if_else(good, text, None), pa.float64())


def durations(column: Any) -> Floats:
    """Durations in s of an arrow column of words; `nan` where it is none."""
    import pyarrow.compute as pc

    found = pc.extract_regex(column, pattern=DURATION)
    fields = {
        name: floats(_or_zero(pc.struct_field(found, name), optional=name == "d")) for name in ("d", "h", "m", "s")
    }
    return 86400 * fields["d"] + 3600 * fields["h"] + 60 * fields["m"] + fields["s"]


def _or_zero(text: Any, *, optional: bool) -> Any:
    import pyarrow.compute as pc

    text = pc.replace_substring(pc.replace_substring(text, ":", "."), ",", ".")
    return pc.if_else(pc.equal(text, ""), "0", text) if optional else text


def times(column: Any, last: float | None = None) -> Floats | None:
    """Times in s of words: durations, or moments since the first of them; None where most are neither.

    `last` is what the last of two fields counts (s), where the header says that there are two.
    """
    found = durations(column) if last is None else two_fields(column, last)
    if np.isfinite(found).mean() > 0.5:
        return found
    if np.isfinite(floats(column)).mean() > 0.5:
        return None
    moments = _written(column)
    known = np.isfinite(moments)
    return moments - moments[known][0] if known.mean() > 0.5 else None


def dates(column: Any) -> Floats:
    """Civil time as s since 1970, as if it were UTC; `nan` where it cannot be told.

    Numbers are told apart by their size: s (ms, µs, ns) since 1970, days of a spreadsheet, days of MATLAB.
    """
    if not is_text(column):
        return _numbered(floats(column))
    import pyarrow.compute as pc

    column = pc.utf8_trim_whitespace(column)
    numbers = floats(column)
    if np.isfinite(numbers).mean() > 0.5:
        return _numbered(numbers)
    return _written(column)


def _numbered(values: Floats) -> Floats:
    middle = float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
    if UNIX[0] < middle < UNIX[1]:
        return values
    for finer in FINER:
        if UNIX[0] < middle * finer < UNIX[1]:
            return values * finer
    if EXCEL[0] < middle < EXCEL[1]:
        return (values - 25569.0) * 86400
    if MATLAB[0] < middle < MATLAB[1]:
        return (values - 719529.0) * 86400
    return np.full(len(values), np.nan)


def _written(column: Any) -> Floats:
    """The form under which most are dates; of equal ones that under which time goes back least often, and least far.

    1 and 2 March are a day apart, and the third of January and of February a month.
    """
    import pandas as pd

    texts = column.to_pandas().astype(object)
    sample = texts.dropna().iloc[:: max(1, len(texts) // 500)]
    scores = {form: int(pd.to_datetime(sample, format=form, errors="coerce", utc=True).notna().sum()) for form in DATES}
    most = max(scores.values(), default=0)
    if not most:
        return np.full(len(texts), np.nan)
    read = [
        _seconds(pd.to_datetime(texts, format=form, errors="coerce", utc=True))
        for form, n in scores.items()
        if n == most
    ]
    return min(read, key=lambda each: (_backwards(each), float(np.nanmax(each) - np.nanmin(each))))


def _seconds(moments: Any) -> Floats:
    import pandas as pd

    seconds = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.asarray(seconds.to_numpy(), dtype=np.float64)


def _backwards(seconds: Floats) -> int:
    known = seconds[np.isfinite(seconds)]
    return int((np.diff(known) < 0).sum() + 2 * (len(seconds) - len(known)))


def words(column: Any, meaning: Mapping[str, int]) -> Floats:
    """Numbers for words, by the longest word of `meaning` that a cell begins with (small letters); `nan` for others."""
    import pyarrow.compute as pc

    if not is_text(column):
        return np.full(len(column), np.nan)
    # Few different words stand in many rows: each is looked up once.
    coded = pc.dictionary_encode(pc.fill_null(column, "")).combine_chunks()
    known = [_meaning(str(word), meaning) for word in coded.dictionary.to_pylist()]
    return np.asarray(known, dtype=np.float64)[np.asarray(coded.indices.to_numpy(), dtype=np.int64)]


def _meaning(word: str, meaning: Mapping[str, int]) -> float:
    text = re.sub(r"[\s_]+", " ", word).strip().lower()
    fitting = [key for key in meaning if text == key or (len(key) > 1 and text.startswith(key))]
    return float(meaning[max(fitting, key=len)]) if fitting else float("nan")
