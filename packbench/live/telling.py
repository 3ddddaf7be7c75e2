"""What a live page is told of a run: its scenario, the bench just now, every cell, the nearest limits, how it ended."""

import re
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np

from bench import columns as labels
from bench.asking import ANSWERED, ASKED
from instruments.roles import BmsState
from packbench.live.watching import SHOWN, Watched, time_of

NEAREST = 12
"""Limits that are shown, those with the least room first."""
_CELL = re.compile(r"^(?P<who>.+) Cell (?P<number>\d+) / V$")
_ASKED = re.compile(r"^(?:Set |Command )(?P<name>.+) / (?P<unit>\S+)$")
"""Columns of what is asked of the bench; NaN while nothing is."""
_STAY = frozenset({labels.SET_TEMPERATURE, labels.SET_COOLANT_TEMPERATURE, labels.SET_COOLANT_FLOW})
"""What goes on being asked for when the outputs are off."""
_CONTACTORS = {
    BmsState.OPENING: "opening", BmsState.STANDBY: "open", BmsState.PRECHARGE: "closing", BmsState.CLOSED: "closed",
    BmsState.DISCHARGE: "closed", BmsState.CHARGE: "closed",
}  # fmt: skip


def head(run: Watched) -> dict[str, Any]:
    """What stays the same as long as the run goes on."""
    manifest = run.manifest
    return {
        "run": run.name, "title": manifest["test"].get("title") or manifest["test"].get("name", ""),
        "station": manifest["station"].get("name", ""), "pack": manifest["pack"].get("name", ""),
        "serial": manifest["pack"].get("serial_number") or "", "columns": SHOWN,
    }  # fmt: skip


def state(run: Watched) -> dict[str, Any]:
    """What changes: the present step and how far it is, the bench, every cell, the nearest limits, how it ended."""
    time = run.latest.get(labels.TEST_TIME, nan)
    step = run.steps[-1] if run.steps else None
    room = left(run, time)
    return {
        "time": _number(time), "verdict": run.manifest.get("verdict") if run.over else None, "over": run.over,
        "cause": (run.manifest.get("cause") or {}).get("text", "") if run.over else "",
        "bench": (run.manifest.get("bench_verdict") or {}).get("state", "") if run.over else "",
        "doing": _doing(run), "step": None if step is None else {
            "index": step.get("index"), "name": step.get("name"), "until": step.get("until"),
            "since": _number(time - time_of(step)), "expected": step.get("expected_duration"),
        },
        "left": room["step"], "scenario_left": room["scenario"], "unknown": room["unknown"], "now": bench(run),
        "question": question(run), "cells": cells(run.latest), "limits": limits(run),
    }  # fmt: skip


def scenario(run: Watched) -> list[dict[str, Any]]:
    """Every step, done, present and to come, in order: how long it took, or is expected to (None: nobody knows)."""
    begun = {step["index"]: step for step in run.steps}
    present = run.steps[-1].get("index") if run.steps and "ended" not in run.steps[-1] and not run.over else None
    return [
        {
            "index": index, "name": step.get("name"), "until": step.get("until"),
            "expected": step.get("expected_duration"), "took": step.get("ended"), "now": index == present,
            "begun": index in begun, "stopped": step.get("verdict") not in (None, "PASS"),
        }
        for index, step in sorted((run.planned | begun).items())
    ]  # fmt: skip


def left(run: Watched, time: float) -> dict[str, Any]:
    """S that are left, as far as anybody can know: of the present `step` (None: nobody, or none), of the `scenario`.

    That is the sum over its steps that have not ended; `unknown` of them are not in it, for nobody knows them.
    """
    steps = [step for step in scenario(run) if step["took"] is None and (step["now"] or not step["begun"])]
    rooms = {step["index"]: _room(run, step, time) for step in steps}
    known = [room for room in rooms.values() if room is not None]
    present = next((step["index"] for step in steps if step["now"]), None)
    return {
        "step": rooms.get(present), "scenario": sum(known) if run.planned and not run.over else None,
        "unknown": len(rooms) - len(known),
    }  # fmt: skip


