"""The moment that a failed run is looked at: when, in which step, by which limit, and where that is in civil time.

A limit or a fault has a time of its own. A figure that was judged when all was over is about a step: the end of that
one is looked at. A process that died has told nothing: then it is the end of what it left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.recording import Event

BEFORE, AFTER = 60.0, 5.0
"""s that are looked at before the moment, and behind it: how the bench was made safe."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`time` in s of test time; `limit` is what was violated, as the manifest has it, and None where nothing was."""

    time: float
    step: str = ""
    causes: tuple[str, ...] = ()
    limit: Mapping[str, Any] | None = None
    fault: str = ""
    utc: float | None = None
    """Seconds of the epoch at `time`; None where the run has no civil time (a virtual clock)."""
    speed: float = 1.0
    """Seconds of test time in one of civil time."""

    @property
    def start(self) -> float:
        """From when on things are looked at, s."""
        return self.time - BEFORE

    @property
    def stop(self) -> float:
        """Until when, s."""
        return self.time + AFTER

    def civil(self, time: float) -> float | None:
        """Seconds of the epoch at a test time."""
        return None if self.utc is None else self.utc + (time - self.time) / self.speed


def moment_of(manifest: Mapping[str, Any], events: Sequence[Event], last: float | None) -> Moment:
    """What a run's manifest and events say of its first cause; `last` is the time of its last sample (None: no sample).

    Of a run without a manifest give an empty one.
    """
    cause = manifest.get("cause") or _told(events)
    step = str(cause.get("step") or "") or _running(events)
    time = _time_of(cause, step, events, last)
    speed = float((manifest.get("clock") or {}).get("speed") or 1.0)
    texts = tuple(str(each["text"]) for each in manifest.get("causes") or ([cause] if cause.get("text") else ()))
    limit = _limit(manifest, events, str(cause.get("limit") or ""))
    return Moment(time, step, texts, limit, str(cause.get("fault") or ""), _civil(time, events, speed), speed)


def _told(events: Sequence[Event]) -> Mapping[str, Any]:
    """The cause that the events know where no manifest has one."""
    trips = (event for event in events if event["type"] == "trip")
    errors = (event for event in events if event["type"] == "message" and event.get("level") == "error")
    return next(trips, None) or next(errors, None) or {}


def _running(events: Sequence[Event]) -> str:
    """The step in which the events end; empty where they end between two."""
    names: dict[object, str] = {}
    for event in events:
        if event["type"] == "step started":
            names[event["index"]] = str(event["name"])
        elif event["type"] == "step ended":
            names.pop(event["index"], None)
    return next(reversed(names.values()), "")


def _time_of(cause: Mapping[str, Any], step: str, events: Sequence[Event], last: float | None) -> float:
    tripped = any(event["type"] in {"trip", "message"} and event.get("text") == cause.get("text") for event in events)
    if cause.get("time") is not None and tripped:
        return float(cause["time"])
    ends = [event["time"] for event in events if event["type"] == "step ended" and event["name"] == step]
    if ends:
        return float(ends[-1])
    if cause.get("time") is not None:
        return float(cause["time"])
    return last if last is not None else float(events[-1]["time"]) if events else 0.0


def _limit(manifest: Mapping[str, Any], events: Sequence[Event], name: str) -> Mapping[str, Any] | None:
    """As it was violated, else as a figure that was judged, else as it was set."""
    tripped = ({**event, "name": event.get("limit")} for event in events if event["type"] == "trip")
    known = [*tripped, *manifest.get("measurements", ()), *manifest.get("limits", ())]
    return next((each for each in known if name and each.get("name") == name), None)


def _civil(time: float, events: Sequence[Event], speed: float) -> float | None:
    """By the event before it that has both times."""
    dated = [event for event in events if event.get("utc")]
    if not dated:
        return None
    near = max((event for event in dated if event["time"] <= time), key=lambda event: event["time"], default=dated[0])
    return datetime.fromisoformat(str(near["utc"])).timestamp() + (time - float(near["time"])) / speed
