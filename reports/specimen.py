"""A specimen against itself: the limits that its own accepted runs give, and what may be accepted of a run.

How much a figure may be worse than the accepted one, its KPI says (`specimen=` where it is registered). The limit lies
that far from the accepted value on the KPI's bad side, and further by the expanded uncertainty of the difference: two
figures of the same meters, each with its own half-width, are told apart beyond the square root of their squares' sum.
"""

from collections.abc import Iterator, Mapping
from math import hypot, isfinite
from typing import Any

from bench.accepted import OF_THIS_SPECIMEN, Accepted, AcceptedValue
from bench.verdicts import InputError, Verdict
from reports.kpi import Kpi, found
from reports.requirements import Bounds

NEITHER = frozenset({Verdict.BENCH_FAULT, Verdict.ABORTED, Verdict.TEST_ERROR})
"""Verdicts of runs from which nothing of the pack is known."""


def limits_of(
    measured: Kpi, uncertainty: float, accepted: Accepted, at: str, temperature: float | None
) -> Bounds | None:
    """The limit for a figure with its uncertainty (half-width), in its unit; None where nothing was accepted of it."""
    kpi = found().named(measured.key) if measured.key else None
    if kpi is None or kpi.specimen is None:
        return None
    asked = measured.temperature if temperature is None else temperature
    value = accepted.find(measured.key, at, asked)
    if value is None:
        return None
    if value.unit != measured.unit:
        raise InputError(
            f"{measured.name!r} is in {measured.unit}, and {value.value:g} {value.unit} was accepted: accept one anew."
        )
    room = kpi.specimen * abs(value.value) + hypot(uncertainty, value.uncertainty)
    source = (
        f"accepted run {value.run}: {value.value:.4g} ± {value.uncertainty:.2g} {value.unit}, "
        f"with {100 * kpi.specimen:g} % and the uncertainty of both as room"
    )
    if measured.sense == "at_least":
        return Bounds(at_least=value.value - room, source=source)
    if measured.sense == "within":  # on either side of nothing
        return Bounds(-abs(value.value) - room, abs(value.value) + room, source=source)
    return Bounds(at_most=value.value + room, source=source)


def name_of(measured: Kpi) -> str:
    """What a figure is called where it is judged against the accepted one."""
    return measured.name + OF_THIS_SPECIMEN


def acceptable(manifest: Mapping[str, Any]) -> list[AcceptedValue]:
    """What can be accepted of a run (its manifest): figures that the pack file asks for and a specimen has to keep.

    Raises `InputError` for a run that says nothing of the pack, or has no such figure.
    """
    _refuse_useless(manifest)
    values = list(_values(manifest))
    if not values:
        keep = ", ".join(example for kpi in found().kpis if kpi.specimen is not None for example in kpi.examples())
        raise InputError(
            f"Run {manifest['run_id']} has no figure that a specimen has to keep; accept one that measures {keep} by "
            "the pack's requirements."
        )
    return values


def _refuse_useless(manifest: Mapping[str, Any]) -> None:
    run, verdict = manifest["run_id"], manifest["verdict"]
    if verdict is None or Verdict(verdict) in NEITHER:
        told = f"ended with {verdict}" if verdict else "never ended"
        raise InputError(f"Run {run} {told}: it says nothing of the pack, and nothing of it can be accepted.")
    if manifest.get("defects"):
        raise InputError(f"Run {run} had seeded defects ({', '.join(manifest['defects'])}); accept one without.")


def _values(manifest: Mapping[str, Any]) -> Iterator[AcceptedValue]:
    for measured in manifest["measurements"]:
        asked = measured.get("required")
        kpi = found().named(asked["key"]) if asked else None
        value = measured["value"]
        if asked is None or kpi is None or kpi.specimen is None or value is None or not isfinite(value):
            continue
        yield AcceptedValue(
            kpi=asked["key"], at=asked["at"], temperature=asked["temperature"], value=value,
            uncertainty=measured.get("uncertainty") or 0.0, unit=measured["unit"], run=manifest["run_id"],
        )  # fmt: skip
