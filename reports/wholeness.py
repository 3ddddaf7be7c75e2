"""Whether what was read of a results folder is what its writers leave: everything behind it may rely on that.

A disk, a copy or a killed process leaves halves; JSON that can be parsed may still be another file. What is not whole
is not repaired and not guessed at: its test is told from the run itself, or as not to be believed.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

NAMED = ("station", "pack")
"""Parts of a manifest that have a name."""


def is_result(told: object) -> bool:
    """Whether it is a result of Allure with attachments in its own folder."""
    if not isinstance(told, dict) or not all(isinstance(told.get(key), str) for key in ("uuid", "name")):
        return False
    times = (told.get(key, 0) for key in ("start", "stop"))
    return (
        all(isinstance(time, int | float) for time in times)
        and isinstance(told.get("statusDetails") or {}, dict)
        # A value that is empty, as the package of a test in the root folder, Allure leaves out.
        and _all(told.get("labels", []), lambda each: "name" in each and each.get("value", "") is not None)
        and _all(told.get("attachments", []), lambda each: _is_beside(each.get("source")))
    )


def is_manifest(told: object) -> bool:
    """Whether it is the manifest of a run, as far as a report relies on it."""
    if not isinstance(told, dict) or not told.get("run_id"):
        return False
    parts = (told.get(key) for key in (*NAMED, "test", "clock", "versions"))
    return (
        all(isinstance(part, dict) for part in parts)
        and all("name" in told[key] for key in NAMED)
        and "kind" in told["clock"]
        and _all(told.get("measurements", []), lambda each: "name" in each)
        and _all(told.get("instruments", []), _is_device)
        and isinstance(told.get("duration") or 0.0, int | float)
        and isinstance(told.get("cause") or {}, dict)
        and _is_time(told.get("started"), datetime)
    )


def _all(told: object, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
    return isinstance(told, list) and all(isinstance(each, Mapping) and holds(each) for each in told)


def _is_device(told: Mapping[str, Any]) -> bool:
    return "name" in told and _is_time(told.get("calibration_due"), date)


def _is_time(told: object, kind: "type[date]") -> bool:
    """Whether it is a time, or nothing."""
    try:
        return not told or bool(kind.fromisoformat(str(told)))
    except ValueError:
        return False


def _is_beside(source: object) -> bool:
    """Whether it is the name of a file in the same folder: what a report copies is never from elsewhere."""
    return isinstance(source, str) and Path(source).name == source
