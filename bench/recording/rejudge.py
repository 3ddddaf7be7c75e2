"""Judges the measurements of a recorded run again, with values computed anew from its samples.

A value that no figure gives is taken as it was recorded, and marked so. What ended the run besides its
measurements (a trip, a bench fault) stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from bench.accepted import figure_named
from bench.verdicts import Measurement, Verdict, worst

Figure = tuple[str, str | None]
"""Name and step of a measured quantity."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One measurement: what the run said, and what its data say. `from_data` is False for a value taken over."""

    measurement: Measurement
    recorded_value: float
    recorded_verdict: Verdict
    from_data: bool

    def as_dict(self) -> dict[str, Any]:
        """The measurement as in a manifest, and what had been recorded."""
        return {
            **self.measurement.as_dict(), "recorded_value": self.recorded_value,
            "recorded_verdict": str(self.recorded_verdict), "from_data": self.from_data,
        }  # fmt: skip


KEPT = ("at_least", "at_most", "step", "requirement", "required", "source", "unmeasurable", "unstated", "in_limit")
"""Fields of a measurement that are as they were recorded."""


def rejudge(recorded: Sequence[Mapping[str, Any]], figures: Mapping[Figure, float]) -> list[Rejudged]:
    """Judge `recorded` (measurements of a manifest) against their own limits, with the values in `figures`."""
    return [_rejudge(_measurement(fields), Verdict(fields["verdict"]), figures) for fields in recorded]


def verdict_of(manifest: Mapping[str, Any], rejudged: Sequence[Rejudged]) -> Verdict | None:
    """The verdict of a whole run after `rejudge`; None when it never ended."""
    if manifest["verdict"] is None:
        return None
    recorded = Verdict(manifest["verdict"])
    explained = worst([entry.recorded_verdict for entry in rejudged])
    # A verdict worse than any measurement came from elsewhere: new values do not undo it.
    others = [recorded] if recorded.severity > explained.severity else []
    return worst([*others, *(entry.measurement.verdict for entry in rejudged)])


def _rejudge(recorded: Measurement, verdict: Verdict, figures: Mapping[Figure, float]) -> Rejudged:
    value = figures.get((figure_named(recorded.name), recorded.step))
    judged = recorded if value is None else replace(recorded, value=value)
    return Rejudged(judged, recorded.value, verdict, from_data=value is not None)


def _measurement(fields: Mapping[str, Any]) -> Measurement:
    # A manifest has null where a value was never measured: JSON has no nan.
    value = nan if fields["value"] is None else float(fields["value"])
    known: dict[str, Any] = {name: fields.get(name) for name in KEPT}
    of: dict[str, Any] = {"subject": fields["subject"]} if "subject" in fields else {}
    spread = fields.get("uncertainty") or 0.0
    return Measurement(fields["name"], value, fields["unit"], uncertainty=spread, **known, **of)