def _room(run: Watched, step: Mapping[str, Any], time: float) -> float | None:
    if step["expected"] is None:
        return None
    since = time - time_of(run.steps[-1]) if step["now"] else 0.0
    return _number(max(float(step["expected"]) - (since if isfinite(since) else 0.0), 0.0))


def _doing(run: Watched) -> str:
    if run.over:
        return ""
    return "waiting for the operator" if question(run) else run.ending or "running"


def bench(run: Watched) -> dict[str, Any]:
    """The bench as of the last row: what is asked of it, what the BMS says of its contactors, the last set points.

    Of a run that is over `end` has the steps of its safe state: its last row is older than they are.
    """
    off = run.over or run.off >= run.latest.get(labels.TEST_TIME, nan)
    asked = [_quantity(name, value) for name, value in run.latest.items() if isfinite(value) and _ASKED.match(name)]
    flows = [] if off else [each for each in asked if each["column"] not in _STAY]
    bms = _bms(run.latest.get(labels.BMS_STATE, nan))
    return {
        "known": bool(run.latest), "outputs": bool(flows), "asked": flows,
        "kept": [each for each in asked if each["column"] in _STAY],
        "current": _number(run.latest.get(labels.CURRENT, nan)), "bms": bms.name if bms else "",
        "contactors": _CONTACTORS.get(bms, "not known") if bms else "nobody tells",
        "air": _number(run.latest.get(labels.AMBIENT, nan)),
        "end": [
            {"name": step.get("name"), "detail": step.get("detail")}
            for step in ((run.manifest.get("bench_verdict") or {}).get("steps") or () if run.over else ())
        ],
        "set_points": [
            {name: event.get(name) for name in ("time", "instrument", "quantity", "value", "unit")}
            for event in run.set_points.values()
        ],
    }  # fmt: skip


def _quantity(column: str, value: float) -> dict[str, Any]:
    match = _ASKED.match(column)
    return {**(match.groupdict() if match else {}), "column": column, "value": _number(value)}


def _bms(code: float) -> BmsState | None:
    """What the BMS says that it does; None where there is none, or it is not heard."""
    return BmsState(int(code)) if code in set(BmsState) else None


def question(run: Watched) -> dict[str, Any] | None:
    """What an operator is asked just now; None where nobody is, or it has been answered."""
    asked = next((event for event in reversed(run.events) if event.get("type") in (ASKED, ANSWERED)), None)
    if asked is None or asked["type"] == ANSWERED or run.over:
        return None
    return {name: asked.get(name) for name in ("step", "text", "photo", "answers")}


def cells(latest: Mapping[str, float]) -> list[dict[str, Any]]:
    """Every cell that somebody measures one by one, in V; who does stands with it."""
    found = ((_CELL.match(name), value) for name, value in latest.items())
    return [
        {"who": match["who"], "cell": int(match["number"]), "voltage": _number(value)}
        for match, value in found
        if match is not None
    ]


def limits(run: Watched) -> list[dict[str, Any]]:
    """The guard's limits that are nearest, each with the room that is left, as a share of the limit."""
    found = [each for each in (_limit(limit, run.latest) for limit in run.manifest.get("limits", ())) if each]
    return sorted(found, key=lambda limit: limit["share"])[:NEAREST]


def _limit(limit: Mapping[str, Any], latest: Mapping[str, float]) -> dict[str, Any] | None:
    value = latest.get(limit.get("column", ""), nan)
    rooms = [
        (room, bound)
        for bound, room in (
            (limit.get("at_most"), (limit.get("at_most") or 0.0) - value),
            (limit.get("at_least"), value - (limit.get("at_least") or 0.0)),
        )
        if bound is not None and isfinite(room)
    ]
    if not rooms:
        return None
    room, bound = min(rooms)
    return {
        "name": limit["name"], "value": _number(value), "limit": bound, "unit": limit.get("unit", ""), "room": room,
        "share": room / abs(bound) if bound else room, "action": limit.get("action", ""),
    }  # fmt: skip


def thinned(rows: Sequence[Sequence[float]], most: int) -> list[list[float | None]]:
    """At most so many rows, evenly taken; JSON has no word for what is no number."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)).tolist() if rows else []
    return [[_number(value) for value in rows[place]] for place in places]


def _number(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None
